"""The owner's word about a sender: what it will do is known before, what it did is taken back, and much past mail follows."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from canary.cases import answers, past_mail
from canary.cases.past_mail import OwnerWord
from canary.cases.rehearsal import in_words, rehearse
from canary.cases.rejudge import RejudgeOutcome
from canary.model.sender import SenderAnswer
from canary.store import tables
from canary.store.queries import vendors
from canary.store.tables import CanaryRow, CaseRow, RejudgeJobRow, VendorDomainRow
from tests.parts import test_senders
from tests.parts.test_senders import OFFER, World, mail

book, world = test_senders.book, test_senders.world

APPROVE, DENY, UNDO = SenderAnswer
CHANGING = {
    "vendor": {"decisions"}, "leak_case": {"decision", "suspects", "findings", "leak"}, "hit": {"decision", "reasons", "confidence"},
    "sender": {"id", "decided_at"}, "supplier_link": {"id"},
}  # fmt: skip
"""What counts decisions, is weighed as of the newest one or numbers rows, and the words for a question that is old by then."""

SERIES = ("expected", "supplier", "third_party", "spam", "other")
HISTORY = ("case_event", "vendor_event", "audit", "suspect_history", "case_notification", "outbox", "supplier")
"""What keeps that something happened."""


def state(world: World) -> dict[str, list[dict[str, Any]]]:
    """Everything in the store but what only counts or records decisions."""
    found: dict[str, list[dict[str, Any]]] = {}
    with world.store.reading() as session:
        for table in tables.VendorRow.metadata.sorted_tables:
            if table.name in HISTORY:
                continue
            rows = session.execute(select(table)).mappings()
            kept = [{k: v for k, v in row.items() if k not in CHANGING.get(table.name, ())} for row in rows]
            found[table.name] = sorted(filter(_counts, kept), key=repr)
    return {name: rows for name, rows in found.items() if rows}


def _counts(row: dict[str, Any]) -> bool:
    """Whether a row counts anything; one of zeros is as good as none, and a case that was emptied is history."""
    return row.get("emptied", "") == "" and row.get("count") != 0 and any(row.get(name) != 0 for name in SERIES)


def say(world: World, key: str, answer: SenderAnswer, at_once: int = 500) -> RejudgeOutcome:
    with world.store.writing() as session:
        return answers.answer(session, "trendy-shoes", key, answer, OwnerWord("ada", world.clock(), at_once))


def foresee(world: World, key: str, answer: SenderAnswer) -> RejudgeOutcome:
    word = OwnerWord("ada", world.clock())
    return rehearse(world.store, lambda session: answers.answer(session, "trendy-shoes", key, answer, word))


def claims(world: World, domain: str, days: float = 60, text: str = OFFER) -> None:
    """Somebody who proves nothing writes in the name of a domain."""
    world.send(mail(f"Deals <news@{domain}>", text, "Forty percent"), sender="x@nowhere.example", days=days)


def case_states(world: World) -> list[tuple[int | None, str, str]]:
    return [(case.id, case.state, case.outcome) for case in world.rows(CaseRow)]


def canary_states(world: World) -> Sequence[str]:
    return [row.state for row in world.rows(CanaryRow) if row.vendor_id == 1]


def scene(world: World, name: str) -> str:
    """Let something happen that the owner has a word about; return the key of the sender."""
    if name == "an outsider":
        world.offer("trendy-shoes bikes-and-more", days=60)
        world.offer(days=1)
        return "deals.example"
    if name == "a question":
        world.receipt(days=60)
        return "tillroll.example"
    if name == "an account":
        world.news(days=60)
        return "sendgrid/4711"
    if name == "a domain that is only claimed":
        claims(world, "boots.example")
        return "boots.example"
    world.carried(days=1)
    return "salesforce-marketing-cloud/7898424"


SCENES = ["an outsider", "a question", "an account", "a domain that is only claimed", "what was learned"]


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize(
    "said",
    [(APPROVE,), (DENY,), *(pytest.param(each, marks=pytest.mark.slow) for each in ((APPROVE, DENY), (DENY, APPROVE)))],
)
def test_what_was_said_is_taken_back_and_all_is_as_before(
    world: World, name: str, said: Sequence[SenderAnswer]
) -> None:
    key = scene(world, name)
    before = state(world)
    for answer in said:
        say(world, key, answer)
    say(world, key, UNDO)
    assert state(world) == before


@pytest.mark.parametrize("name", SCENES)
def test_what_it_will_do_is_known_before_and_changes_nothing(world: World, name: str) -> None:
    key = scene(world, name)
    before, told = state(world), {answer: foresee(world, key, answer) for answer in (APPROVE, DENY)}
    assert state(world) == before
    for answer, outcome in told.items():
        done = say(world, key, answer)
        assert (done.looked, done.changed, done.closed, done.freed) == (
            outcome.looked, outcome.changed, outcome.closed, outcome.freed,
        )  # fmt: skip
        assert len(done.opened) == len(outcome.opened)
        say(world, key, UNDO)


def test_an_outsider_that_is_the_vendors_leaves_the_case_and_comes_back_to_it(world: World) -> None:
    world.offer(days=60)
    assert (case_states(world), canary_states(world)) == ([(1, "new", "")], ["burned"])
    done = say(world, "deals.example", APPROVE)
    assert (done.closed, len(done.freed), case_states(world)[0][1], canary_states(world)) == (
        [1],
        1,
        "closed",
        ["active"],
    )
    assert say(world, "deals.example", UNDO).opened == [1]
    assert (case_states(world), canary_states(world)) == ([(1, "new", "")], ["burned"])


def test_what_it_will_do_stands_in_a_sentence(world: World) -> None:
    world.offer(days=60)
    told = in_words(foresee(world, "deals.example", APPROVE))
    assert told == f"1 past mail is judged again; case 1 closes; {world.addresses['trendy-shoes']} is free again."
    word = in_words(foresee(world, "deals.example", UNDO))
    assert word == "No past mail is concerned; later mail is."


def test_what_was_answered_is_not_asked_again(world: World) -> None:
    world.receipt(days=60)
    say(world, "tillroll.example", APPROVE)
    say(world, "tillroll.example", UNDO)
    world.receipt(days=1)
    assert (world.told(), world.verdicts()) == (["new-sender"], ["new-sender"] * 2)


def test_taking_back_what_nobody_said_changes_nothing(world: World) -> None:
    world.receipt(days=60)
    before = state(world)
    assert (say(world, "tillroll.example", UNDO).looked, state(world)) == (0, before)


def test_a_domain_that_mail_only_claims_joins_the_family(world: World) -> None:
    claims(world, "boots.example")
    assert world.verdicts() == ["spam"]
    say(world, "boots.example", APPROVE)
    assert (world.verdicts(), case_states(world)[0][1]) == (["new-sender"], "closed")
    assert {row.domain for row in world.rows(VendorDomainRow) if row.vendor_id == 1} == {
        "shop.example",
        "boots.example",
    }


def test_a_refused_domain_is_refused_to_those_who_only_claim_it(world: World) -> None:
    content = mail(
        "Trendy Shoes <news@boots.example>", "News of Trendy Shoes: https://shop.example/new", "Trendy Shoes"
    )
    world.send(content, sender="x@nowhere.example", days=60)
    assert world.verdicts() == ["new-sender"]
    say(world, "boots.example", DENY)
    assert world.verdicts() == ["spam"]


@pytest.mark.parametrize("key", ["gmail.com", "sendgrid.net"])
def test_where_anybody_can_write_from_nobody_is_approved(world: World, key: str) -> None:
    claims(world, "gmail.com")
    world.news(days=1)
    with pytest.raises(vendors.Unknown, match="never seen"):
        say(world, key, APPROVE)


# Much past mail


def test_much_past_mail_is_judged_slice_by_slice_and_ends_as_if_at_once(world: World) -> None:
    for _ in range(7):
        world.offer(days=20)
    before = state(world)
    say(world, "deals.example", APPROVE)
    at_once = state(world)
    say(world, "deals.example", UNDO)
    assert state(world) == before
    outcome = say(world, "deals.example", APPROVE, at_once=3)
    assert (outcome.waiting, set(world.verdicts())) == (7, {"third-party"})
    assert past_mail.judge_next_slice(world.store, 3)
    [job] = world.rows(RejudgeJobRow)
    assert (job.done, job.count, world.verdicts().count("expected"), case_states(world)[0][1]) == (3, 7, 3, "new")
    past_mail.work_off(world.store, 3)
    assert (state(world), world.rows(RejudgeJobRow)) == (at_once, [])


def test_an_answer_in_the_middle_of_it_has_the_last_word(world: World) -> None:
    for _ in range(5):
        world.offer(days=20)
    before = state(world)
    say(world, "deals.example", APPROVE, at_once=1)
    past_mail.judge_next_slice(world.store, 2)
    say(world, "deals.example", UNDO, at_once=1)
    past_mail.work_off(world.store, 2)
    assert state(world) == before


# The family


def test_a_brand_is_a_further_name_of_the_vendor(world: World) -> None:
    claims(world, "boots.example", text="Wavecrest Boots: forty percent off at Wavecrest Boots")
    before = state(world)
    with world.store.writing() as session:
        answers.add_brands(session, "trendy-shoes", ["Wavecrest  Boots"], "ada", world.clock())
    assert world.verdicts() == ["new-sender"]
    with world.store.writing() as session:
        assert vendors.get_vendor(session, "trendy-shoes").brands == ("Wavecrest Boots",)
        answers.drop_brands(session, "trendy-shoes", ["Wavecrest Boots"], "ada", world.clock())
    assert state(world) == before


def test_a_domain_is_removed_from_the_family_as_it_came(world: World) -> None:
    world.offer(days=60)
    before = state(world)
    for act in (answers.declare_domains, answers.retract_domains):
        with world.store.writing() as session:
            act(session, "trendy-shoes", ["deals.example"], "ada", world.clock())
    assert state(world) == before


def test_what_is_no_brand_is_refused_and_what_is_not_there_not_removed(world: World) -> None:
    with world.store.writing() as session, pytest.raises(ValueError, match="give a name of 2 to 100"):
        answers.add_brands(session, "trendy-shoes", ["x"], "ada", world.clock())
    with world.store.writing() as session, pytest.raises(vendors.Unknown, match="not known"):
        answers.drop_brands(session, "trendy-shoes", ["Nobody"], "ada", world.clock())
    with world.store.writing() as session, pytest.raises(vendors.Unknown, match="not known"):
        answers.retract_domains(session, "trendy-shoes", ["nobody.example"], "ada", world.clock())
