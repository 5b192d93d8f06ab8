"""What a hit means: the ordered table of verdict rules, each one function; the first that answers decides."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property

from canary.judge.bulk import bulk_signs
from canary.judge.confidence import CERTAIN, confidence, reweigh
from canary.judge.fraud import credential_signs, fraud_signs, link_signs, link_traps, risky_files
from canary.judge.guess import Chance, chance_of_guess
from canary.judge.guess_reasons import at_decoy, guessing
from canary.judge.lifecycle import overdue
from canary.judge.lookalike import Likeness, imitated
from canary.judge.names import mail_names
from canary.judge.organisation import same_organisation
from canary.judge.persona import persona_fields
from canary.judge.personal import person_signs, thread_signs
from canary.judge.relation import Relation, is_known_by_sender, relation_of
from canary.judge.selftest import HEADER, is_own
from canary.judge.senders import is_supply, known_as
from canary.judge.signs import Sign
from canary.mail.bounce import answers_nothing
from canary.mail.text import link_host
from canary.model.authenticated import AuthenticatedMail
from canary.model.canary import Canary
from canary.model.identity import Identity
from canary.model.mail import Envelope, ParsedMail
from canary.model.party import Vendor
from canary.model.proof import Proofs, Result
from canary.model.verdict import HINTS, Judgement, Reason, StatedReason, Verdict, state_reason


@dataclass(frozen=True)
class HitContext:
    """All that is known when one hit is judged.

    `attempts` counts the guesses seen on the canary's domain, `shapes` those of each shape; `self_test` means that the
    mail carries a valid token of ours for this canary.
    """

    mail: ParsedMail
    envelope: Envelope
    proofs: Proofs
    identity: Identity
    canary: Canary
    vendor: Vendor
    attempts: int = 0
    shapes: Mapping[str, int] = field(default_factory=dict)
    self_test: bool = False

    @property
    def facts(self) -> dict[str, object]:
        """The values that reasons mention."""
        who = self.identity
        claim = who.claim or self.mail.sender.address or "an empty address"
        proof = who.proof.value.partition("-")[0].upper()
        return {"domain": who.domain, "proof": proof, "esp": who.esp, "account": who.account, "claim": claim}

    @property
    def age(self) -> timedelta:
        """How long ago the address was given away."""
        return self.envelope.received - self.canary.issued

    @property
    def claims_vendor(self) -> bool:
        """Whether the From domain is one of the vendor's."""
        return any(same_organisation(self.identity.claim, domain) for domain in self.vendor.domains)

    @cached_property
    def relation(self) -> Relation:
        """What speaks for and against the mail being the vendor's."""
        return relation_of(self.mail, self.proofs, self.identity, self.vendor, self.age)

    @property
    def is_unsettled(self) -> bool:
        """Whether nothing is proven so far and DNS may still bring proof."""
        return self.proofs.unsettled and not self.identity.proven

    @property
    def has_crime(self) -> bool:
        """Whether the mail has signs of fraud, files that run, or links that hide where they lead."""
        return bool(fraud_signs(self.mail) or risky_files(self.mail) or link_traps(self.mail) or _led_astray(self))

    def imitation(self, *domains: str) -> tuple[str, Likeness] | None:
        """Return the first of some domains that imitates one of the vendor's, with how."""
        return imitated(filter(None, domains), self.vendor.domains, self.vendor.name)

    def state(self, *codes: Reason, **facts: object) -> tuple[StatedReason, ...]:
        """State reasons with the values of this hit."""
        return tuple(state_reason(code, **{**self.facts, **facts}) for code in codes)

    def conclude(self, verdict: Verdict, *codes: Reason, **facts: object) -> Judgement:
        """Reach a verdict for reasons; how sure it is follows from the table of weights."""
        return Judgement(verdict, confidence(verdict, codes), self.state(*codes, **facts))


def context_of(
    mail: AuthenticatedMail, canary: Canary, vendor: Vendor, guesses: Counter[str], key: bytes = b""
) -> HitContext:
    """Return all that is known of one mail at one canary; `key` signs the self-tests of this installation.

    `guesses` counts what was tried on the canary's domain, by the shape of the local part.
    """
    # A program puts it in a header of its own; a person can only write a subject.
    token, envelope = mail.mail.header(HEADER) or mail.mail.subject, mail.raw.envelope
    return HitContext(
        mail.mail, envelope, mail.proofs, mail.identity, canary, vendor, attempts=guesses.total(), shapes=guesses,
        self_test=is_own(token, key, canary.address, envelope.received),
    )  # fmt: skip


