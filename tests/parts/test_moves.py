"""Cases merged and split by hand, and all of it taken back exactly, on a store of each kind."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from canary.cases import campaign_decisions, merge_split, records, workflow
from canary.cases.weigh import weigh_now
from canary.model.case import CaseState
from canary.model.decision import Decision
from canary.store.codec import suspects_of
from canary.store.counters import CountedHit, count
from canary.store.database import Database
from canary.store.tables import CampaignRow, CanaryRow, CaseRow, CaseVendorRow, HitRow, MailRow, VendorRow
from tests.conftest import START
from tests.recounting import counted, kept

pytestmark = pytest.mark.slow

ADA = Decision("ada", START + timedelta(days=9))
SHOPS = ("bikes", "arts", "teas")


def hit(session: Session, case: int, canary: int, campaign: int, hours: int) -> None:
    at = START + timedelta(hours=hours)
    mail = MailRow(
        key=f"{case}-{canary}-{campaign}-{hours}", sha256="0", size=1, received_at=at, subject="s", envelope={}, identity={},
        proofs={}, parts={}, campaign_id=campaign,
    )  # fmt: skip
    session.add(mail)
    session.flush()
    came = HitRow(mail_id=mail.id, canary_id=canary, at=at, verdict="spam", confidence=0.9, reasons=[], case_id=case)
    session.add(came)
    session.flush()
    count(session, [CountedHit(canary, at, "spam", "", campaign, case)])
    row = session.get_one(CaseRow, case)
    row.opening_hit, row.last_hit_at = row.opening_hit or came.id or 0, max(row.last_hit_at, at)
    session.flush()


@pytest.fixture
def desk(store: Database) -> Database:
    """Three vendors of two addresses each, each with a case that two campaigns of three hit."""
    with store.writing() as session:
        for number, slug in enumerate(SHOPS, 1):
            session.add(VendorRow(slug=slug, name=slug.title(), created_at=START))
            session.add(CampaignRow(subject=f"c{number}", first_at=START, last_at=START, mails=1))
            session.flush()
            for which in (1, 2):
                session.add(CanaryRow(id=2 * number - 2 + which, address=f"{slug}-{which}@x.example", domain="x.example", vendor_id=number,
                                      style="tagged", bits=60, issued_at=START - timedelta(days=90)))  # fmt: skip
            session.add(
                CaseRow(vendor_id=number, touched=True, opened_at=START + timedelta(hours=number), last_hit_at=START)
            )
            session.flush()
            session.add(CaseVendorRow(case_id=number, vendor_id=number))
        session.flush()
        for number in (1, 2, 3):
            hit(session, number, 2 * number - 1, number, number)
            hit(session, number, 2 * number, number % 3 + 1, number + 5)
        weigh_now(session, [1, 2, 3], ADA.at)
    return store


OF_WEIGHING = ("leak", "evidence", "revised", "weighed", "due_at")
"""What is counted and found whenever a case is weighed."""


def stand(session: Session) -> dict[str, Any]:
    """How all cases stand that are no part of another: what is to be the same again after an undo."""
    session.flush()
    live = session.exec(select(CaseRow).where(col(CaseRow.merged_into).is_(None)).order_by(col(CaseRow.id))).all()
    members = session.exec(select(CaseVendorRow.case_id, CaseVendorRow.vendor_id)).all()
    return {
        "hits": dict(session.exec(select(HitRow.id, HitRow.case_id)).all()),
        "cases": [case.model_dump(exclude={"suspects", "findings", *OF_WEIGHING}) for case in live],
        "suspects": [sorted((s.id, round(s.p, 5), s.hit) for s in suspects_of(case.suspects)) for case in live],
        "members": sorted(m for m in members if m[0] in {case.id for case in live}),
    }


def test_a_case_takes_over_another_with_all_that_came_to_it(desk: Database) -> None:
    with desk.writing() as session:
        merge_split.merge(session, 1, 2, ADA)
        found = stand(session)
    assert [case["id"] for case in found["cases"]] == [1, 3]
    assert (found["hits"], found["members"]) == ({1: 1, 2: 1, 3: 1, 4: 1, 5: 3, 6: 3}, [(1, 1), (1, 2), (3, 3)])
    with desk.reading() as session:
        assert workflow.get_case(session, 2).merged_into == 1
        assert [e.text for e in records.timeline(session, 2)] == ["Became part of case 1."]
        assert merge_split.parts_of(session, 1) == [1, 2]


def test_the_hits_at_one_vendor_are_split_off_as_a_separate_case(desk: Database) -> None:
    with desk.writing() as session:
        merge_split.merge(session, 1, 2, ADA)
        new = merge_split.split_vendor(session, 1, "bikes", ADA)
        found = stand(session)
    assert (new.id, new.vendor_id) == (4, 1)
    assert found["members"] == [(1, 2), (3, 3), (4, 1)]
    assert found["hits"] == {1: 4, 2: 4, 3: 1, 4: 1, 5: 3, 6: 3}


def test_a_campaign_is_split_off_and_the_vendor_stays_in_both(desk: Database) -> None:
    with desk.writing() as session:
        merge_split.split_campaign(session, 1, 2, ADA)
        found = stand(session)
    assert (found["members"][:2], found["members"][3]) == ([(1, 1), (2, 2)], (4, 1))
    assert (found["hits"][1], found["hits"][2]) == (1, 4)


def test_cases_are_as_old_as_the_first_hit_that_they_have(desk: Database) -> None:
    with desk.writing() as session:
        merge_split.merge(session, 3, 1, ADA)
        new = merge_split.split_vendor(session, 3, "bikes", ADA)
        opening = {case.id: case.opening_hit for case in session.exec(select(CaseRow))}
    assert (opening[3], opening[new.id]) == (5, 1)


@pytest.mark.parametrize(("name", "what"), [("arts", "nothing"), ("bikes", "all that is in it")])
def test_a_split_that_leaves_a_side_empty_is_refused(desk: Database, name: str, what: str) -> None:
    with desk.writing() as session, pytest.raises(ValueError, match=f"case 1: .* would move {what}"):
        merge_split.split_vendor(session, 1, name, ADA)


def test_a_case_that_is_part_of_another_is_named_with_the_other(desk: Database) -> None:
    with desk.writing() as session:
        merge_split.merge(session, 1, 2, ADA)
        with pytest.raises(ValueError, match="case 2: it is part of case 1 now"):
            workflow.set_state(session, 2, CaseState.INVESTIGATING, ADA)
        with pytest.raises(ValueError, match="case 1: a case cannot be merged with itself"):
            merge_split.merge(session, 1, 1, ADA)


def test_an_open_case_opens_the_settled_one_that_takes_it_over(desk: Database) -> None:
    with desk.writing() as session:
        workflow.set_state(session, 1, CaseState.FALSE_POSITIVE, ADA)
        merge_split.merge(session, 1, 2, ADA)
        assert workflow.get_case(session, 1).state == "investigating"
        merge_split.undo(session, 1, ADA)
        assert [workflow.get_case(session, n).state for n in (1, 2)] == ["false-positive", "new"]


def test_mail_that_came_after_a_merge_stays_with_the_case_that_took_it(desk: Database) -> None:
    with desk.writing() as session:
        merge_split.merge(session, 1, 2, ADA)
        hit(session, 1, 3, 1, 50)
        merge_split.undo(session, 2, ADA)
        found = stand(session)
    assert (found["hits"][4], found["hits"][7]) == (2, 1)
    assert found["members"] == [(1, 1), (1, 2), (2, 2), (3, 3)]
    assert found["cases"][0]["last_hit_at"] == START + timedelta(hours=50)


def test_a_move_is_undone_only_after_those_that_came_later(desk: Database) -> None:
    with desk.writing() as session:
        merge_split.merge(session, 1, 2, ADA)
        merge_split.merge(session, 3, 1, ADA)
        with pytest.raises(ValueError, match="case 2: another move came after this one; undo that of case 3 first"):
            merge_split.undo(session, 2, ADA)


def test_nothing_is_undone_where_nothing_was_moved(desk: Database) -> None:
    with desk.writing() as session, pytest.raises(ValueError, match="nothing was merged or split"):
        merge_split.undo(session, 1, ADA)


def test_cases_that_a_campaign_spans_are_proposed_until_a_person_splits_them(desk: Database) -> None:
    with desk.writing() as session:
        assert merge_split.proposals(session, 1) == (2, 3)
        merge_split.split_campaign(session, 1, 2, ADA)
        assert merge_split.proposals(session, 4) == (2,)


def test_campaigns_merged_by_hand_propose_the_merge_of_their_cases(desk: Database) -> None:
    with desk.writing() as session:
        merge_split.split_campaign(session, 1, 2, ADA)
        campaign_decisions.merge(session, [1, 3], ADA)
        told = [e.text for e in records.timeline(session, 3) if e.kind == "merge-proposed"]
    assert told == ["The campaign spans case 1, 2 too. If one leak explains both, merge them."]


@pytest.mark.parametrize("seed", range(4))
def test_any_row_of_moves_taken_back_leaves_all_as_it_was(desk: Database, seed: int) -> None:
    draw = random.Random(seed)
    with desk.writing() as session:
        states = [stand(session)]
        touched: list[int] = []
        for _ in range(7):
            numbers = [case["id"] for case in states[-1]["cases"]]
            case, other = draw.choice(numbers), draw.choice(numbers)
            act = draw.choice(
                (
                    lambda c=case, o=other: merge_split.merge(session, c, o, ADA).to_id,
                    lambda c=case: merge_split.split_vendor(session, c, draw.choice(SHOPS), ADA).id,
                    lambda c=case: merge_split.split_campaign(session, c, draw.choice((1, 2, 3)), ADA).id,
                )
            )
            try:
                touched.append(act() or 0)  # type: ignore[no-untyped-call]
            except ValueError:
                continue
            states.append(stand(session))
        assert len(touched) >= 2
        for number, before in zip(reversed(touched), reversed(states[:-1]), strict=True):
            merge_split.undo(session, number, ADA)
            assert stand(session) == before
    with desk.reading() as session:
        assert kept(session)["strikes"] == counted(session)["strikes"]
