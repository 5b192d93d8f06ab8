"""What one mail lets its owner decide about: the sender it proved, its account, or the domain it only claims."""

from collections.abc import Callable, Iterator
from enum import StrEnum

from canary.judge.organisation import FREE_MAILBOXES, is_domain, organisation, same_organisation
from canary.judge.senders import sender_key
from canary.model.identity import Identity
from canary.model.party import Vendor


class Ground(StrEnum):
    """What a key rests on: a proven domain, a proven account, a platform that proves itself alone, or nothing."""

    DOMAIN = "domain"
    ACCOUNT = "account"
    PLATFORM = "platform"
    CLAIM = "claim"


LIMITS = {
    Ground.DOMAIN: "",
    Ground.ACCOUNT: "Only this customer of the platform, and only in the vendor's name; never the platform itself.",
    Ground.PLATFORM: (
        "The platform proves itself, not its customer: any customer can write in that name. Mail in the vendor's name is "
        "excused, fraud never is."
    ),
    Ground.CLAIM: (
        "Nothing proves who wrote this mail: anybody can write that domain into it. If the domain is the vendor's, mail "
        "that proves it is expected from now on, and mail that only claims it is no longer charged without a sign of deceit."
    ),
}
"""What an owner is to know before approving a key, by what it rests on."""


def grounds_of(who: Identity, shared: Callable[[str], bool] = lambda _: False) -> dict[str, Ground]:
    """Return the keys that a mail lets its owner decide about, the best first, each with what it rests on.

    A domain that `shared` knows to be a platform's, or where anybody has a mailbox, is none.
    """
    return {key: ground for key, ground in _grounds(who, shared) if key}


def decidable(who: Identity, vendor: Vendor, shared: Callable[[str], bool] = lambda _: False) -> dict[str, Ground]:
    """Return what a mail lets the owner of an address decide: what is the vendor's own family needs no decision."""
    found = grounds_of(who, shared)
    return {key: ground for key, ground in found.items() if not _is_own(key, vendor)}


def why_undecidable(who: Identity, vendor: Vendor) -> str:
    """Return in a sentence or two why a mail lets nobody decide anything."""
    claim = organisation(who.claim)
    if claim in FREE_MAILBOXES:
        return f"Anybody can have an address at {claim}: it is nobody's as a whole, so there is nothing to approve."
    if claim and _is_own(claim, vendor):
        proven = "comes from it" if who.proven else "nothing proves that it comes from there"
        return f"It claims to be from {who.claim}, which is {vendor.name}'s already; {proven}. There is nothing to approve."
    if claim:
        return (
            f"{claim} is a platform that many senders share: it is nobody's as a whole, so there is nothing to approve."
        )
    return "It proves and claims no sender, so there is nothing to approve."


def _grounds(who: Identity, shared: Callable[[str], bool]) -> Iterator[tuple[str, Ground]]:
    claim, key = organisation(who.claim), sender_key(who)
    if " via " in key:
        yield ("" if claim in FREE_MAILBOXES else key), Ground.PLATFORM
    elif "/" not in key and key not in FREE_MAILBOXES:
        yield key, Ground.DOMAIN
    if who.account:
        yield f"{who.esp}/{who.account}", Ground.ACCOUNT
    covered = " via " in key or any(same_organisation(claim, domain) for domain in who.domains)
    if not (covered or claim in FREE_MAILBOXES or shared(claim)):
        yield claim, Ground.CLAIM


def _is_own(key: str, vendor: Vendor) -> bool:
    return any(key == organisation(domain) for domain in vendor.domains)


def family_problem(domain: str, shared: Callable[[str], bool]) -> str:
    """Return why a domain can be none of a vendor's own, in one line; empty if it can."""
    if not is_domain(domain):
        return f"domain {domain[:100]!r}: not a domain; give one such as shop.example"
    if shared(domain) or organisation(domain) in FREE_MAILBOXES:
        return f"domain {domain[:100]!r}: a platform that many senders share, which identifies none of them; give the vendor's own"
    return ""
