"""Verifying what a pack says of a case: to whom addresses were issued, what was recorded, could they be guessed, who leaked."""

import json
from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

from canary.evidence.entries import EntryKind
from canary.evidence.pack_file import WORLD
from canary.evidence.posterior import NEAR, answer_case, same_answer
from canary.evidence.report import Basis, VerifyFinding
from canary.evidence.verify_log import LogState, moment, verify_entry
from canary.judge.guess import guess_probability, odds
from canary.model.case import percent

_ISSUED = ("address", "domain", "vendor", "channel", "generation", "style", "bits", "persona", "issued")
_RECORDS = (
    ("events", EntryKind.EVENT, ("case", "at", "kind", "who", "text"), "The line of the case's timeline"),
    (
        "statements", EntryKind.STATEMENT, ("case", "at", "party", "claims", "text", "noted_at", "noted_by"),
        "The statement",
    ),
    ("answers", EntryKind.ANSWER, ("vendor", "at", "kind", "who", "text"), "The owner's answer about a sender"),
)  # fmt: skip


def verify_addresses(
    document: Mapping[str, Any], members: Mapping[str, bytes], log: LogState
) -> Sequence[VerifyFinding]:
    """Verify to whom and when each address was issued, as far as the log shows it."""
    del members
    found = []
    first = _first_mails(document)
    for address in document["addresses"]:
        found += _verify_address(address, first.get(address["address"]), log)
    return [*found, *_owner_says(document)]


def _first_mails(document: Mapping[str, Any]) -> dict[str, int]:
    """Return the first entry of the log about a mail to each address."""
    first: dict[str, int] = {}
    for mail in document["mails"]:
        for hit in mail["hits"]:
            if mail["entry"] and "position" in mail["entry"]:
                position = int(mail["entry"]["position"])
                first[hit["address"]] = min(position, first.get(hit["address"], position))
    return first


def _verify_address(address: Mapping[str, Any], first: int | None, log: LogState) -> list[VerifyFinding]:
    name = f"The address {address['address']}"
    entry = verify_entry(address["entry"], EntryKind.ISSUE, f"{name}, as issued to {address['vendor']},", log)
    if isinstance(entry, VerifyFinding):
        return [entry]
    if any(entry.opened.values.get(each, ...) != address[each] for each in _ISSUED):
        return [VerifyFinding(Basis.FAULT, "address", f"{name}: its record was changed after it was logged.")]
    logged = f"{name} is in the log as issued to {address['vendor']} ({address['channel']}), entry {entry.position}"
    if first is not None and first < entry.position:
        late = (
            f"{logged}, which was made after the first mail to it (entry {first}): before that it is the owner's word."
        )
        return [VerifyFinding(Basis.WORD, "address", late)]
    before = ", before any mail to it" if first is not None else ""
    found = [VerifyFinding(Basis.PROVEN, "address", f"{logged}{before}.")]
    if stamp := log.stamped_by(entry.position):
        text = f"{name} had been logged as {address['vendor']}'s before {moment(stamp.at)}, by the stamp of {stamp.authority}."
        found.append(VerifyFinding(Basis.WITNESSED, "address", text))
    return found


def _owner_says(document: Mapping[str, Any]) -> list[VerifyFinding]:
    said = [
        "Whose log this is: compare its key with the one that the owner shows elsewhere.",
        "That each address was given to its vendor and to nobody else: the log shows that this was recorded, and when.",
        "That a mail came to this owner from the network at all: the log shows that it was not changed since its entry.",
        "The time of each receipt by the owner's clock, where no stamp is near it.",
        "Which suppliers a vendor hands its addresses on to, and that those without mail stayed quiet.",
    ]
    if document["decoys"]:
        said.append(
            f"That {sum(each['count'] for each in document['decoys']):,} decoys, which nobody was ever given, were kept"
            " beside the addresses, and what came to them."
        )
    if not document["log"]["earlier"] or not any(each["stamps"] for each in document["log"]["earlier"]):
        said.append("All times: no authority stamped the log.")
    return [VerifyFinding(Basis.WORD, "owner", text) for text in said]


def verify_records(document: Mapping[str, Any], members: Mapping[str, bytes], log: LogState) -> Sequence[VerifyFinding]:
    """Verify that decisions, statements and answers are in the log as they stand in the pack."""
    del members
    found, held = list[VerifyFinding](), 0
    for name, kind, fields, what in _RECORDS:
        for record in document[name]:
            called = f"{what} of {record['at'][:16]}"
            entry = verify_entry(record["entry"], kind, called, log)
            if isinstance(entry, VerifyFinding):
                found.append(entry)
            elif any(entry.opened.values.get(each, ...) != record[each] for each in fields if record[each] is not None):
                found.append(VerifyFinding(Basis.FAULT, name, f"{called} was changed after it was logged."))
            else:
                held += 1
    if held:
        text = f"{held} decisions, lines of the timeline and statements are in the log as they stand here."
        found.append(VerifyFinding(Basis.PROVEN, "records", text))
    if document["statements"]:
        text = "What a party said is recorded by the owner; the log shows when it was recorded, not that it was said."
        found.append(VerifyFinding(Basis.WORD, "records", text))
    return found


def verify_guessing(
    document: Mapping[str, Any], members: Mapping[str, bytes], log: LogState
) -> Sequence[VerifyFinding]:
    """Recompute how likely each address was to be guessed."""
    del members, log
    found = []
    for guess in document["guessing"]:
        p = guess_probability(guess["bits"], guess["tried"])
        if not isclose(p, guess["p"], rel_tol=NEAR):
            text = f"{guess['address']}: how likely it was to be guessed does not follow from the counts in the pack."
            found.append(VerifyFinding(Basis.FAULT, "guessing", text))
        else:
            text = (
                f"{guess['address']}: after {guess['tried']:,} guesses at its domain one of them met its {guess['bits']:.0f}"
                f" bits by chance with {odds(p)}; that there were so many is the owner's count."
            )
            found.append(VerifyFinding(Basis.PROVEN, "guessing", text))
    return found


def verify_posterior(
    document: Mapping[str, Any], members: Mapping[str, bytes], log: LogState
) -> Sequence[VerifyFinding]:
    """Recompute who leaked, from the world of the case and the assumptions in the pack."""
    del log
    said = document["attribution"]
    try:
        answer = answer_case(json.loads(members[WORLD]), said["assumptions"])
    except ImportError as missing:
        text = f"Who leaked was not recomputed: install {missing.name} beside Python for that; the figures are the owner's."
        return [VerifyFinding(Basis.UNCHECKED, "attribution", text)]
    if not same_answer(answer, said["answer"]):
        text = f"Who leaked does not follow from {WORLD} and the assumptions: the figures in the pack are others."
        return [VerifyFinding(Basis.FAULT, "attribution", text)]
    likely = "; ".join(f"{s['kind']} {s['id']} {percent(s['p'])}" for s in answer["suspects"][:3] if s["p"] >= 0.01)
    text = (
        f"A leak is {percent(answer['leak'])} likely to be behind these mails ({likely or 'no source stands out'}): this"
        f" follows from {WORLD} and the assumptions in the pack, which are open to dispute."
    )
    return [VerifyFinding(Basis.PROVEN, "attribution", text)]
