"""Verifying the mails of a pack: that they are what came, and who signed them, by the keys that DNS gave at the time."""

import hashlib
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from canary.authenticate.dkim.verify import verify_dkim
from canary.authenticate.lookup import ReplayLookup
from canary.authenticate.message import split
from canary.evidence.entries import EntryKind, hit_field, recipient_field
from canary.evidence.report import Basis, VerifyFinding
from canary.evidence.verify_log import LoggedEntry, LogState, verify_entry
from canary.model.proof import Result

_T = TypeVar("_T")


def verify_mails(document: Mapping[str, Any], members: Mapping[str, bytes], log: LogState) -> Sequence[VerifyFinding]:
    """Verify each mail against its octets, the log and its signatures."""
    return [finding for mail in document["mails"] for finding in _verify_mail(mail, members, log)]


def _verify_mail(mail: Mapping[str, Any], members: Mapping[str, bytes], log: LogState) -> Iterator[VerifyFinding]:
    name = f"Mail {mail['name']}"
    octets = members[mail["file"]] if mail["file"] else None
    entry = verify_entry(mail["entry"], EntryKind.MAIL, name, log)
    if isinstance(entry, VerifyFinding):
        yield entry
        return
    if wrong := [what for what, same in _compare(mail, octets, entry.opened.values) if not same]:
        yield VerifyFinding(Basis.FAULT, "mail", f"{name}: {wrong[0]} is not what the log has of it.")
        return
    came = (
        "its octets are the ones that came"
        if octets is not None
        else f"its octets are not in the pack ({mail['withheld']})"
    )
    logged = f"{name} is entry {entry.position} of the log: {came}, and so are envelope, proofs and DNS answers."
    yield VerifyFinding(Basis.PROVEN, "mail", logged)
    if stamp := log.stamped_by(entry.position):
        by = f"{name} had been logged before {stamp.at:%Y-%m-%d %H:%M} UTC, by the stamp of {stamp.authority}."
        yield VerifyFinding(Basis.WITNESSED, "mail", by)
    yield from _verify_verdicts(mail, name, entry, log)
    if octets is not None:
        yield _verify_signatures(mail, name, octets)


def _compare(mail: Mapping[str, Any], octets: bytes | None, logged: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    if octets is not None:
        yield "what it contains", hashlib.sha256(octets).hexdigest() == mail["sha256"] and len(octets) == mail["size"]
    yield "its digest", mail["sha256"] == logged["octets"] and mail["size"] == logged["size"]
    envelope = {name: value for name, value in mail["envelope"].items() if name != "rcpt_to"}
    yield "its envelope", envelope == logged["envelope"]
    for number, to in enumerate(mail["envelope"]["rcpt_to"]):
        yield f"its recipient {number + 1}", to is None or logged.get(recipient_field(number)) == to
    yield "what was proven of its sender", mail["proofs"] == logged["proofs"]
    yield "what DNS answered", mail["answers"] == logged["answers"]


def _verify_verdicts(mail: Mapping[str, Any], name: str, entry: LoggedEntry, log: LogState) -> Iterator[VerifyFinding]:
    for hit in mail["hits"]:
        value = {each: hit[each] for each in ("address", "verdict", "confidence", "reasons")}
        if entry.opened.values.get(hit_field(hit["canary"])) == value:
            continue
        what = f"{name}: the verdict on it"
        again = verify_entry(hit["entry"], EntryKind.VERDICT, what, log) if hit["entry"] else None
        if again is None:
            text = f"{what} ({hit['verdict']}) was reached later, by a judgement that is not in the log."
            yield VerifyFinding(Basis.WORD, "verdict", text)
        elif isinstance(again, VerifyFinding):
            yield again
        elif again.opened.values != {"octets": mail["sha256"], **value}:
            yield VerifyFinding(Basis.FAULT, "verdict", f"{what} is not what the log has of it.")


def _verify_signatures(mail: Mapping[str, Any], name: str, octets: bytes) -> VerifyFinding:
    """Verify the DKIM signatures by the recorded answers of DNS, as of when the mail was received."""
    stored = mail["proofs"].get("dkim", [])
    received = datetime.fromisoformat(mail["envelope"]["received"])
    found = _finish(verify_dkim(split(octets), ReplayLookup(mail["answers"]), received))
    if any(each.result is Result.TEMPERROR for each in found):
        text = f"{name}: a signature on it was not checked, as DNS had not answered, or was not asked, when it came."
        return VerifyFinding(Basis.WORD, "dkim", text)
    said = [(each["domain"], each["selector"], each["result"]) for each in stored]
    if [(each.domain, each.selector, each.result.value) for each in found] != said:
        if not mail["answers"]:
            text = f"{name}: what is said of its signatures is the word of the receiver who checked them."
            return VerifyFinding(Basis.WORD, "dkim", text)
        return VerifyFinding(
            Basis.FAULT, "dkim", f"{name}: its signatures do not verify as the pack says that they did."
        )
    passed = [each.domain for each in found if each.result is Result.PASS]
    if passed:
        signed = f"{name} bears a valid signature of {', '.join(passed)} (DKIM, RFC 6376), by the key that DNS gave when it came."
        return VerifyFinding(Basis.PROVEN, "dkim", signed)
    text = f"{name} bears no valid signature: who sent it is known by its envelope and the host that delivered it."
    return VerifyFinding(Basis.PROVEN, "dkim", text)


def _finish(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run to its end what waits for nothing, as all answers are there."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    raise RuntimeError("a recorded answer is waited for")
