"""What is known of one mail at one canary, as all rules of judging see it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property

from canary.judge.confidence import confidence
from canary.judge.false_answers import false_answer
from canary.judge.fraud import fraud_signs, link_traps, risky_files
from canary.judge.lookalike import Likeness, imitated
from canary.judge.names import mail_names
from canary.judge.organisation import same_organisation
from canary.judge.relation import Relation, relation_of
from canary.judge.selftest import HEADER, is_own
from canary.judge.signs import CRIMES, SIGNS, Sign, SignWeight
from canary.mail.bounce import AutomaticAnswer, answers_nothing
from canary.mail.text import link_host
from canary.model.authenticated import AuthenticatedMail
from canary.model.canary import Canary
from canary.model.identity import Identity
from canary.model.mail import Envelope, ParsedMail
from canary.model.party import Vendor
from canary.model.proof import Proofs
from canary.model.track_record import NOTHING_SEEN, TrackRecord
from canary.model.verdict import Judgement, Reason, StatedReason, Verdict, state_reason

_SPEAK_OF_PROOF = frozenset({Verdict.SPAM, Verdict.IMPERSONATION, Verdict.NEW_SENDER, Verdict.MISDIRECTED})
"""Verdicts that another proof might have changed."""


@dataclass(frozen=True)
class HitContext:
    """All that is known when one hit is judged.

    `attempts` counts the guesses seen on the canary's domain, `shapes` those of each shape; `self_test` means that the
    mail carries a valid token of ours for this canary; `record` is what was known of the sender when the mail came;
    `weights` are what signs weigh, others than the table's to try.
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
    record: TrackRecord = NOTHING_SEEN
    weights: Mapping[Sign, SignWeight] = field(default_factory=lambda: SIGNS)

    @property
    def facts(self) -> dict[str, object]:
        """The values that reasons mention."""
        who = self.identity
        claim = who.claim or self.mail.sender.address or "an empty address"
        proof = who.forwarder if who.behind_forwarder else who.proof.value.partition("-")[0].upper()
        return {
            "domain": who.domain, "proof": proof, "esp": who.esp, "account": who.account, "claim": claim,
            "forwarder": who.forwarder, "author": who.author,
        }  # fmt: skip

    @property
    def age(self) -> timedelta:
        """How long ago the address was given away."""
        return self.envelope.received - self.canary.since

    @property
    def claims_vendor(self) -> bool:
        """Whether the From domain is one of the vendor's."""
        return any(same_organisation(self.identity.claim, domain) for domain in self.vendor.domains)

    @cached_property
    def relation(self) -> Relation:
        """What speaks for and against the mail being the vendor's."""
        found = relation_of(self.mail, self.proofs, self.identity, self.vendor, self.age, self.record)
        return replace(found, weights=self.weights)

    @cached_property
    def answer(self) -> AutomaticAnswer | None:
        """What it answers, if it has the form of an answer."""
        return answers_nothing(self.mail, self.envelope)

    @cached_property
    def lures_as_answer(self) -> tuple[str, ...]:
        """What it is instead, if it has only the form of an answer."""
        if self.answer is None:
            return ()
        return false_answer(self.mail, self.answer.kind, proven=self.identity.proven)

    @property
    def is_unsettled(self) -> bool:
        """Whether nothing is proven so far and DNS may still bring proof."""
        return self.proofs.unsettled and not self.identity.proven

    @property
    def is_client_unseen(self) -> bool:
        """Whether nothing is proven, by an inlet where nobody who is trusted saw the client, which might have proven it."""
        unseen = not self.envelope.trust.sees_client and not self.envelope.client.ip
        return unseen and not self.identity.proven

    @property
    def has_crime(self) -> bool:
        """Whether the mail has signs of fraud, files that run, or links that hide where they lead."""
        return bool(fraud_signs(self.mail) or risky_files(self.mail) or link_traps(self.mail) or led_astray(self))

    @property
    def is_crime(self) -> bool:
        """Whether it has such signs, and is no long letter to subscribers that has words of fraud only."""
        return self.has_crime and not CRIMES.isdisjoint(self.relation.signs)

    @property
    def is_in_vendors_name(self) -> bool:
        """Whether it gives itself out as the vendor's, or names the vendor."""
        return self.relation.claims_vendor or mail_names(self.mail, self.vendor)

    def imitation(self, *domains: str) -> tuple[str, Likeness] | None:
        """Return the first of some domains that imitates one of the vendor's, with how."""
        return imitated(filter(None, domains), self.vendor.domains, self.vendor.name)

    def state(self, *codes: Reason, **facts: object) -> tuple[StatedReason, ...]:
        """State reasons with the values of this hit."""
        return tuple(state_reason(code, **{**self.facts, **facts}) for code in codes)

    def conclude(self, verdict: Verdict, *codes: Reason, **facts: object) -> Judgement:
        """Reach a verdict for reasons; how sure it is follows from the table of weights."""
        if verdict in _SPEAK_OF_PROOF and self.is_client_unseen:
            codes = (*codes, Reason.CLIENT_UNSEEN)
        return Judgement(verdict, confidence(verdict, codes), self.state(*codes, **facts))


def context_of(
    mail: AuthenticatedMail,
    canary: Canary,
    vendor: Vendor,
    guesses: Counter[str],
    key: bytes = b"",
    record: TrackRecord = NOTHING_SEEN,
) -> HitContext:
    """Return all that is known of one mail at one canary; `key` signs the self-tests of this installation.

    `guesses` counts what was tried on the canary's domain, by the shape of the local part.
    """
    # A program puts it in a header of its own; a person can only write a subject.
    token, envelope = mail.mail.header(HEADER) or mail.mail.subject, mail.raw.envelope
    return HitContext(
        mail.mail, envelope, mail.proofs, mail.identity, canary, vendor, attempts=guesses.total(), shapes=guesses,
        self_test=is_own(token, key, canary.address, envelope.received), record=record,
    )  # fmt: skip


def led_astray(hit: HitContext) -> tuple[str, Likeness] | None:
    """Return the domain of a link that looks like the vendor's."""
    found = hit.imitation(*dict.fromkeys(map(link_host, hit.mail.links[:20])))
    return found if found and found[1].near else None