Rule = Callable[[HitContext], Judgement | None]


def judge(hit: HitContext) -> Judgement:
    """Return the judgement of the first rule that answers, with the reasons that bear on every charge."""
    found = next(judgement for rule in RULES if (judgement := rule(hit)) is not None)
    chance = chance_of_guess(hit.canary, hit.attempts, hit.shapes)
    if found.verdict in HINTS:
        return replace(found, reasons=(*found.reasons, guessing(chance)))
    if not found.leak:
        return _with_ends(found, hit)
    bearing = tuple(_bearing(hit, chance))
    # A sender that knows the name as well did not guess: both came from where the vendor keeps them.
    lost = 1.0 if any(reason.code is Reason.PERSONA_NAMED for reason in bearing) else chance.leaked
    sure = reweigh(found.confidence, (reason.code for reason in bearing)) * lost
    return replace(found, confidence=round(sure, 4), reasons=(*found.reasons, *bearing))


def _with_ends(found: Judgement, hit: HitContext) -> Judgement:
    """Add the ends that a mail of the vendor itself comes after: not a leak, but a finding."""
    if found.verdict not in (Verdict.EXPECTED, Verdict.SUPPLIER):
        return found
    late = overdue(hit.mail, hit.vendor.endings, hit.envelope.received)
    return replace(found, reasons=(*found.reasons, *late)) if late else found


def _bearing(hit: HitContext, chance: Chance) -> Iterator[StatedReason]:
    fields = persona_fields(hit.mail, hit.canary.persona, hit.canary.address)
    if fields:
        yield state_reason(Reason.PERSONA_NAMED, fields=fields)
    if hit.canary.published:
        yield state_reason(Reason.PUBLISHED_ADDRESS)
    if files := risky_files(hit.mail):
        yield state_reason(Reason.RISKY_ATTACHMENT, files=files)
    if signs := link_signs(hit.mail):
        yield state_reason(Reason.DECEPTIVE_LINK, signs=signs)
    yield guessing(chance)
    if hit.mail.oddities:
        yield state_reason(Reason.MALFORMED, signs=hit.mail.oddities)


def self_test(hit: HitContext) -> Judgement | None:
    """The owner sent it to test the installation."""
    return hit.conclude(Verdict.SELF_TEST, Reason.SELF_TEST_TOKEN) if hit.self_test else None


def guess(hit: HitContext) -> Judgement | None:
    """It came to an address that nobody was given: a guess, or if the address is random, a loss on the owner's own side."""
    if hit.canary.vendor is not None:
        return None
    return at_decoy(chance_of_guess(hit.canary, hit.attempts, hit.shapes))


def expected(hit: HitContext) -> Judgement | None:
    """The vendor itself, or a sender known to be it, proved who it is."""
    who, vendor = hit.identity, hit.vendor
    # A platform of many tenants proves none of them, even where it was declared as the vendor's domain.
    proven = [domain for domain in who.domains if not (who.shared and domain == who.domain)]
    own = {d for d in proven if any(same_organisation(d, v) for v in vendor.domains)}
    if own:
        return hit.conclude(Verdict.EXPECTED, Reason.VENDOR_PROVEN, domain=min(own))
    key = known_as(who, vendor.senders)
    if not key or is_supply(key):
        return None
    return hit.conclude(Verdict.EXPECTED, Reason.KNOWN_SENDER, domain=key)


def supplier(hit: HitContext) -> Judgement | None:
    """The vendor's own account at a mail provider sent it in the vendor's name, without a sign of fraud."""
    key = known_as(hit.identity, hit.vendor.senders)
    # Being known excuses only what it was known for: mail in the vendor's name and no crime.
    if not key or hit.has_crime or not (hit.relation.claims_vendor or mail_names(hit.mail, hit.vendor)):
        return None
    account = key == f"{hit.identity.esp}/{hit.identity.account}"
    code = Reason.KNOWN_SUPPLIER_ACCOUNT if account else Reason.KNOWN_SENDER
    return hit.conclude(Verdict.SUPPLIER, code, domain=key)


def likely_vendor(hit: HitContext) -> Judgement | None:
    """Nothing of the vendor's own proves it, but it comes in the vendor's name and the odds are that it is the vendor's."""
    if not hit.relation.is_own or known_as(hit.identity, hit.vendor.denied):
        return None
    sure = round(min(hit.relation.probability, CERTAIN), 4)
    return Judgement(Verdict.EXPECTED, sure, hit.state(Reason.LIKELY_VENDOR, signs=hit.relation.signs[:6]))


