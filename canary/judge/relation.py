"""What a sender is to the vendor, by odds.

Who wrote is a question of proof (`identity`); whose mail it is, where the vendor's own domains prove nothing, is one
of odds (`signs`). Two asymmetries are law here. An accusation needs something that speaks for an outsider: no tie of
any kind, or deceit, or crime; where there is a tie, lack of proof is a question. And being known excuses only what it
was known for.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from canary.authenticate.retrospective import is_too_late
from canary.judge.fraud import credential_signs, fraud_signs, is_letter, link_traps, risky_files
from canary.judge.lookalike import bait_in
from canary.judge.names import NameForms, bears_name, forms_of, is_family, mail_names, names_in, under, word_in
from canary.judge.organisation import (
    FREE_MAILBOXES,
    is_domain,
    is_free_host,
    is_public_body,
    is_tenant,
    organisation,
    same_organisation,
    stands_for,
)
from canary.judge.platforms import names_vendor
from canary.judge.senders import (
    FIRST_WEEKS,
    asks_to_confirm,
    confirms,
    known_as,
    leads_astray,
    may_speak_for,
    says_own_name,
    writer_key,
)
from canary.judge.signs import (
    BEYOND_THIEVES,
    CLAIMS,
    CRIMES,
    DECEIT,
    EARLY_TIES,
    LIFTED,
    NAMES,
    OWN_AT,
    OWN_DOMAIN,
    PRIOR,
    SIGNS,
    TIES,
    UNPROVEN_DECEIT,
    WRITABLE,
    Sign,
    SignWeight,
)
from canary.mail.text import link_host
from canary.model.identity import Identity, Proof
from canary.model.mail import ParsedMail
from canary.model.party import Vendor
from canary.model.proof import Proofs, Result
from canary.model.track_record import NOTHING_SEEN, SignerUse, TrackRecord

FIRST_DAY, FIRST_FORTNIGHT = timedelta(days=1), timedelta(days=14)
MAX_LINKS, MAX_SIGNERS = 50, 5
PLATFORM_AT = 3
"""A platform has at the least so many unrelated vendors whose own proven mail it carried."""

SEEN_AT = 2
"""At so many unrelated vendors a signer has been seen before that is no sender of one vendor only."""

_CARRIED = frozenset({SignerUse.PROVEN, SignerUse.FRESH})

_ALIGNED = frozenset({Proof.DKIM_ALIGNED, Proof.SPF_ALIGNED})


@dataclass(frozen=True, slots=True)
class Relation:
    """What speaks for and against a mail being the vendor's, in the order of `Sign`, and what each sign weighs.

    `late` means that nothing is proven, and DNS was asked too late to tell.
    """

    signs: tuple[Sign, ...]
    proven: bool
    late: bool = False
    weights: Mapping[Sign, SignWeight] = field(default_factory=lambda: SIGNS, compare=False, repr=False)

    @property
    def log_odds(self) -> float:
        """The log-odds that the mail is the vendor's or sent for it."""
        weights = [self.weights[sign] for sign in self.signs]
        written = sum(w.log_odds for w in weights if w.writable)
        return PRIOR + min(written, WRITABLE) + sum(w.log_odds for w in weights if not w.writable)

    @property
    def probability(self) -> float:
        """The probability that the mail is the vendor's or sent for it."""
        return 1 / (1 + math.exp(-self.log_odds))

    @property
    def deceit(self) -> tuple[Sign, ...]:
        """What speaks for deceit; a learned platform is believed to act for who it names, whatever it left unproven."""
        lifted = LIFTED if Sign.LEARNED_PLATFORM in self.signs and self.claims_vendor else frozenset()
        return tuple(sign for sign in self.signs if sign in DECEIT and sign not in lifted)

    @property
    def lures(self) -> bool:
        """Whether it is crime, or bait for what opens an account, whatever the vendor is."""
        return not (CRIMES | {Sign.CREDENTIALS}).isdisjoint(self.signs)

    @property
    def ties(self) -> tuple[Sign, ...]:
        """What ties the mail to the vendor."""
        early = EARLY_TIES if {Sign.FIRST_DAY, Sign.FIRST_FORTNIGHT} & set(self.signs) else frozenset()
        return tuple(sign for sign in self.signs if sign in TIES or sign in early)

    @property
    def claims_vendor(self) -> bool:
        """Whether the mail gives itself out as the vendor's."""
        return not CLAIMS.isdisjoint(self.signs)

    @property
    def is_own(self) -> bool:
        """Whether it is the vendor's own, or as good as that: by odds, and by something that no thief can have."""
        return (
            self.proven
            and self._in_vendors_name
            and not BEYOND_THIEVES.isdisjoint(self.signs)
            and self.log_odds >= OWN_AT
        )

    @property
    def _in_vendors_name(self) -> bool:
        signs = frozenset(self.signs)
        return not signs.isdisjoint(OWN_DOMAIN) or (Sign.PUBLIC_BODY in signs and not signs.isdisjoint(NAMES))

    @property
    def is_open(self) -> bool:
        """Whether only the owner can say whose it is: there is a tie, and no deceit that weighs more.

        What looks like deceit only because nothing is proven is none where it was too late for proof.
        """
        excused = self.late and UNPROVEN_DECEIT.issuperset(self.deceit)
        return bool(self.ties) and (not self.deceit or excused or self.log_odds > 0)


