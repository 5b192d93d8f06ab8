"""What is kept of a mail as JSON becomes the same facts again, and facts have ids that stay."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from canary.model.alert import fact_id
from canary.model.identity import Identity, Proof
from canary.model.mail import Client, Envelope
from canary.model.proof import ArcResult, DkimResult, DmarcResult, Proofs, Result, SpfResult
from canary.store.codec import envelope_of, identity_of, proofs_of

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


def test_what_another_version_kept_is_read_as_far_as_it_goes() -> None:
    assert identity_of({"claim": "a.example", "mood": "bright"}) == Identity("a.example")
    assert proofs_of({}) == Proofs()
    assert envelope_of({}, NOW) == Envelope("", (), Client(""), NOW)


def test_the_id_of_a_fact_follows_from_its_parts_and_stays_what_it_was() -> None:
    assert fact_id("reminder", 7, "2026-03-01", 2) == str(uuid5(NAMESPACE_URL, "canary:reminder:7:2026-03-01:2"))
