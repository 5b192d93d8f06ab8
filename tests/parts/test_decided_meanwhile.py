"""What the owner decides while a batch of mails is on its way counts for these mails."""

import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from canary.cases import answers, end_dates, merge_split, publication, workflow
from canary.cases.past_mail import OwnerWord
from canary.model.case import CaseState
from canary.model.decision import Decision
from canary.model.party import SupplierLink
from canary.store.codec import reasons_of
from canary.store.database import Database
from canary.store.queries import canaries
from canary.store.tables import HitRow
from tests.conftest import START
from tests.sequences import SLUGS, Answer, Letter, Played, check_all_is_counted, check_every_case_was_told_once

pytestmark = pytest.mark.slow

REFUSED = Answer(0, 0, yes=False, place=(0, 0))
APPROVED = Answer(0, 0, yes=True, place=(0, 0))
ASKING = Letter(0, 0, (0,))
ANOTHER = Letter(0, 1, (1,))
STRANGE = Letter(2, 0, (0,))
STRANGER_APPROVED = Answer(2, 0, yes=True, place=(0, 0))


@pytest.fixture
def made(postgres_store: Database) -> Played:
    """An installation where one sender is asked about; of SQLite no two writers are let in at a time."""
    played = Played(postgres_store, 0)
    played.begin()
    played.receive([ASKING])
    return played


def verdicts(made: Played) -> list[str]:
    with made.store.reading() as session:
        return list(session.exec(select(HitRow.verdict).order_by(HitRow.id)))  # type: ignore[arg-type]


def after(made: Played, text: str, act: Callable[[], None]) -> None:
    """Do something once, as soon as a statement with a text was executed."""
    left = [act]

    def executed(*arguments: object) -> None:
        if text in str(arguments[2]) and left:
            left.pop()()

    event.listen(made.store.engine, "after_cursor_execute", executed)


def test_an_answer_between_judging_and_writing_counts(made: Played) -> None:
    stages: list[str] = []

    def answer_meanwhile(stage: str) -> None:
        stages.append(stage)
        if stages == ["gather", "judge"]:
            made.answer(REFUSED)

    made.on_stage = answer_meanwhile
    made.receive([ANOTHER])
    assert stages == ["gather", "judge", "gather", "judge", "assign", "write", "commit"]
    assert verdicts(made) == ["third-party"] * 2
    check_every_case_was_told_once(made)


@pytest.mark.parametrize("read", ["FROM vendor \n", "FROM vendor_domain", "FROM sender", "FROM guess"])
def test_an_answer_while_mails_are_gathered_counts(made: Played, read: str) -> None:
    made.receive([STRANGE])
    after(made, read, lambda: made.answer(STRANGER_APPROVED))
    made.receive([STRANGE])
    assert verdicts(made) == ["new-sender", "expected", "expected"]
    check_every_case_was_told_once(made)


def test_two_answers_while_mails_are_on_their_way_keep_nobody_waiting_for_ever(made: Played) -> None:
    made.answer(APPROVED)
    stages: list[str] = []
    second: list[Future[None]] = []

    def answer_meanwhile(stage: str) -> None:
        stages.append(stage)
        if stages == ["gather", "judge"]:
            made.answer(REFUSED)
        if stages == ["gather", "judge"] * 2:
            second.append(pool.submit(made.answer, APPROVED))
            wait(second, timeout=5)  # what waits for us now would wait for ever

    made.on_stage = answer_meanwhile
    with ThreadPoolExecutor(1) as pool:
        made.receive([ANOTHER])
    second[0].result()
    assert verdicts(made) == ["expected"] * 2
    check_all_is_counted(made)


@pytest.mark.parametrize("of_vendor", [True, False])
@pytest.mark.parametrize("read", ["FROM canary ", "FROM vendor \n", "FROM guess"])
def test_that_an_address_is_shown_in_public_counts_for_mails_that_are_being_gathered(
    made: Played, read: str, of_vendor: bool
) -> None:
    def said() -> None:
        with made.store.writing() as session:
            if of_vendor:
                publication.set_publishes(session, SHOES, True, OwnerWord("ada", START))
            else:
                publication.set_published(session, made.addresses[0], True, secrets.randbelow, OwnerWord("ada", START))

    after(made, read, said)
    made.receive([STRANGE])
    with made.store.reading() as session:
        [hit] = session.exec(select(HitRow).order_by(HitRow.id.desc()).limit(1))  # type: ignore[union-attr]
    assert "published-address" in {reason.code for reason in reasons_of(hit.reasons)}


SHOES = SLUGS[0]


def an_address(session: Session) -> str:
    return canaries.list_canaries(session, SHOES)[0].address


WORD = Decision("ada", START)
ACCOUNT = SupplierLink(SHOES, "silver", account="4711")
DECISIONS: dict[str, Callable[[Session], object]] = {
    "approve": lambda s: answers.approve(s, SHOES, "tilla.example", "ada", START),
    "refuse": lambda s: answers.deny(s, SHOES, "tilla.example", "ada", START),
    "domains": lambda s: answers.declare_domains(s, SHOES, ["shoes.example"], "ada", START),
    "supplier": lambda s: answers.declare_supply(s, ACCOUNT, "Silver", "ada", START),
    "new supplier": lambda s: answers.declare_supply(s, SupplierLink(SHOES, "tin"), "Tin", "ada", START),
    "no supplier": lambda s: answers.drop_supply(s, SHOES, "Silver", None, "ada", START),
    "end": lambda s: end_dates.set_endings(s, SHOES, {"contract": START}, "ada", START),
    "published": lambda s: publication.set_published(
        s, an_address(s), True, secrets.randbelow, OwnerWord("ada", START)
    ),
    "publishes": lambda s: publication.set_publishes(s, SHOES, True, OwnerWord("ada", START)),
    "grace": lambda s: end_dates.set_grace(s, SHOES, 3, "ada", START),
    "state": lambda s: workflow.set_state(s, 1, CaseState.INVESTIGATING, WORD),
    "merge": lambda s: merge_split.merge(s, 1, 2, WORD),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_waits_for_the_lock_of_the_cases_before_it_holds_anything_else(made: Played, name: str) -> None:
    made.receive([STRANGE, Letter(2, 1, (5,))])
    statements: list[list[str]] = []
    with made.store.writing() as session:
        event.listen(made.store.engine, "before_cursor_execute", lambda *a: statements.append(a[2].split()[0:2]))
        DECISIONS[name](session)
        session.flush()
    writing = [words for words in statements if words[0] in ("INSERT", "UPDATE", "DELETE") or "advisory" in words[1]]
    assert "pg_advisory_xact_lock" in writing[0][1]
