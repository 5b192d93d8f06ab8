"""One way through: what an answer of the owner leads to does not depend on which side of the mails it falls.

Sequences of mails, answers about their senders and decisions on cases are played in two ways: answers move among the
mails between two decisions on cases, and the mails are cut into other batches. Both must end the same.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from canary.cases.weighing import JOINS
from canary.store.database import Database
from canary.store.tables import CanaryRow, CaseRow, CaseVendorRow
from tests.conftest import AT_EVERY_LEAK
from tests.sequences import (
    ACCOUNT,
    CARRIED,
    DEALS,
    OTHER_ACCOUNT,
    OTHER_CARRIED,
    PIERS,
    TILLA,
    TILLB,
    Act,
    Answer,
    Letter,
    Played,
    Probe,
    Stretch,
    answerable,
    check_all_is_counted,
    check_every_case_was_told_once,
    end_of,
    hits_of,
    stretches,
    told,
)

Open = Callable[[], Database]
NO_SHRINKING = (Phase.explicit, Phase.generate)


@pytest.fixture
def fresh(sqlite_template: Path, tmp_path: Path) -> Iterator[Open]:
    """New stores, as many as are asked for."""
    made: list[Database] = []

    def open_new() -> Database:
        path = tmp_path / f"{len(made)}.db"
        shutil.copy(sqlite_template, path)
        made.append(Database(f"sqlite:///{path}", carried={**AT_EVERY_LEAK, JOINS: False}))
        return made[-1]

    yield open_new
    for store in made:
        store.close()


def played(fresh: Open, way: int, sequence: Sequence[Stretch]) -> Played:
    made = Played(fresh(), way)
    made.begin()
    made.play(answerable(sequence))
    return made


THREE_MAILS = (
    Stretch(
        (Letter(TILLB, 0, (0,)), Letter(TILLA, 0, (1,))), (Answer(TILLB, 0, yes=False, place=(1, 1)),), act=Act(0, 2)
    ),
    Stretch((Letter(TILLA, 1, (1,)),), (Answer(TILLA, 0, yes=False, place=(0, 1)),)),
)
"""A campaign is settled as a false positive; another sender of it is refused before or after it sends another one."""


FALSE_POSITIVE, INVESTIGATED = Act(0, 2), Act(0, 0)
"""What a new case, or a false positive, becomes."""


def members(made: Played) -> list[tuple[int, int]]:
    with made.store.reading() as session:
        return sorted((row.case_id, row.vendor_id) for row in session.exec(select(CaseVendorRow)))


def check_both_ways_end_the_same(fresh: Open, sequence: Sequence[Stretch]) -> None:
    one, other = (played(fresh, way, sequence) for way in (0, 1))
    assert end_of(one.store, one.addresses) == end_of(other.store, other.addresses)
    for each in (one, other):
        check_every_case_was_told_once(each)
        check_all_is_counted(each)


@pytest.mark.parametrize("way", [0, 1])
def test_what_is_new_after_a_false_positive_begins_another_case_whichever_way_it_comes(fresh: Open, way: int) -> None:
    made = played(fresh, way, THREE_MAILS)
    with made.store.reading() as session:
        states = [row.state for row in session.exec(select(CaseRow).order_by(col(CaseRow.id)))]
        hits = hits_of(session, made.addresses)
    assert (states, hits) == (["false-positive", "new"], {1: [(1, 0), (2, 1)], 2: [(3, 1)]})
    assert told(made.store) == {1: 1, 2: 1}


SAME_BOTH_WAYS = {
    "what is charged late joins the case of its campaign at a vendor with the same supplier": (
        Stretch(
            (Letter(TILLA, 2, (0,), reply=True), Letter(DEALS, 0, (2,)), Letter(TILLA, 0, (0,))),
            (Answer(TILLA, 0, yes=True, place=(1, 1)), Answer(TILLA, 0, yes=False, place=(3, 1))),
        ),
    ),
    "the last hit of a case may be a hint": (
        Stretch(
            (Letter(DEALS, 0, (0,)), Letter(PIERS, 1, (0,)), Probe((0,)), Letter(PIERS, 1, (0,))),
            (Answer(PIERS, 0, yes=True, place=(4, 2)),),
        ),
    ),
    "a case that had a hint before a decision stays when its leak was freed": (
        Stretch((Letter(DEALS, 0, (4,)), Probe((4,))), act=Act(0, 0)),
        Stretch((Letter(PIERS, 1, (4,)),), (Answer(DEALS, 2, yes=True, place=(1, 0)),)),
    ),
    "a case whose first mail is freed is that of the vendor whose mail came next": (
        Stretch((Letter(PIERS, 2, (0,)), Letter(DEALS, 2, (2,))), act=INVESTIGATED),
        Stretch((Letter(DEALS, 2, (0,)),), (Answer(PIERS, 0, yes=True, place=(1, 0)),)),
    ),
    "an answer that shows a common supplier joins the mail that came after it was used": (
        Stretch(
            (Letter(ACCOUNT, 0, (0,)), Letter(OTHER_ACCOUNT, 0, (5,)), Letter(DEALS, 1, (0,)), Letter(DEALS, 1, (5,))),
            (Answer(ACCOUNT, 0, yes=True, place=(4, 1)), Answer(OTHER_ACCOUNT, 3, yes=True, place=(4, 2))),
        ),
    ),
    "a common supplier that mail shows counts for the next mail of the batch": (
        Stretch(
            (Letter(CARRIED, 0, (0,)), Letter(OTHER_CARRIED, 0, (5,)), Letter(DEALS, 1, (0,)), Letter(DEALS, 1, (5,))),
            cuts=(frozenset(), frozenset((1, 2, 3))),
        ),
    ),
    "a common supplier that mail shows counts for no mail that came before": (
        Stretch(
            (
                Letter(PIERS, 2, (0,)),
                Letter(DEALS, 1, (0,)),
                Letter(DEALS, 1, (5,)),
                Letter(CARRIED, 0, (0,)),
                Letter(OTHER_CARRIED, 0, (5,)),
                Letter(DEALS, 1, (0,)),
                Letter(DEALS, 1, (5,)),
            ),
            (Answer(PIERS, 0, yes=True, place=(3, 7)),),
        ),
    ),
    "a case is that of the vendor whose mail opens it": (
        Stretch(
            (Letter(DEALS, 0, (0,)), Letter(PIERS, 0, (2,)), Letter(PIERS, 0, (0,))),
            (Answer(DEALS, 0, yes=True, place=(3, 1)),),
        ),
    ),
}


@pytest.mark.parametrize("name", SAME_BOTH_WAYS)
def test_both_ways_end_the_same(fresh: Open, name: str) -> None:
    check_both_ways_end_the_same(fresh, SAME_BOTH_WAYS[name])


def states(made: Played) -> list[tuple[str, str, int | None]]:
    """State, outcome and whole of each case."""
    with made.store.reading() as session:
        return [(c.state, c.outcome, c.merged_into) for c in session.exec(select(CaseRow).order_by(col(CaseRow.id)))]


def test_an_address_that_was_hit_in_a_settled_case_is_burned_by_the_next_hit_once_that_is_open(fresh: Open) -> None:
    first, other = Letter(DEALS, 0, (0,)), Letter(DEALS, 0, (1,))
    made = played(fresh, 0, [Stretch((first,), act=FALSE_POSITIVE), Stretch((other,), act=INVESTIGATED)])
    burned = [(0, True), (1, False)]
    for expected in (burned, [(0, True), (1, True)]):
        with made.store.reading() as session:
            rows = session.exec(select(CanaryRow).where(CanaryRow.vendor_id == 1))
            assert sorted((made.addresses.index(row.address), row.burned_at is not None) for row in rows) == expected
        made.receive([other])


def test_a_case_that_is_taken_back_out_of_another_is_explained_if_its_mail_was_freed(fresh: Open) -> None:
    two = Stretch((Letter(DEALS, 0, (0,)), Letter(PIERS, 1, (4,))), act=Act(0, 0, "merge"))
    made = played(fresh, 0, [two, Stretch((), (Answer(PIERS, 2, yes=True, place=(0, 0)),), act=Act(0, 0, "undo"))])
    assert states(made) == [("new", "", None), ("explained", "", None)]
    assert [number for number, _ in members(made)] == [1]


def test_a_settled_case_that_takes_open_mail_back_is_open_again(fresh: Open) -> None:
    two = Stretch((Letter(DEALS, 0, (0,)), Letter(PIERS, 1, (0,))), act=Act(0, 1, "split-campaign"))
    made = played(fresh, 0, [two, Stretch((), (Answer(DEALS, 0, yes=True, place=(0, 0)),))])
    assert states(made) == [("explained", "", None), ("new", "", None)]
    made.act(Act(0, 0, "undo"))
    assert states(made) == [("new", "", None), ("closed", "", 1)]


def test_a_case_of_which_only_hints_went_to_another_is_explained(fresh: Open) -> None:
    two = Stretch((Letter(DEALS, 0, (0,)), Letter(PIERS, 1, (0,))), act=Act(0, 1, "split-campaign"))
    made = played(fresh, 0, [two, Stretch((Probe((0,)),), (Answer(PIERS, 0, yes=True, place=(1, 1)),))])
    assert states(made) == [("new", "", None), ("explained", "", None)]


@pytest.mark.slow
@pytest.mark.everyday
@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(stretches, min_size=1, max_size=3))
@example(list(THREE_MAILS))
def test_an_answer_leads_to_the_same_whichever_side_of_the_mails_it_falls_on(
    fresh: Open, sequence: list[Stretch]
) -> None:
    check_both_ways_end_the_same(fresh, sequence)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), phases=NO_SHRINKING)
@given(st.lists(stretches, min_size=1, max_size=4))
def test_many_sequences_lead_to_the_same_both_ways(fresh: Open, sequence: list[Stretch]) -> None:
    check_both_ways_end_the_same(fresh, sequence)
