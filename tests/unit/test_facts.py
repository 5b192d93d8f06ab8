"""What is kept of a mail as JSON becomes the same facts again, and facts have ids that stay."""

import json
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import pytest

from canary.model.alert import fact_id
from canary.model.case import Explanation, Findings, LeakWindow, Observation, Suspect, SuspectHits, SuspectKind
from canary.model.claim import Claim, ClaimCode
from canary.model.identity import Identity, Proof
from canary.model.mail import Client, Envelope
from canary.model.proof import ArcResult, DkimResult, DmarcResult, Proofs, Result, SpfResult
from canary.model.verdict import Reason, state_reason
from canary.store.codec import (
    claim_json,
    claims_of,
    envelope_json,
    envelope_of,
    findings_json,
    findings_of,
    identity_json,
    identity_of,
    proofs_json,
    proofs_of,
    reasons_json,
    reasons_of,
    suspects_json,
    suspects_of,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_an_identity_survives_being_kept() -> None:
    who = Identity(
        "a.example", "b.example", "b.example", Proof.SPF, "klaviyo", "x", shared=True, domains=("b.example", "c.example"),
        carriers=(("klaviyo", "Klaviyo"), ("sendgrid", "Twilio SendGrid")),
    )  # fmt: skip
    assert identity_of(json.loads(json.dumps(identity_json(who)))) == who


def test_proofs_survive_being_kept() -> None:
    proofs = Proofs(
        SpfResult(Result.PASS, "a.example", "helo", "why", "so"),
        (DkimResult(Result.FAIL, "b.example", "s", "i", "rsa-sha256", 1024, testing=True, reason="r", unsigned=3),),
        DmarcResult(Result.FAIL, "a.example", "a.example", "reject", "", "a.example", "r"),
        ArcResult(Result.PASS, "c.example", 2, "r"),
    )
    assert proofs_of(json.loads(json.dumps(proofs_json(proofs)))) == proofs


def test_an_envelope_survives_being_kept() -> None:
    envelope = Envelope("a@b.example", ("c@d.example",), Client("192.0.2.1", 25, "mx", "TLSv1.3"), NOW)
    assert envelope_of(json.loads(json.dumps(envelope_json(envelope))), NOW) == envelope


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


def test_suspects_survive_being_kept() -> None:
    suspects = (
        Suspect(SuspectKind.ACCOUNT, "a/b", 0.9, 1, 2, "B's account at A", 30.5),
        Suspect(SuspectKind.NOBODY, "no leak", 0.1),
    )
    assert suspects_of(json.loads(json.dumps(suspects_json(suspects)))) == suspects


def test_claims_survive_being_kept() -> None:
    claims = (Claim(ClaimCode.SUPPLIER, "Silverline"), Claim(ClaimCode.HAPPENED, "", NOW - DAY, NOW))
    assert claims_of(json.loads(json.dumps([claim_json(claim) for claim in claims]))) == claims


@pytest.mark.parametrize("assessed_at", [None, NOW])
@pytest.mark.parametrize("window", [None, LeakWindow(NOW, NOW - DAY, NOW - 2 * DAY, NOW - DAY / 7)])
def test_findings_survive_being_kept(window: LeakWindow | None, assessed_at: datetime | None) -> None:
    why = Explanation("Silverline", (Observation("It hit.", 2.5),), (Observation("It kept quiet.", -0.25),))
    hits = (SuspectHits(SuspectKind.SUPPLIER, "silver", NOW, 3, 2, 0, 4, 5, timedelta(minutes=40)),)
    twins = (("Play", "Silverline"),)
    found = Findings(window, {"given name": 0.9, "phone": 0.2}, twins, (why,), assessed_at, "One only.", hits)
    assert findings_of(json.loads(json.dumps(findings_json(found)))) == found


@pytest.mark.parametrize(("p", "leaked"), [(0.499, ()), (0.5, ("phone",)), (0.501, ("phone",))])
def test_a_field_leaked_when_that_is_as_likely_as_not(p: float, leaked: tuple[str, ...]) -> None:
    assert Findings(fields={"phone": p}).leaked_fields == leaked


def test_what_another_version_kept_is_read_as_far_as_it_goes() -> None:
    assert identity_of({"claim": "a.example", "mood": "bright"}) == Identity("a.example")
    assert proofs_of({}) == Proofs()
    assert findings_of({}) == Findings()
    assert reasons_of([{"code": "known-sender"}])[0].text == "? is a known sender for this vendor, proven by ?."
    assert envelope_of({}, NOW) == Envelope("", (), Client(""), NOW)


def test_the_id_of_a_fact_follows_from_its_parts_and_stays_what_it_was() -> None:
    assert fact_id("reminder", 7, "2026-03-01", 2) == str(uuid5(NAMESPACE_URL, "canary:reminder:7:2026-03-01:2"))
