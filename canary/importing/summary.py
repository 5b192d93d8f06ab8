"""What an import says of itself in words: what could not be placed and the cure, what is no mail, and what it all means."""

import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from canary.importing.backfill import Report
from canary.importing.progress import ImportFault
from canary.judge.adoption import Left
from canary.judge.organisation import is_mailbox_provider
from canary.model.verdict import Verdict

WIDTH = 118
ENDS_THERE = 3
GROUPS = 8
"""How many kinds of damage, each with its first place, are shown."""


def paragraphs(found: Report, domains: Collection[str], adopted: Collection[str], left: Sequence[Left]) -> list[str]:
    """Return what is to be said of an import, a paragraph each; `adopted` are those of the domains that were asked for."""
    texts = (
        *_elsewhere(found, domains, adopted),
        *_unissued(found, domains, adopted, left),
        *_foreign(found),
        conclusion(found),
    )
    return [textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) for text in texts]


def conclusion(found: Report) -> str:
    """Say what the mail means for the vendors; that none has leaked only where mail reached canaries and none is charged."""
    if found.cases:
        return f"{_count(found.charged, 'hit')} charged to vendors, in {_count(len(found.cases), 'case')}: see `canary cases`."
    if not found.placed:
        return (
            "No mail could be placed at a canary, so nothing can be said about leaks."
            if found.read
            else "There was no mail."
        )
    if not found.verdicts:
        return "All of the mail to canaries was there already: nothing has changed."
    if found.charged:
        return f"No case is open; {_count(found.charged, 'hit')} charged to vendors: see `canary watching`, and `canary hits` for why."
    asked = found.verdicts.get(Verdict.NEW_SENDER, 0)
    said = f"Nobody is known to have leaked: of {_count(found.placed, 'mail')} at canaries none is charged."
    if asked:
        said += f" Your answer is needed about {_count(asked, 'hit')}: see `canary sender list`."
    unplaced = found.elsewhere + found.unissued
    return f"{said} That says nothing of the {_count(unplaced, 'mail')} that could not be placed." if unplaced else said


def _elsewhere(found: Report, domains: Collection[str], adopted: Collection[str]) -> Iterator[str]:
    if not found.elsewhere:
        return
    most = found.most_elsewhere
    where = f", most of them to {_listed(most)}" if most else ""
    where += f"; {found.nameless:,} name no recipient" if found.nameless else ""
    yours = ", ".join(sorted(domains)[:3]) + (" ..." if len(domains) > 3 else "")
    yield f"{_count(found.elsewhere, 'mail')} went to no address at {yours}{where}. {_cure(most, adopted)}"


def _cure(most: Sequence[tuple[str, int]], adopted: Collection[str]) -> str:
    """Say what to do about mail to a mailbox that is not ours."""
    address = most[0][0] if most else ""
    domain = address.rpartition("@")[2]
    if not address or "+" in address:
        return f"Tagged addresses become canaries with --adopt {domain or 'DOMAIN'}."
    name = "" if adopted else "name the domain of your addresses with --adopt DOMAIN; "
    tagged = (
        f"; if you give away {address.replace('@', '+shop@', 1)} and the like, add --adopt {domain}"
        if is_mailbox_provider(domain)
        else ""
    )
    return (
        f"{address} is a mailbox and no canary. If your addresses are forwarded to it: {name}where the forwarder keeps no"
        f" Delivered-To, X-Forwarded-For or To that names them, import from where they arrive first{tagged}."
    )


def _unissued(found: Report, domains: Collection[str], adopted: Collection[str], left: Sequence[Left]) -> Iterator[str]:
    if not found.unissued:
        return
    to = _count(found.addresses_unissued, "address", "addresses")
    said = f"{_count(found.unissued, 'mail')} went to {to} of yours, no canary, most to {_listed(found.most_unissued)}."
    top, mails = found.most_unissued[0]
    if mails >= ENDS_THERE and mails >= 0.8 * found.unissued:
        said += f" If {top} is the mailbox that all mail ends in, import from where it arrives before: no other address is named."
    homes = {address.rpartition("@")[2] for address, _ in found.most_unissued}
    missing = sorted(homes & set(domains) - set(adopted))
    if missing:
        yield f"{said} --adopt {missing[0]} makes canaries of those whose tag names a vendor."
    else:
        reasons = Counter(each.why.partition(":")[0].partition(" (")[0] for each in left)
        why = "; ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(4))
        said += f" Why they were left alone: {why}." if why else ""
        yield f"{said} Name the vendors of those that you gave away in --vendor-map FILE; --json lists them under `left`."


def _foreign(found: Report) -> Iterator[str]:
    if found.foreign:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in found.foreign.items())
        yield f"{_count(sum(found.foreign.values()), 'file')} beside the mail, left where they are: {kinds}."


def damage(faults: Sequence[ImportFault]) -> list[str]:
    """Return what could not be read: a line for each kind of damage, with how often and where first."""
    kinds: dict[str, list[ImportFault]] = {}
    for fault in faults:
        kinds.setdefault(fault.reason.partition(" (")[0].partition(":")[0], []).append(fault)
    ordered = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    lines = [f"aside: {len(each):,} {kind}, first {each[0].place}" for kind, each in ordered[:GROUPS]]
    rest = sum(len(each) for _, each in ordered[GROUPS:])
    return [*lines, f"aside: {rest:,} for other reasons; --json lists them all"] if rest else lines


def _listed(most: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{address} ({count:,})" for address, count in most[:3])


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