def new_sender(hit: HitContext) -> Judgement | None:
    """Something ties it to the vendor and nobody has decided yet whose it is; what the owner refused never is."""
    if known_as(hit.identity, hit.vendor.denied):
        return None
    if hit.claims_vendor and hit.is_unsettled and not _refused_by_policy(hit):
        return hit.conclude(Verdict.NEW_SENDER, Reason.CLAIMS_VENDOR, Reason.DNS_UNSETTLED)
    if not hit.relation.is_open:
        return None
    if hit.claims_vendor:
        return hit.conclude(Verdict.NEW_SENDER, Reason.CLAIMS_VENDOR, _proof_of(hit))
    for sign, code in _OPEN.items():
        if sign in hit.relation.signs:
            key = known_as(hit.identity, hit.vendor.pending)
            hours = max(1, round(hit.age.total_seconds() / 3600))
            return hit.conclude(Verdict.NEW_SENDER, code, key=key, hours=hours)
    proof = () if hit.identity.proven else (Reason.NOTHING_PROVEN,)
    return hit.conclude(Verdict.NEW_SENDER, Reason.TIED_TO_VENDOR, *proof, signs=hit.relation.ties)


_OPEN = {
    Sign.PENDING: Reason.AWAITS_ANSWER,
    Sign.CONFIRMS: Reason.ASKS_TO_CONFIRM,
    Sign.SPEAKS: Reason.SPEAKS_FOR_VENDOR,
    Sign.PLATFORM: Reason.SHARED_PLATFORM,
}
"""What a question says of a sender that does not claim the vendor's domain, by the first of these signs."""


def _proof_of(hit: HitContext) -> Reason:
    """Say what proof there is of mail that claims the vendor's domain."""
    who = hit.identity
    if not who.proven:
        return Reason.FAILS_VENDOR_AUTH
    return Reason.SHARED_PLATFORM if who.esp or who.shared else Reason.PROVEN_OUTSIDER


def lookalike(hit: HitContext) -> Judgement | None:
    """It comes from a domain so like one of the vendor's that no honest owner would choose it; proof or not."""
    found = hit.imitation(hit.identity.claim, *hit.identity.domains)
    if found is None or not found[1].near:
        return None
    proven = Reason.PROVEN_OUTSIDER if hit.identity.proven else Reason.NOTHING_PROVEN
    return hit.conclude(Verdict.IMPERSONATION, Reason.LOOKALIKE_DOMAIN, proven, **_likeness(*found))


def backscatter(hit: HitContext) -> Judgement | None:
    """A bounce, an automatic reply or a complaint, and so an answer to mail that the address never sent."""
    answer = answers_nothing(hit.mail, hit.envelope)
    # Fraud abuses automatic replies: what a stranger writes to a help desk is sent to the address that the stranger
    # names.
    if answer is None or (answer.kind in (Reason.AUTO_REPLY, Reason.CHALLENGE) and fraud_signs(hit.mail)):
        return None
    codes = [answer.kind]
    if answer.recipient or answer.message:
        codes.append(Reason.ANSWERS_TO)
    if not hit.envelope.mail_from:
        codes.append(Reason.NULL_SENDER)
    return hit.conclude(Verdict.BACKSCATTER, *codes, recipient=answer.recipient, message=answer.message)


def no_stranger_yet(hit: HitContext) -> Judgement | None:
    """Of the vendor neither a domain nor a sender is known yet: only crime is charged, all else is a question."""
    if is_known_by_sender(hit.vendor) or hit.relation.is_crime or known_as(hit.identity, hit.vendor.denied):
        return None
    return hit.conclude(Verdict.NEW_SENDER, Reason.NO_DOMAIN_YET)


