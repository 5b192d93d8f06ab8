"""What a hit means: the ordered table of verdict rules, each one function; the first that answers decides."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from canary.judge.bulk import bulk_signs
from canary.judge.confidence import CERTAIN, confidence, reweigh
from canary.judge.fraud import credential_signs, fraud_signs, link_signs, risky_files
from canary.judge.guess import Chance, chance_of_guess
from canary.judge.guess_reasons import at_decoy, guessing
from canary.judge.hit_context import HitContext, led_astray
from canary.judge.lifecycle import overdue
from canary.judge.lookalike import Likeness
from canary.judge.names import mail_names, without_addresses
from canary.judge.organisation import is_free_host, organisation, same_organisation
from canary.judge.persona import persona_fields
from canary.judge.personal import person_signs, thread_signs
from canary.judge.platforms import stated_vendor
from canary.judge.relation import is_known_by_sender
from canary.judge.senders import is_supply, known_as, refused_as
from canary.judge.signs import Sign
from canary.model.plus_sign import misread_as
from canary.model.proof import Result
from canary.model.verdict import HINTS, Judgement, Reason, StatedReason, Verdict, state_reason

Rule = Callable[[HitContext], Judgement | None]


def judge(hit: HitContext) -> Judgement:
    """Return the judgement of the first rule that answers, with the reasons that bear on every charge."""
    found, written = _judged(hit), misread_as(hit.canary.address, hit.envelope.rcpt_to)
    lost = hit.state(Reason.PLUS_SIGN_LOST, written=written) if written else ()
    return replace(found, reasons=(*found.reasons, *lost))


def _judged(hit: HitContext) -> Judgement:
    found = next(judgement for rule in RULES if (judgement := rule(hit)) is not None)
    chance = chance_of_guess(hit.canary, hit.attempts, hit.shapes)
    if found.verdict in HINTS:
        return replace(found, reasons=(*found.reasons, guessing(chance)))
    if found.verdict is Verdict.NEW_SENDER:
        return replace(found, plausibility=round(hit.relation.probability, 4))
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
    # Being known excuses only what it was known for: mail in its own name or the vendor's, and no crime.
    if not key or is_supply(key) or hit.is_crime or not (organisation(who.claim) == key or hit.is_in_vendors_name):
        return None
    return hit.conclude(Verdict.EXPECTED, Reason.KNOWN_SENDER, domain=key)


def supplier(hit: HitContext) -> Judgement | None:
    """The vendor's own account at a mail provider sent it in the vendor's name, without a sign of fraud."""
    key = known_as(hit.identity, hit.vendor.senders)
    if not key or hit.has_crime or not hit.is_in_vendors_name:
        return None
    account = key == f"{hit.identity.esp}/{hit.identity.account}"
    code = Reason.KNOWN_SUPPLIER_ACCOUNT if account else Reason.KNOWN_SENDER
    return hit.conclude(Verdict.SUPPLIER, code, domain=key)


def hidden_writer(hit: HitContext) -> Judgement | None:
    """A forwarder brought it, and nothing proves who wrote; one that it names is asked about where anything ties it to the vendor."""
    who = hit.identity
    if not who.behind_forwarder or hit.has_crime or known_as(who, hit.vendor.denied):
        return None
    if who.author and not (hit.relation.ties or mail_names(without_addresses(hit.mail), hit.vendor)):
        return None
    return hit.conclude(Verdict.NEW_SENDER, Reason.WRITER_HIDDEN, *(Reason.CLAIMS_VENDOR,) * hit.claims_vendor)


def platform(hit: HitContext) -> Judgement | None:
    """A shop platform, courier or payment service proved that it wrote and named the vendor as its merchant."""
    merchant = stated_vendor(hit.mail, hit.proofs, hit.identity, hit.vendor, hit.canary.address)
    if not merchant or hit.has_crime or hit.relation.deceit:
        return None
    facts = {"platform": hit.identity.platform, "merchant": merchant}
    return hit.conclude(Verdict.SUPPLIER, Reason.PLATFORM_MERCHANT, **facts)


def likely_vendor(hit: HitContext) -> Judgement | None:
    """Nothing of the vendor's own proves it, but it comes in the vendor's name and the odds are that it is the vendor's."""
    if not hit.relation.is_own or refused_as(hit.identity, hit.vendor.denied):
        return None
    sure = round(min(hit.relation.probability, CERTAIN), 4)
    return Judgement(Verdict.EXPECTED, sure, hit.state(Reason.LIKELY_VENDOR, signs=hit.relation.signs[:6]))


