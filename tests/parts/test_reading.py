"""What pages read: each list goes through all there is, page by page, and every query goes by an index."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlmodel import Session, col, func, select

from bench._wide import END, Size, build, leaking, opened
from canary.cases.past_mail import under_way
from canary.cases.rejudge import count_hits, of_sender
from canary.senders.profile import open_questions, waiting
from canary.store.database import Database
from canary.store.queries.outbox import DeliveryFilter, deliveries
from canary.store.tables import CanaryRow, HitRow, VendorRow
from canary.views.api_queries import Among, hits_before, hits_of_mails, mails_before
from canary.views.campaign_pages import campaign_list, campaign_page
from canary.views.canary_pages import CanaryFilter, canary_list, canary_page, tentative_list
from canary.views.case_lists import SHOWN as CASES_SHOWN
from canary.views.case_lists import CaseFilter, case_counts, case_list, watch_list
from canary.views.case_pages import case_page
from canary.views.list_filter import ListFilter
from canary.views.live_hits import newest_made, news
from canary.views.mail_list import VERDICTS, MailFilter, mail_list
from canary.views.models import CaseLine, HitLine, Overview
from canary.views.overview import SHOWN, SORTED, VENDORS, View, overview, vendor_list
from canary.views.search import search
from canary.views.sender_words import words_of_hits
from canary.views.supplier_pages import supplier_list, supplier_page
from canary.views.unread_mail import unread_mail
from canary.views.vendor_pages import charged_at, vendor_page
from canary.views.view_queries import figures, latest_hits, mail_page
from tests.website import NOW, fill

SIZE = Size(3_000, 120)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A store of 120 vendors, a third of which leak, and some that never got any mail."""
    store = build(Path(tmp_path_factory.mktemp("wide")) / "canary.db", SIZE)
    with store.writing() as session:
        session.add_all(VendorRow(slug=f"zz-{n}", name=f"Silent {n}", created_at=END) for n in range(30))
    yield store
    store.close()


@pytest.fixture
def session(wide: Database) -> Iterator[Session]:
    with wide.reading() as session:
        yield session


def pages(session: Session, show: str, sort: str) -> list[Overview]:
    found = [overview(session, END, View(show, sort))]
    while found[-1].further is not None:
        found.append(overview(session, END, View(show, sort, found[-1].further)))
    return found


@pytest.mark.parametrize("sort", SORTED)
@pytest.mark.parametrize("show", SHOWN)
def test_the_pages_of_the_overview_hold_each_vendor_once(session: Session, show: str, sort: str) -> None:
    found = pages(session, show, sort)
    slugs = [line.slug for page in found for line in page.vendors]
    assert len(slugs) == len(set(slugs)) == getattr(found[0].counts, show)
    assert all(len(page.vendors) == VENDORS for page in found[:-1])


def test_the_vendor_with_the_last_outside_mail_comes_first(session: Session) -> None:
    found = [line for page in pages(session, "all", "outside") for line in page.vendors]
    states = [line.state for line in found]
    assert states == sorted(states, key=["leaking", "quiet", "unused"].index)
    assert states.count("leaking") == len(opened(SIZE)) <= len(leaking(SIZE))


@pytest.mark.parametrize("show", CASES_SHOWN)
def test_the_pages_of_the_cases_hold_each_once_the_open_ones_first(session: Session, show: str) -> None:
    found, key = case_list(session, CaseFilter(show))
    while key is not None:
        lines, key = case_list(session, CaseFilter(show), key)
        found += lines
    numbers = [line.id for line in found]
    assert len(numbers) == len(set(numbers)) == case_counts(session)[show]
    assert [line.open for line in found] == sorted((line.open for line in found), reverse=True)


def every_mail(session: Session, wanted: MailFilter) -> list[HitLine]:
    lines, key = mail_list(session, wanted)
    found = [*lines]
    while key is not None:
        lines, key = mail_list(session, wanted, key)
        found += lines
    return found


