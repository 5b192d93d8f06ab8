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

from canary.store.database import Database
from canary.store.tables import CaseRow
from tests.sequences import (
    Act,
    Answer,
    Letter,
    Played,
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
        made.append(Database(f"sqlite:///{path}"))
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
    Stretch((Letter(1, 0, (0,)), Letter(0, 0, (1,))), (Answer(1, 0, yes=False, place=(1, 1)),), act=Act(0, 2)),
    Stretch((Letter(0, 1, (1,)),), (Answer(0, 0, yes=False, place=(0, 1)),)),
)
"""A campaign is settled as a false positive; another sender of it is refused before or after it sends another one."""


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


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=NO_SHRINKING)
@given(st.lists(stretches, min_size=1, max_size=4))
@example(list(THREE_MAILS))
def test_an_answer_leads_to_the_same_whichever_side_of_the_mails_it_falls_on(
    fresh: Open, sequence: list[Stretch]
) -> None:
    check_both_ways_end_the_same(fresh, sequence)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), phases=NO_SHRINKING)
@given(st.lists(stretches, min_size=1, max_size=4))
def test_many_sequences_lead_to_the_same_both_ways(fresh: Open, sequence: list[Stretch]) -> None:
    check_both_ways_end_the_same(fresh, sequence)