def new_sender(hit: HitContext) -> Judgement | None:
    """Something ties it to the vendor and nobody has decided yet whose it is; what the owner refused never is."""
    if refused_as(hit.identity, hit.vendor.denied):
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
    shared = who.esp or who.shared or Sign.LEARNED_PLATFORM in hit.relation.signs
    return Reason.SHARED_PLATFORM if shared else Reason.PROVEN_OUTSIDER


def lookalike(hit: HitContext) -> Judgement | None:
    """It comes from a domain so like one of the vendor's that no honest owner would choose it; proof or not."""
    found = hit.imitation(hit.identity.claim, *hit.identity.domains)
    if found is None or not found[1].near:
        return None
    proven = Reason.PROVEN_OUTSIDER if hit.identity.proven else Reason.NOTHING_PROVEN
    return hit.conclude(Verdict.IMPERSONATION, Reason.LOOKALIKE_DOMAIN, proven, **_likeness(*found))


def backscatter(hit: HitContext) -> Judgement | None:
    """A bounce, an automatic reply or a complaint, and so an answer to mail that the address never sent."""
    answer = hit.answer
    if answer is None or hit.lures_as_answer:
        return None
    codes = [answer.kind]
    if answer.recipient or answer.message:
        codes.append(Reason.ANSWERS_TO)
    if not hit.envelope.mail_from:
        codes.append(Reason.NULL_SENDER)
    return hit.conclude(Verdict.BACKSCATTER, *codes, recipient=answer.recipient, message=answer.message)


def no_stranger_yet(hit: HitContext) -> Judgement | None:
    """Of the vendor neither a domain nor a sender is known yet: only crime is charged, all else is a question."""
    if is_known_by_sender(hit.vendor) or hit.relation.lures or known_as(hit.identity, hit.vendor.denied):
        return None
    return hit.conclude(Verdict.NEW_SENDER, Reason.NO_DOMAIN_YET)


def impersonation(hit: HitContext) -> Judgement | None:
    """It gives itself out as the vendor, by address, domain, name or link, and something speaks for deceit."""
    relation = hit.relation
    denied = hit.claims_vendor and refused_as(hit.identity, hit.vendor.denied)
    # A mail that asks for keys from a place that costs nothing only has to name the vendor.
    baits = Sign.CREDENTIALS in relation.deceit and is_free_host(hit.identity.claim) and hit.is_in_vendors_name
    if not (relation.claims_vendor and relation.deceit) and not denied and not baits:
        return None
    codes = dict.fromkeys(_claims(hit))
    if Sign.FRAUD in relation.deceit:
        codes[Reason.FRAUD_SHAPE] = None
    if hit.is_client_unseen:
        codes[Reason.CLIENT_UNSEEN] = None
    asked = credential_signs(hit.mail) if Sign.CREDENTIALS in relation.deceit else ()
    if asked:
        codes[Reason.CREDENTIAL_BAIT] = None
    found = hit.imitation(hit.identity.claim, *hit.identity.domains) or led_astray(hit)
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
    alike = hit.imitation(hit.identity.claim, *hit.identity.domains) or led_astray(hit)
    if alike:
        yield Reason.LOOKALIKE_DOMAIN
    if not alike or Sign.WHOLE_NAME in hit.relation.signs:
        yield Reason.LOOKALIKE_NAME


def denied(hit: HitContext) -> Judgement | None:
    """The owner was asked about this sender and said that it does not write for the vendor."""
    key = refused_as(hit.identity, hit.vendor.denied)
    if not key:
        return None
    signs = fraud_signs(hit.mail)
    more = (() if hit.identity.proven else (Reason.NOTHING_PROVEN,)) + ((Reason.FRAUD_SHAPE,) if signs else ())
    verdict = Verdict.SPAM if more else Verdict.THIRD_PARTY
    return hit.conclude(verdict, Reason.DENIED_SENDER, *more, key=key, signs=signs)


def third_party(hit: HitContext) -> Judgement | None:
    """Somebody else, with proof, writes in bulk: the address was shared or sold."""
    signs = bulk_signs(hit.mail)
    if not hit.identity.proven or not signs or fraud_signs(hit.mail) or hit.lures_as_answer:
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
    if hit.identity.behind_forwarder:
        codes.append(Reason.FORWARDED if hit.identity.author else Reason.WRITER_HIDDEN)
    if signs:
        codes.append(Reason.FRAUD_SHAPE)
    elif hit.lures_as_answer:
        codes.append(Reason.FALSE_ANSWER)
    if hit.proofs.unsettled:
        codes.append(Reason.DNS_UNSETTLED)
    return hit.conclude(Verdict.SPAM, *codes, signs=signs or hit.lures_as_answer)


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
    hidden_writer,
    platform,
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
