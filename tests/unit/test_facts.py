"""What is kept of a mail as JSON becomes the same facts again."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

from canary.model.identity import Identity, Proof
from canary.model.mail import Client, Envelope
from canary.model.proof import ArcResult, DkimResult, DmarcResult, Proofs, Result, SpfResult
from canary.model.verdict import Reason, state_reason
from canary.store.codec import envelope_of, identity_of, proofs_of, reasons_json, reasons_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_an_identity_survives_being_kept() -> None:
    who = Identity(
        "a.example", "b.example", "b.example", Proof.SPF, "klaviyo", "x", shared=True, domains=("b.example", "c.example"),
        carriers=(("klaviyo", "Klaviyo"), ("sendgrid", "Twilio SendGrid")),
    )  # fmt: skip
    assert identity_of(json.loads(json.dumps(asdict(who)))) == who


def test_proofs_survive_being_kept() -> None:
    proofs = Proofs(
        SpfResult(Result.PASS, "a.example", "helo", "why", "so"),
        (DkimResult(Result.FAIL, "b.example", "s", "i", "rsa-sha256", 1024, testing=True, reason="r", unsigned=3),),
        DmarcResult(Result.FAIL, "a.example", "a.example", "reject", "", "a.example", "r"),
        ArcResult(Result.PASS, "c.example", 2, "r"),
    )
    assert proofs_of(json.loads(json.dumps(asdict(proofs)))) == proofs


def test_an_envelope_survives_being_kept() -> None:
    envelope = Envelope("a@b.example", ("c@d.example",), Client("192.0.2.1", 25, "mx", "TLSv1.3"), NOW)
    kept = {**asdict(envelope), "received": NOW.isoformat()}
    assert envelope_of(json.loads(json.dumps(kept)), NOW) == envelope


def test_reasons_survive_being_kept() -> None:
    reasons = (
        state_reason(Reason.PERSONA_NAMED, fields=("given name", "phone")),
        state_reason(Reason.ANSWERS_TO, recipient="a@b.example", message="<1@b.example>"),
        state_reason(Reason.NEVER_ISSUED),
    )
    assert reasons_of(json.loads(json.dumps(reasons_json(reasons)))) == reasons


def test_a_kept_reason_holds_what_its_sentence_needs_and_no_sentence() -> None:
    reason = state_reason(Reason.KNOWN_SENDER, domain="b.example", proof="DKIM", account="", claim="c.example")
    assert reasons_json([reason]) == [{"code": "known-sender", "facts": {"domain": "b.example", "proof": "DKIM"}}]


def test_what_another_version_kept_is_read_as_far_as_it_goes() -> None:
    assert identity_of({"claim": "a.example", "mood": "bright"}) == Identity("a.example")
    assert proofs_of({}) == Proofs()
    assert envelope_of({}, NOW) == Envelope("", (), Client(""), NOW)
