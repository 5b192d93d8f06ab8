"""What a hit means: the ordered table of verdict rules, each one function; the first that speaks decides."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from canary.judge.guess import guess_probability, odds
from canary.judge.organisation import same_organisation
from canary.judge.signs import bulk_signs, fraud_signs, is_personal, names_vendor, persona_fields
from canary.mail.bounce import answers_nothing
from canary.model.canary import Canary
from canary.model.identity import Identity
from canary.model.mail import Envelope, ParsedMail
from canary.model.party import Vendor
from canary.model.proof import Proofs, Result
from canary.model.verdict import Because, Judgement, Reason, Verdict, because


@dataclass(frozen=True, slots=True)
class Hearing:
    """All that is known when one hit is judged; `attempts` counts the guesses seen on the canary's domain."""

    mail: ParsedMail
    envelope: Envelope
    proofs: Proofs
    identity: Identity
    canary: Canary
    vendor: Vendor
    attempts: int = 0

    @property
    def facts(self) -> dict[str, object]:
        """The values that reasons speak of."""
        who = self.identity
        claim = who.claim or self.mail.sender.address or "an empty address"
        proof = who.proof.value.partition("-")[0].upper()
        return {"domain": who.domain, "proof": proof, "esp": who.esp, "account": who.account, "claim": claim}

    @property
    def claims_vendor(self) -> bool:
        """Whether the From domain is one of the vendor's."""
        return any(same_organisation(self.identity.claim, domain) for domain in self.vendor.domains)

    def say(self, *codes: Reason, **facts: object) -> tuple[Because, ...]:
        """State reasons with the values of this hearing."""
        return tuple(because(code, **{**self.facts, **facts}) for code in codes)


Rule = Callable[[Hearing], Judgement | None]


def judge(hearing: Hearing) -> Judgement:
    """Return the judgement of the first rule that speaks, with what bears on every charge added to it."""
    found = next(judgement for rule in RULES if (judgement := rule(hearing)) is not None)
    if not found.leak:
        return found
    guessed = guess_probability(hearing.canary.bits, hearing.attempts)
    confidence = round(found.confidence * (1 - guessed), 4)
    return replace(found, confidence=confidence, reasons=(*found.reasons, *_bearing(hearing, guessed)))


def _bearing(hearing: Hearing, guessed: float) -> Iterator[Because]:
    fields = persona_fields(hearing.mail, hearing.canary.persona)
    if fields:
        yield because(Reason.PERSONA_NAMED, fields=", ".join(fields))
    if hearing.canary.published:
        yield because(Reason.PUBLISHED_ADDRESS)
    code = Reason.HARD_TO_GUESS if guessed < 1e-6 else Reason.EASY_TO_GUESS
    yield because(code, odds=odds(guessed), attempts=f"{hearing.attempts:,}")
    if hearing.mail.oddities:
        yield because(Reason.MALFORMED, signs=", ".join(hearing.mail.oddities))


def guess(hearing: Hearing) -> Judgement | None:
    """Anything at an address that nobody was given is a guess."""
    if hearing.canary.vendor is not None:
        return None
    return Judgement(Verdict.GUESS, 0.99, hearing.say(Reason.NEVER_ISSUED))


def expected(hearing: Hearing) -> Judgement | None:
    """The vendor itself, or a sender known to be it, proved who it is."""
    who, vendor = hearing.identity, hearing.vendor
    # A platform of many tenants proves none of them, even where somebody declared it as the vendor's domain.
    proven = [domain for domain in who.domains if not (who.shared and domain == who.domain)]
    known = {domain for domain in proven if domain in vendor.senders}
    own = {d for d in proven if any(same_organisation(d, v) for v in vendor.domains)}
    if not own and not known:
        return None
    code = Reason.VENDOR_PROVEN if own else Reason.KNOWN_SENDER
    return Judgement(Verdict.EXPECTED, 0.99, hearing.say(code, domain=min(own or known)))


def supplier(hearing: Hearing) -> Judgement | None:
    """The vendor's own account at a mail provider sent it; another account there is another party."""
    who = hearing.identity
    if who.account is None or f"{who.esp}/{who.account}" not in hearing.vendor.senders:
        return None
    return Judgement(Verdict.SUPPLIER, 0.97, hearing.say(Reason.KNOWN_SUPPLIER_ACCOUNT))