def impersonation(hit: HitContext) -> Judgement | None:
    """It gives itself out as the vendor, by address, domain, name or link, and something speaks for deceit."""
    relation = hit.relation
    denied = hit.claims_vendor and known_as(hit.identity, hit.vendor.denied)
    if not (relation.claims_vendor and relation.deceit) and not denied:
        return None
    codes = dict.fromkeys(_claims(hit))
    if Sign.FRAUD in relation.deceit:
        codes[Reason.FRAUD_SHAPE] = None
    asked = credential_signs(hit.mail) if Sign.CREDENTIALS in relation.deceit else ()
    if asked:
        codes[Reason.CREDENTIAL_BAIT] = None
    found = hit.imitation(hit.identity.claim, *hit.identity.domains) or _led_astray(hit)
    facts = {**(_likeness(*found) if found else {}), "policy": hit.proofs.dmarc.policy}
    stated = (
        state_reason(code, **{**hit.facts, **facts, "signs": asked if code is Reason.CREDENTIAL_BAIT else fraud_signs(hit.mail)})
        for code in codes
    )  # fmt: skip
    return Judgement(Verdict.IMPERSONATION, confidence(Verdict.IMPERSONATION, codes), tuple(stated))


def _claims(hit: HitContext) -> Iterator[Reason]:
    """Say by what a mail gives itself out as the vendor."""
    if hit.claims_vendor:
        yield from (Reason.CLAIMS_VENDOR, Reason.FAILS_VENDOR_AUTH)
        if _refused_by_policy(hit):
            yield Reason.VENDOR_POLICY_REJECTS
        return
    alike = hit.imitation(hit.identity.claim, *hit.identity.domains) or _led_astray(hit)
    if alike:
        yield Reason.LOOKALIKE_DOMAIN
    if not alike or Sign.WHOLE_NAME in hit.relation.signs:
        yield Reason.LOOKALIKE_NAME


def denied(hit: HitContext) -> Judgement | None:
    """The owner was asked about this sender and said that it does not write for the vendor."""
    key = known_as(hit.identity, hit.vendor.denied)
    if not key:
        return None
    signs = fraud_signs(hit.mail)
    verdict, more = (Verdict.SPAM, (Reason.FRAUD_SHAPE,)) if signs else (Verdict.THIRD_PARTY, ())
    return hit.conclude(verdict, Reason.DENIED_SENDER, *more, key=key, signs=signs)


def third_party(hit: HitContext) -> Judgement | None:
    """Somebody else, with proof, writes in bulk: the address was shared or sold."""
    signs = bulk_signs(hit.mail)
    if not hit.identity.proven or not signs or fraud_signs(hit.mail):
        return None
    codes = (Reason.PROVEN_OUTSIDER, Reason.BULK) + ((Reason.SHARED_PLATFORM,) if hit.identity.shared else ())
    return hit.conclude(Verdict.THIRD_PARTY, *codes, signs=signs[:5])


def misdirected(hit: HitContext) -> Judgement | None:
    """One person wrote to another and got the address wrong; unproven, only an answer that is too old for proof is believed."""
    signs = thread_signs(hit.mail) if hit.relation.late else person_signs(hit.mail, hit.canary.address)
    told = hit.has_crime or persona_fields(hit.mail, hit.canary.persona, hit.canary.address)
    if not (hit.identity.proven or hit.relation.late) or not signs or told:
        return None
    return hit.conclude(Verdict.MISDIRECTED, Reason.PERSON_TO_PERSON, signs=signs)


def spam(hit: HitContext) -> Judgement:
    """Whatever is left came from somebody who was never given the address."""
    proven, signs = hit.identity.proven, fraud_signs(hit.mail)
    codes = [Reason.PROVEN_OUTSIDER if proven else Reason.NOTHING_PROVEN]
    if signs:
        codes.append(Reason.FRAUD_SHAPE)
    if hit.proofs.unsettled:
        codes.append(Reason.DNS_UNSETTLED)
    return hit.conclude(Verdict.SPAM, *codes, signs=signs)


def _led_astray(hit: HitContext) -> tuple[str, Likeness] | None:
    """Return the domain of a link that looks like the vendor's."""
    found = hit.imitation(*dict.fromkeys(map(link_host, hit.mail.links[:20])))
    return found if found and found[1].near else None


def _likeness(domain: str, found: Likeness) -> dict[str, str]:
    return {"claim": domain, "original": found.original, "how": found.how}


def _refused_by_policy(hit: HitContext) -> bool:
    dmarc = hit.proofs.dmarc
    return dmarc.result is Result.FAIL and dmarc.policy in ("quarantine", "reject")


RULES: tuple[Rule, ...] = (
    self_test,
    guess,
    expected,
    supplier,
    lookalike,
    likely_vendor,
    new_sender,
    backscatter,
    no_stranger_yet,
    impersonation,
    denied,
    third_party,
    misdirected,
    spam,
)
"""Tried in this order; `spam` always answers."""