def is_known_by_sender(vendor: Vendor) -> bool:
    """Whether a domain or a sender of a vendor is known, so that others can be told from it."""
    return bool(vendor.senders or vendor.declared_accounts or forms_of(vendor).domains)


def relation_of(
    mail: ParsedMail,
    proofs: Proofs,
    who: Identity,
    vendor: Vendor,
    age: timedelta,
    record: TrackRecord = NOTHING_SEEN,
) -> Relation:
    """Weigh what a sender is to the vendor; `age` is how long ago the address was given away.

    `record` is what was known of the sender when the mail came.
    """
    case = _Case(mail, proofs, who, vendor, forms_of(vendor), age, record)
    found = set(case.signs())
    late = not who.proven and is_too_late(proofs)
    return Relation(tuple(sign for sign in Sign if sign in found), who.proven, late)


@dataclass(frozen=True, slots=True)
class _Case:
    """One mail at one address, asked about sign by sign."""

    mail: ParsedMail
    proofs: Proofs
    who: Identity
    vendor: Vendor
    forms: NameForms
    age: timedelta
    record: TrackRecord

    def signs(self) -> Iterator[Sign]:
        """Yield what is there."""
        yield from self._of_time()
        domain = set(self._of_domain())
        yield from domain
        yield from self._of_proof()
        yield from self._of_name()
        yield from self._of_links()
        yield from self._of_party()
        yield from self._of_record()
        yield from (sign for sign, is_there in _CRIMES if is_there(self))
        if self._borrows(domain):
            yield Sign.BORROWED

    def _of_time(self) -> Iterator[Sign]:
        if timedelta(0) <= self.age <= FIRST_DAY:
            yield Sign.FIRST_DAY
        elif timedelta(0) <= self.age <= FIRST_FORTNIGHT:
            yield Sign.FIRST_FORTNIGHT
        elif timedelta(0) <= self.age <= FIRST_WEEKS:
            yield Sign.FIRST_WEEKS

    def _of_domain(self) -> Iterator[Sign]:
        who, forms = self.who, self.forms
        aligned = who.proof in _ALIGNED and not who.shared
        if under(who.claim, self.vendor.domains):
            yield Sign.CLAIMS_DOMAIN
        elif under(who.claim, forms.domains):
            yield Sign.OWN_NAME_PROVEN if aligned else Sign.CLAIMS_DOMAIN
        elif is_family(who.claim, forms) and not is_tenant(who.claim):
            yield from (Sign.FAMILY, Sign.FAMILY_PROVEN) if aligned else (Sign.FAMILY,)
        elif any(bears_name(domain, forms) for domain in (who.claim, *who.domains[:5])):
            yield Sign.NAME_IN_DOMAIN
        if aligned and is_public_body(who.domain):
            yield Sign.PUBLIC_BODY

    def _of_proof(self) -> Iterator[Sign]:
        who, forms, mail = self.who, self.forms, self.mail
        if not who.proven:
            yield Sign.UNPROVEN
            claim = who.claim
            if bears_name(claim, forms) and not bears_name(organisation(claim), forms) and not is_tenant(claim):
                yield Sign.FOREIGN_LABEL
        elif who.proof not in _ALIGNED and not who.shared and says_own_name(mail, organisation(who.domain)):
            yield Sign.SIGNER_NAMED

    def _of_name(self) -> Iterator[Sign]:
        said = f"{self.mail.sender.name} {self.mail.sender.address.partition('@')[0]}"[:200]
        if names_in(said, self.forms, short=True):
            yield Sign.WHOLE_NAME
        elif word_in(self.mail.sender.name, self.forms):
            yield Sign.NAME_WORD

    def _of_links(self) -> Iterator[Sign]:
        hosts = dict.fromkeys(link_host(link) for link in self.mail.links[:MAX_LINKS])
        if any(under(host, self.forms.domains) for host in hosts):
            yield Sign.LINKS_HOME
        elif any(bears_name(host, self.forms) for host in hosts):
            yield Sign.LINKS_NAMED

    def _of_party(self) -> Iterator[Sign]:
        mail, who, vendor = self.mail, self.who, self.vendor
        if may_speak_for(mail, who, vendor, self.age):
            yield Sign.SPEAKS
        elif self._is_platforms_own() and (
            mail_names(mail, vendor, short=bool(who.platform)) or names_vendor((*who.merchants, *who.named), vendor)
        ):
            yield Sign.PLATFORM
        elif who.platform and not who.merchants and not any(map(is_domain, who.named)):  # a domain names another party
            yield Sign.SERVICE
        if asks_to_confirm(mail, who, vendor, self.age) or confirms(mail, who, self.age):
            yield Sign.CONFIRMS
        if known_as(who, vendor.pending):
            yield Sign.PENDING
        if known_as(who, vendor.senders):
            yield Sign.KNOWN_ACCOUNT
        elif who.account and self._has_other_account():
            yield Sign.OTHER_ACCOUNT

    def _of_record(self) -> Iterator[Sign]:
        if self._wrote_first():
            yield Sign.FIRST_WRITER
        signers = self._telling_signers()
        if not signers.isdisjoint(self.record.linked):
            yield Sign.LINKED
        if self._platforms():
            yield Sign.LEARNED_PLATFORM
        if any(map(self._carries, signers)):
            yield Sign.CARRIES
        elif any(map(self._is_elsewhere, signers)):
            yield Sign.ELSEWHERE

    def _telling_signers(self) -> frozenset[str]:
        """Return the signing domains that tell who wrote: one's own alone, and none where anybody can open an account."""
        who = self.who
        if (who.shared or (who.esp and who.proof not in _ALIGNED)) and not who.by_contract:
            return frozenset()
        domains = (who.domain,) if who.proof in _ALIGNED else who.domains[:MAX_SIGNERS]
        return frozenset(map(organisation, domains)) - FREE_MAILBOXES

    def _wrote_first(self) -> bool:
        """Whether it is the first proven mail on the first day of the address, or of the one who wrote that.

        A request to confirm the address comes beside it: nobody else knows the address by then.
        """
        if not self.who.proven:
            return False
        first, key = self.record.first_writer, writer_key(self.who)
        if first and (first != key or " via " in key):
            return confirms(self.mail, self.who, self.age)
        return bool(first) or timedelta(0) <= self.age <= FIRST_DAY

    def _platforms(self) -> frozenset[str]:
        """Which of those that signed it carried the proven mail of unrelated vendors."""
        signers = self._telling_signers()
        return frozenset(s for s in signers if self.record.parties_of(s, {SignerUse.PROVEN}) >= PLATFORM_AT)

    def _carries(self, signer: str) -> bool:
        """Whether a signer was seen in other vendors' names as early as only these write, and once beside their own proof."""
        proven = self.record.parties_of(signer, {SignerUse.PROVEN})
        return proven > 0 and self.record.parties_of(signer, _CARRIED) >= SEEN_AT

    def _is_elsewhere(self, signer: str) -> bool:
        return self.record.asked_at(signer) >= SEEN_AT and not self.record.parties_of(signer, _CARRIED)

    def _has_other_account(self) -> bool:
        held = {key for key in self.vendor.senders if key.startswith(f"{self.who.esp}/")}
        return bool(held) and f"{self.who.esp}/{self.who.account}" not in held

    def is_refused(self) -> bool:
        """Whether the domain in the From address says itself, by DMARC or SPF, that such mail is not its own."""
        dmarc, spf, claim = self.proofs.dmarc, self.proofs.spf, self.who.claim
        if any(stands_for(domain, claim) for domain in self.who.domains):
            return False
        if dmarc.result is Result.FAIL and dmarc.policy in ("quarantine", "reject"):
            return True
        return spf.result is Result.FAIL and same_organisation(spf.domain, claim) and not self.proofs.dkim

    def anybody_can_be(self) -> bool:
        """Whether the address in From is one that anybody gets for nothing, or proves nothing."""
        claim = self.who.claim
        return not self.who.proven or is_free_host(claim) or organisation(claim) in FREE_MAILBOXES

    def _borrows(self, domain: set[Sign]) -> bool:
        """Whether it bears the vendor's name, and neither sender nor links nor words say anything else of it."""
        mail, who = self.mail, self.who
        if not names_in(mail.sender.name, self.forms) or domain & (TIES | {Sign.PUBLIC_BODY}):
            return False
        if self._is_platforms_own() or (who.proof in _ALIGNED and says_own_name(mail, organisation(who.domain))):
            return False
        hosts = {link_host(link) for link in mail.links[:MAX_LINKS]}
        # One link to the vendor's site is soon written; in the first weeks hardly anybody is there to write it.
        enough = any if timedelta(0) <= self.age <= FIRST_FORTNIGHT else all
        return not (hosts and enough(bears_name(host, self.forms) or under(host, self.forms.domains) for host in hosts))

    def _is_platforms_own(self) -> bool:
        """Whether a platform wrote from its own domain, which is no mailbox that anybody can have."""
        if self.who.platform:
            return True
        claim = self.who.claim
        own = self.who.shared and any(same_organisation(claim, domain) for domain in self.who.domains)
        own = own or organisation(claim) in self._platforms()
        return own and organisation(claim) not in FREE_MAILBOXES


_CRIMES: tuple[tuple[Sign, Callable[[_Case], object]], ...] = (
    (Sign.FRAUD_WORDS, lambda case: fraud_signs(case.mail) and is_letter(case.mail)),
    (Sign.FRAUD, lambda case: fraud_signs(case.mail) and not is_letter(case.mail)),
    (Sign.FILES, lambda case: risky_files(case.mail)),
    (Sign.TRAP, lambda case: link_traps(case.mail)),
    (Sign.ASTRAY, lambda case: leads_astray(case.mail, case.vendor)),
    (Sign.REFUSED, lambda case: case.is_refused()),
    (Sign.CREDENTIALS, lambda case: case.anybody_can_be() and credential_signs(case.mail)),
    (Sign.BAIT, lambda case: bait_in(case.who.claim, case.forms.runs | case.forms.labels)),
)
"""What speaks for crime or deceit whatever else is there, each with how it is seen."""