def new_sender(hearing: Hearing) -> Judgement | None:
    """It may well be the vendor: proof was out of reach, or it came through a provider nobody told us of."""
    if not hearing.claims_vendor or _refused_by_policy(hearing):
        return None
    if hearing.proofs.unsettled and not hearing.identity.proven:
        return Judgement(Verdict.NEW_SENDER, 0.5, hearing.say(Reason.CLAIMS_VENDOR, Reason.DNS_UNSETTLED))
    if hearing.identity.proven and (hearing.identity.esp or hearing.identity.shared):
        return Judgement(Verdict.NEW_SENDER, 0.7, hearing.say(Reason.CLAIMS_VENDOR, Reason.SHARED_PLATFORM))
    return None


def backscatter(hearing: Hearing) -> Judgement | None:
    """A bounce or automatic reply to mail that the address never sent."""
    answer = answers_nothing(hearing.mail, hearing.envelope)
    if answer is None:
        return None
    null = () if hearing.envelope.mail_from else (Reason.NULL_SENDER,)
    return Judgement(Verdict.BACKSCATTER, 0.9, hearing.say(answer, *null))


def impersonation(hearing: Hearing) -> Judgement | None:
    """It claims to be the vendor, by address or by name, and nothing proves it."""
    if hearing.claims_vendor:
        codes = [Reason.CLAIMS_VENDOR, Reason.FAILS_VENDOR_AUTH]
        if _refused_by_policy(hearing):
            codes.append(Reason.VENDOR_POLICY_REJECTS)
        reasons = hearing.say(*codes, policy=hearing.proofs.dmarc.policy)
        return Judgement(Verdict.IMPERSONATION, 0.95, reasons)
    if not names_vendor(hearing.mail, hearing.vendor.name):
        return None
    return Judgement(Verdict.IMPERSONATION, 0.9, hearing.say(Reason.LOOKALIKE_NAME))


def third_party(hearing: Hearing) -> Judgement | None:
    """Somebody else proved who it is and writes in bulk: the address was shared or sold."""
    signs = bulk_signs(hearing.mail)
    if not hearing.identity.proven or not signs or fraud_signs(hearing.mail):
        return None
    codes = (Reason.PROVEN_OUTSIDER, Reason.BULK) + ((Reason.SHARED_PLATFORM,) if hearing.identity.shared else ())
    return Judgement(Verdict.THIRD_PARTY, 0.95, hearing.say(*codes, signs=", ".join(signs[:5])))


def misdirected(hearing: Hearing) -> Judgement | None:
    """One person wrote to another and had the address wrong; only somebody with proof gets this benefit of doubt."""
    if not hearing.identity.proven or fraud_signs(hearing.mail) or not is_personal(hearing.mail):
        return None
    return Judgement(Verdict.MISDIRECTED, 0.7, hearing.say(Reason.PERSON_TO_PERSON))


def spam(hearing: Hearing) -> Judgement:
    """Whatever is left came from somebody who was never given the address."""
    proven, signs = hearing.identity.proven, fraud_signs(hearing.mail)
    codes = [Reason.PROVEN_OUTSIDER if proven else Reason.NOTHING_PROVEN]
    if signs:
        codes.append(Reason.FRAUD_SHAPE)
    if hearing.proofs.unsettled:
        codes.append(Reason.DNS_UNSETTLED)
    certainty = 0.97 if signs else 0.92
    return Judgement(Verdict.SPAM, certainty, hearing.say(*codes, signs=", ".join(signs)))


def _refused_by_policy(hearing: Hearing) -> bool:
    dmarc = hearing.proofs.dmarc
    return dmarc.result is Result.FAIL and dmarc.policy in ("quarantine", "reject")


RULES: tuple[Rule, ...] = (
    guess,
    expected,
    supplier,
    new_sender,
    backscatter,
    impersonation,
    third_party,
    misdirected,
    spam,
)
"""Asked in this order; `spam` always answers."""
