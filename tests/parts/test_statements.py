"""What a vendor said, kept and held against the mail that came: on a real spool and a real store of each kind."""

from datetime import timedelta

import pytest
from sqlmodel import select

from canary.cases import records, statements, workflow
from canary.cases.claims import answer_claim
from canary.model.claim import Claim, ClaimCode, ClaimOutcome, PartyStatement
from canary.model.decision import Decision
from canary.store.tables import CanaryRow
from tests.conftest import START
from tests.parts.test_pipeline import LURE, World, world  # noqa: F401 - a fixture

ADA = Decision("ada", START + timedelta(days=2))
SAID = PartyStatement(
    "Shop", START + timedelta(days=1), (Claim(ClaimCode.ONLY_ADDRESSES), Claim(ClaimCode.GUESSED)), "Sorry."
)


@pytest.fixture
def hit(world: World) -> World:  # noqa: F811
    """A case whose mails say the given name in three of four."""
    with world.store.reading() as session:
        persona = session.exec(select(CanaryRow.persona).where(CanaryRow.address == world.addresses["shop"])).one()
    assert persona is not None
    for greeting in (
        f"Dear {persona['given_name']},",
        f"Hello {persona['given_name']}!",
        "Hello",
        f"Hi {persona['given_name']}",
    ):
        world.send(LURE.replace(b"\r\n\r\n", f"\r\n\r\n{greeting} ".encode()), "shop")
    world.run()
    return world


def test_a_statement_is_kept_with_its_claims_and_is_in_the_timeline(hit: World) -> None:
    with hit.store.writing() as session:
        statements.add_statement(session, 1, SAID, ADA)
    with hit.store.reading() as session:
        assert statements.statements_of(session, 1) == (
            PartyStatement(SAID.party, SAID.at, SAID.claims, SAID.text, "ada"),
        )
        told = [e.text for e in records.timeline(session, 1) if e.kind == "statement"]
    assert told == ["Shop on 02 Mar 2026: only e-mail addresses leaked; the address was guessed."]


def test_only_addresses_is_contradicted_by_the_mails_that_say_the_name(hit: World) -> None:
    with hit.store.writing() as session:
        statements.add_statement(session, 1, SAID, ADA)
        (heard,) = statements.answer_statements(
            session, workflow.get_case(session, 1), statements.evidence_of(session, workflow.get_case(session, 1))
        )
    only, guessed = heard.answers
    assert (only.outcome, only.mails) == (ClaimOutcome.CONTRADICTED, (1, 2, 4))
    assert "given name in 3 of 4 mails" in only.text
    assert guessed.outcome is ClaimOutcome.CONTRADICTED


def test_a_statement_of_nobody_or_of_tomorrow_is_refused(hit: World) -> None:
    with hit.store.writing() as session:
        with pytest.raises(ValueError, match="the statement is empty"):
            statements.add_statement(session, 1, PartyStatement(" ", START, (), ""), ADA)
        with pytest.raises(ValueError, match="that is in the future"):
            statements.add_statement(session, 1, PartyStatement("Shop", ADA.at + timedelta(days=1), (), "x"), ADA)


def test_silence_since_a_rotation_is_evidence_too(hit: World) -> None:
    import secrets

    from canary.canaries import lifecycle

    stopped = Claim(ClaimCode.STOPPED, "", START + timedelta(hours=1))
    with hit.store.writing() as session:
        case = workflow.get_case(session, 1)
        assert answer_claim(stopped, statements.evidence_of(session, case)).outcome is ClaimOutcome.UNKNOWN
        lifecycle.rotate(session, hit.addresses["shop"], secrets.randbelow, START + timedelta(days=1))
        assert answer_claim(stopped, statements.evidence_of(session, case)).outcome is ClaimOutcome.CONSISTENT
