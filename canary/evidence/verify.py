"""Verifying a pack: every digest, proof, stamp and signature, and every figure, recomputed; nothing is believed or asked.

It reads no clock, no network and no file: a pack that holds today holds in ten years.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from canary.evidence.note import NoteError
from canary.evidence.pack_file import DOCUMENT, FORM, SUMMARY, WORLD, PackError, check_seal, check_sums, read_pack
from canary.evidence.report import Basis, VerifyFinding, VerifyReport
from canary.evidence.summary import write_summary
from canary.evidence.verify_case import verify_addresses, verify_guessing, verify_posterior, verify_records
from canary.evidence.verify_log import LogState, log_key, verify_log
from canary.evidence.verify_mail import verify_mails

_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError)

Check = Callable[[Mapping[str, Any], Mapping[str, bytes], LogState], Sequence[VerifyFinding]]


def verify_pack(octets: bytes, published: Sequence[str] = ()) -> VerifyReport:
    """Verify the file of a pack, with checkpoints of its log that somebody kept; never raises because of a file."""
    try:
        members = read_pack(octets)
        check_sums(members)
        document = _document(members)
        check_seal(members, log_key(document))
    except (PackError, NoteError) as fault:
        return VerifyReport((VerifyFinding(Basis.FAULT, "file", f"{_sentence(str(fault))}"),))
    except _MALFORMED as fault:
        return VerifyReport((VerifyFinding(Basis.FAULT, "file", f"{DOCUMENT}: is not in its form ({fault!r:.200})."),))
    return VerifyReport(tuple(_verify(document, members, published)))


def _verify(
    document: Mapping[str, Any], members: Mapping[str, bytes], published: Sequence[str]
) -> Sequence[VerifyFinding]:
    origin = document["log"]["key"].partition("+")[0]
    sealed = f"Nothing in this file was changed since it was sealed with the key of the log {origin} (SHA-256 of each of its {len(members) - 2} parts)."
    found = [VerifyFinding(Basis.PROVEN, "file", sealed)]
    try:
        log, said = verify_log(document, members, published)
        found += said
    except _MALFORMED as fault:
        return [
            *found,
            VerifyFinding(Basis.FAULT, "log", f"The log in {DOCUMENT} is not in its form ({fault!r:.200})."),
        ]
    if log is None:
        return found
    for about, check in CHECKS.items():
        try:
            found += check(document, members, log)
        except _MALFORMED as fault:
            found.append(VerifyFinding(Basis.FAULT, about, f"{about} in {DOCUMENT}: not in its form ({fault!r:.200})."))
    return found


def _verify_summary(document: Mapping[str, Any], members: Mapping[str, bytes], _: LogState) -> Sequence[VerifyFinding]:
    if write_summary(document).encode() != members[SUMMARY]:
        return [VerifyFinding(Basis.FAULT, "summary", f"{SUMMARY}: says something else than {DOCUMENT}.")]
    return [VerifyFinding(Basis.PROVEN, "summary", f"{SUMMARY} says what {DOCUMENT} says, and nothing else.")]


CHECKS: Mapping[str, Check] = {
    "addresses": verify_addresses,
    "mails": verify_mails,
    "records": verify_records,
    "guessing": verify_guessing,
    "attribution": verify_posterior,
    "summary": _verify_summary,
}
"""What is checked of a case, in this order, once its log holds."""


def _document(members: Mapping[str, bytes]) -> dict[str, Any]:
    if DOCUMENT not in members or WORLD not in members or SUMMARY not in members:
        raise PackError(f"{DOCUMENT}, {WORLD} or {SUMMARY} is missing")
    document = json.loads(members[DOCUMENT])
    if not isinstance(document, dict) or document.get("form") != FORM:
        raise PackError(
            f"{DOCUMENT}: is not in the form that this program reads ({FORM}); use the verifier of its time"
        )
    return document


def _sentence(fault: str) -> str:
    return f"{fault[:1].upper()}{fault[1:]}."
