"""What one judged mail adds to the track records of senders, and whether its proof can have travelled.

A signature goes with a mail wherever it is sent: a newsletter of the vendor can be sent on through anybody's account. So
only proof that is tied to the address it came to shows anything of the way on which it came.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from canary.judge.hit_context import HitContext, context_of
from canary.judge.organisation import organisation, same_organisation
from canary.judge.relation import FIRST_DAY, MAX_SIGNERS
from canary.judge.senders import writer_key
from canary.judge.signatures import covered_headers
from canary.mail.text import link_host
from canary.model.authenticated import AuthenticatedMail
from canary.model.canary import Canary
from canary.model.mail import ParsedMail
from canary.model.party import Vendor
from canary.model.proof import Proofs, Result
from canary.model.track_record import NOTHING_SHOWN, ShownByMail, SignedMail, SignerUse, TrackRecord
from canary.model.verdict import OWN, Judgement, Reason, Verdict

MAX_LINKS = 50
MAX_LINKED = 20
MAX_HEADER = 10_000


def is_bound(mail: ParsedMail, proofs: Proofs, domains: Collection[str], address: str) -> bool:
    """Whether some domains proved that a mail is theirs and meant for one address: such proof cannot have travelled.

    SPF vouches for the machine that brought the mail, a signature over To (RFC 6376 3.5) for the address in it.
    """
    if proofs.spf.result is Result.PASS and _is_of(proofs.spf.domain, domains):
        return True
    covered = covered_headers(mail, proofs, [d for d in proofs.dkim_domains if _is_of(d, domains)])["to"]
    to = [value for name, value in mail.headers if name.lower() == "to"]
    # Signers count instances from the bottom (RFC 6376 5.4.2): what was added on top later is not covered.
    return bool(covered) and any(_names(value, address) for value in to[-covered:])


class SeenBefore(Protocol):
    """What was seen of senders before some mails, wherever it is kept."""

    def of(self, canary: int, vendor_id: int, vendor: str, signers: Collection[str], at: datetime, /) -> TrackRecord:
        """Return what was known at a time of one who signed a mail to a canary of a vendor."""


def hit_context(
    mail: AuthenticatedMail,
    canary: Canary,
    owner: tuple[int, Vendor],
    seen: SeenBefore,
    guesses: Counter[str],
    key: bytes = b"",
) -> HitContext:
    """Return what is known of a mail at a canary, as of the mail's time; `owner` is its vendor with the row id."""
    number, vendor = owner
    at, by = mail.raw.envelope.received, signers(mail.identity.domains)
    return context_of(mail, canary, vendor, guesses, key, seen.of(canary.id, number, vendor.slug, by, at))


def is_own_way(hit: HitContext, judgement: Judgement) -> bool:
    """Whether a mail shows by which way the vendor sends: by its own proof, or that of a sender that is known."""
    codes = {reason.code for reason in judgement.reasons}
    if judgement.verdict not in OWN or Reason.LIKELY_VENDOR in codes:
        return False
    if Reason.KNOWN_SUPPLIER_ACCOUNT in codes:
        return True
    domains = hit.vendor.domains if Reason.VENDOR_PROVEN in codes else tuple(hit.vendor.senders)
    return is_bound(hit.mail, hit.proofs, domains, hit.canary.address)


def shown_by(hit: HitContext, judgement: Judgement, *, own_way: bool) -> ShownByMail:
    """Return what a judged mail adds; `own_way` is what `is_own_way` says of it."""
    if not hit.identity.proven or judgement.verdict not in OWN | {Verdict.NEW_SENDER}:
        return NOTHING_SHOWN
    fresh = judgement.verdict in OWN and timedelta(0) <= hit.age <= FIRST_DAY
    proven = own_way and any(reason.code is Reason.VENDOR_PROVEN for reason in judgement.reasons)
    use = SignerUse.PROVEN if proven else SignerUse.FRESH if fresh else SignerUse.ASKED
    # Mail of the vendor's own that shows neither says nothing of who signed it.
    counts = use is not SignerUse.ASKED or judgement.verdict is Verdict.NEW_SENDER
    return ShownByMail(
        writer_key(hit.identity) if fresh else "",
        tuple(_linked(hit)) if proven else (),
        tuple(_signed(hit, use)) if counts else (),
    )


def signers(domains: Sequence[str]) -> tuple[str, ...]:
    """Return the organisations that proved to have sent a mail, at most a few."""
    return tuple(dict.fromkeys(organisation(domain) for domain in domains[:MAX_SIGNERS]))


def _signed(hit: HitContext, use: SignerUse) -> Iterator[SignedMail]:
    claim = organisation(hit.identity.claim)
    for signer in signers(hit.identity.domains):
        if signer and not _is_of(signer, hit.vendor.domains) and (signer != claim or use is SignerUse.ASKED):
            yield SignedMail(signer, hit.vendor.slug, claim, use, hit.envelope.received)


def _linked(hit: HitContext) -> Iterator[str]:
    """Yield the domains that the vendor's own mail leads to, without its own."""
    hosts = (link_host(link) for link in hit.mail.links[:MAX_LINKS])
    reply = hit.mail.header("reply-to")[:MAX_HEADER].rpartition("@")[2].strip("<> ")
    found = dict.fromkeys(filter(None, map(organisation, (reply, *hosts))))
    yield from [domain for domain in found if not _is_of(domain, hit.vendor.domains)][:MAX_LINKED]


def _is_of(domain: str, domains: Collection[str]) -> bool:
    return any(same_organisation(domain, own) for own in domains)


def _names(value: str, address: str) -> bool:
    return bool(re.search(rf"(?<![\w.+-]){re.escape(address.lower())}(?![\w.-])", value[:MAX_HEADER].lower()))