def test_the_pages_of_all_mail_hold_each_once_the_newest_first(session: Session) -> None:
    found = every_mail(session, MailFilter())
    assert (
        len(found) == len({line.id for line in found}) == session.exec(select(func.count()).select_from(HitRow)).one()
    )
    assert [(line.at, line.id) for line in found] == sorted(((line.at, line.id) for line in found), reverse=True)
    assert sum(len(every_mail(session, MailFilter(verdict))) for verdict in VERDICTS) == len(found)


def test_mail_is_narrowed_by_vendor_sender_and_days_at_once(session: Session) -> None:
    every = [line for line in every_mail(session, MailFilter()) if line.slug == OF_ONE.vendor]
    first, last = every[len(every) // 2].at.date(), every[len(every) // 4].at.date()
    sender = every[len(every) // 3].sender
    wanted = MailFilter(sender=sender.upper(), among=ListFilter(OF_ONE.vendor, first, last))
    expected = [line.id for line in every if first <= line.at.date() <= last and sender in line.sender]
    assert [line.id for line in every_mail(session, wanted)] == expected != []


@pytest.mark.parametrize("after", ["", ":", "x:y", "nan:1", "9" * 400, f"1:{10**30}", "1e400:1"])
def test_a_key_of_mail_that_was_made_up_is_no_fault(session: Session, after: str) -> None:
    assert mail_list(session, MailFilter("spam", '"nobody" OR', ListFilter("?")), after) == ((), None)


@pytest.mark.parametrize("after", ["", ":", "2:1", "1:x", "0:-1", "9" * 400, "nan:1", f"1:{10**30}"])
def test_a_made_up_key_of_a_list_of_cases_is_no_fault(session: Session, after: str) -> None:
    assert case_list(session, CaseFilter("?", ListFilter("?")), after) == ((), None)
    assert watch_list(session, after) == ((), None)


@pytest.mark.parametrize(
    "after", ["", ":", "x:y", "-1:0", "1e400:1", "9" * 400, "nan:1", f"1:{10**30}", f"1:-{10**30}"]
)
def test_a_key_that_was_made_up_is_no_fault(session: Session, after: str) -> None:
    assert overview(session, END, View("?", "?", after)).counts.all == 150


def test_a_vendor_is_shown_with_all_that_is_counted_of_it(session: Session) -> None:
    number = leaking(SIZE)[-1]
    page = vendor_page(session, f"vendor-{number}", END)
    assert page is not None
    its = select(HitRow).join(CanaryRow).where(CanaryRow.vendor_id == number).order_by(col(HitRow.at).desc())
    hits = session.exec(its).all()
    assert [line.id for line in page.hits] == [hit.id for hit in hits[:25]]
    assert page.weeks is not None
    outside = [hit for hit in hits if hit.verdict == "third-party"]
    assert (page.tally.own, page.tally.outside) == (len(hits) - len(outside), len(outside))
    assert sum(page.weeks.sums("third-party")) == sum(hit.at.date() >= page.weeks.first for hit in outside)
    assert page.scorecard is not None
    assert (page.scorecard.others, page.scorecard.outsiders) == (149, len({line.domain for line in page.outsiders}))
    assert {line.supplier for line in page.supplies} == set(page.suppliers)


def test_a_vendor_does_worse_than_those_with_fewer_outsiders(session: Session) -> None:
    cards = {line.slug: vendor_page(session, line.slug, END) for line in overview(session, END).vendors[:12]}
    found = [page.scorecard for page in cards.values() if page and page.scorecard]
    ranked = sorted(found, key=lambda card: card.outsiders)
    assert [card.worse_than for card in ranked] == sorted(card.worse_than for card in ranked)
    assert all(card.worse_than < card.others for card in found)


def test_a_supplier_is_shown_with_what_it_was_given(session: Session) -> None:
    page = supplier_page(session, "esp-4")
    assert page is not None
    given = sum(line.hit + line.quiet for line in page.supplies)
    assert given == len(page.hit) + len(page.quiet) == 2 * len(page.supplies)
    assert {c.channel for c in (*page.hit, *page.quiet)} == {"newsletter"}
    (lines, further), unknown = supplier_list(session), supplier_page(session, "nobody")
    assert (len(lines), further, unknown) == (12, None, None)


def test_canaries_are_found_by_vendor_channel_and_whether_they_were_hit(session: Session) -> None:
    slug = f"vendor-{leaking(SIZE)[-1]}"
    its = ListFilter(slug)
    every, _ = canary_list(session, wanted=CanaryFilter(its))
    hit, _ = canary_list(session, wanted=CanaryFilter(its, hit=True))
    orders, _ = canary_list(session, wanted=CanaryFilter(its, channel="order", state="active"))
    assert (len(every), len(orders), [c for c in every if c.tally.outside]) == (4, 1, list(hit))


# Plans

BIG = ("hit", "mail", "mail_content", "campaign", "campaign_mail", "campaign_hit", "vendor_week", "vendor_outsider")
"""Tables that grow with what comes: none of them is ever gone through."""


def _charged(session: Session) -> tuple[str, tuple[CaseLine, ...]]:
    slug = f"vendor-{leaking(SIZE)[-1]}"
    page = vendor_page(session, slug, END)
    return slug, page.cases if page else ()


OF_ONE = ListFilter(f"vendor-{leaking(SIZE)[-1]}", END.date() - timedelta(days=90), END.date())
READINGS: dict[str, Callable[[Session], object]] = {
    "overview": lambda session: overview(session, END),
    "next page": lambda session: overview(session, END, View("quiet", "outside", overview(session, END).further or "")),
    "asking": lambda session: overview(session, END, View("asking", "name")),
    "vendor": lambda session: vendor_page(session, f"vendor-{leaking(SIZE)[-1]}", END),
    "supplier": lambda session: supplier_page(session, "esp-4"),
    "suppliers": supplier_list,
    "cases": lambda session: case_list(session, CaseFilter()),
    "cases of a vendor": lambda session: case_list(
        session, CaseFilter("settled", ListFilter(f"vendor-{leaking(SIZE)[-1]}", END.date())), "1:9"
    ),
    "watched": watch_list,
    "case": lambda session: case_page(session, opened(SIZE)[-1], END),
    "older hits of a case": lambda session: case_page(session, opened(SIZE)[-1], END, 2_000),
    "mail": lambda session: mail_page(session, 1),
    "whose mail it is": lambda session: words_of_hits(session, latest_hits(session, 50)),
    "charged at a vendor": lambda session: charged_at(session, *_charged(session)),
    "past mail that waits": under_way,
    "past mail of a sender": lambda session: count_hits(session, 3, of_sender("stranger.example")),
    "canaries": lambda session: canary_list(session, wanted=CanaryFilter(hit=True)),
    "hidden canaries": lambda session: canary_list(session, wanted=CanaryFilter(state="hidden")),
    "newest tentative canary": newest_made,
    "tentative canaries": tentative_list,
    "tentative canaries of a vendor": lambda session: tentative_list(session, "vendor-3"),
    "tentative canaries with mail": lambda session: tentative_list(session, hit=True),
    "canary": lambda session: canary_page(session, 1),
    "campaigns": campaign_list,
    "campaigns of a vendor": lambda session: campaign_list(session, among=OF_ONE),
    "campaign": lambda session: campaign_page(session, 1),
    "latest": latest_hits,
    "all mail": mail_list,
    "all mail, further on": lambda session: mail_list(session, after=mail_list(session)[1] or ""),
    "all mail of a vendor": lambda session: mail_list(session, MailFilter("spam", among=OF_ONE)),
    "all mail of a sender": lambda session: mail_list(session, MailFilter(sender="esp-1.example")),
    "vendors": lambda session: vendor_list(session, END),
    "news": lambda session: news(session, 2_000),
    "search": lambda session: search(session, "order17"),
    "metrics": figures,
    "hits": lambda session: hits_before(session, None, 50, Among()),
    "hits of a verdict, further on": lambda session: hits_before(session, (END, 9), 50, Among(verdict="spam")),
    "hits of a time": lambda session: hits_before(session, None, 50, Among(since=END, until=END)),
    "hits of a case": lambda session: hits_before(session, None, 50, Among(case=1)),
    "hits of a canary": lambda session: hits_before(session, None, 50, Among(canary="a@example.net")),
    "questions": lambda session: open_questions(session, END),
    "questions in the menu": lambda session: waiting(session, END),
    "mails": lambda session: mails_before(session, (END, 9), 50, Among()),
    "mails of a campaign": lambda session: mails_before(session, None, 50, Among(campaign=1)),
    "mails of a domain": lambda session: mails_before(session, None, 50, Among(domain="esp-1.example")),
    "mail that was set aside": unread_mail,
    "what mails mean": lambda session: hits_of_mails(session, [1, 2]),
}


def asked(session: Session, reading: Callable[[Session], object]) -> list[tuple[str, Any]]:
    """All that is asked for a page, as the database gets it."""
    asked: list[tuple[str, Any]] = []
    connection = session.connection()

    def note(conn: object, cursor: object, statement: str, parameters: object, *rest: object) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    reading(session)
    event.remove(connection, "before_cursor_execute", note)
    return [each for each in asked if each[0].startswith(("SELECT", "WITH"))]


def plans(session: Session, name: str) -> list[str]:
    """The plans of all that is asked for a page, by SQLite's own word."""
    statements = asked(session, READINGS[name])
    cursor = session.connection().connection.cursor()
    return [
        f"{row[3]} | {statement}"
        for statement, parameters in statements
        for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    ]


@pytest.mark.parametrize("name", READINGS)
def test_no_page_goes_through_a_table_that_grows(session: Session, name: str) -> None:
    found = plans(session, name)
    assert found
    assert [plan for plan in found if gone_through(plan)] == []


def gone_through(plan: str) -> bool:
    """Whether all of a table that grows is read: not where an index gives the order in which the first few are taken."""
    step, _, statement = plan.partition(" | ")
    table = next((table for table in BIG if step.startswith(f"SCAN {table}")), None)
    ordered = "USING" in step or f"ORDER BY {table}.id DESC" in statement
    return table is not None and not (ordered and ("LIMIT" in statement or "max(" in statement))


ON_POSTGRESQL: dict[str, Callable[[Session], object]] = {
    "alerts": lambda session: deliveries(session, among=DeliveryFilter("test", "ops", "play", NOW, NOW)),
    "campaigns of a vendor": lambda session: campaign_list(session, among=ListFilter("play", NOW.date(), NOW.date())),
    "overview": lambda session: overview(session, NOW),
    "all mail": mail_list,
    "all mail of a sender": lambda session: mail_list(
        session, MailFilter("spam", "img", ListFilter("play", NOW.date()))
    ),
    "vendor": lambda session: vendor_page(session, "play", NOW),
    "case": lambda session: case_page(session, 1, NOW),
    "mail": lambda session: mail_page(session, 1),
    "whose mail it is": lambda session: words_of_hits(session, latest_hits(session, 50)),
    "charged at a vendor": lambda session: charged_at(session, *_charged(session)),
    "past mail that waits": under_way,
    "past mail of a sender": lambda session: count_hits(session, 3, of_sender("stranger.example")),
    "canary": lambda session: canary_page(session, 1),
    "campaigns": campaign_list,
    "campaign": lambda session: campaign_page(session, 1),
    "search": lambda session: search(session, "adobe reader"),
    "news": lambda session: news(session, 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_POSTGRESQL)
def test_postgresql_has_an_index_for_every_table_that_grows(postgres_store: Database, name: str) -> None:
    fill(postgres_store)
    with postgres_store.reading() as session:
        # In a store as small as this it would read whole tables; where it may not, it does so only without an index.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        statements = asked(session, ON_POSTGRESQL[name])
        cursor = session.connection().connection.cursor()
        steps = []
        for statement, parameters in statements:
            cursor.execute(f"EXPLAIN {statement}", parameters)
            steps += [f"{row[0].strip()} | {statement}" for row in cursor.fetchall()]
    assert statements
    assert [step for step in steps if any(f"Seq Scan on {table} " in step for table in BIG)] == []
