"""Search: what has all the words is found, the newest first, and whatever is typed is nothing but words."""

import secrets
from datetime import timedelta

import pytest
from sqlalchemy import delete, update
from sqlmodel import Session

from canary.canaries import lifecycle
from canary.canaries.lifecycle import IssueOrder
from canary.store import counters
from canary.store.database import Database
from canary.store.queries import canaries, vendors
from canary.store.tables import HitRow, MailRow, SenderRow
from canary.views.search import search, words_of
from tests.conftest import START

MAILS = (
    ("Adobe Reader update", "news@mkt77.example", "mkt77.example", "A new version is ready. Get it today."),
    ("Ihre Bestellung", "Müller@bücher.example", "xn--bcher-kva.example", "Vielen Dank für Ihre Bestellung 4711."),
    ("Forty percent", "deals@deals.example", "deals.example", "Everything at our pier, this week only."),
)


@pytest.fixture
def session(store: Database) -> Session:  # type: ignore[misc]
    with store.writing() as session:
        vendors.add_vendor(session, "Bike Parts", ["bikes.example"], START)
        vendors.add_supplier(session, "Silverline Mail", START)
        issued = lifecycle.issue(session, IssueOrder("bike-parts", "in.example"), secrets.randbelow, START)
        for number, (subject, sender, domain, text) in enumerate(MAILS, 1):
            session.add(mail(number, subject, sender, domain, text))
        session.flush()
        session.add(HitRow(mail_id=1, canary_id=issued.id, at=START, verdict="spam", confidence=1, reasons=[]))
        session.add(SenderRow(vendor_id=1, key="tillroll.example", state="pending"))
        session.flush()
        counters.recount(session)
        yield session


def mail(number: int, subject: str, sender: str, domain: str = "", text: str = "") -> MailRow:
    return MailRow(
        id=number, key=f"k{number}", sha256="0", size=1, received_at=START + timedelta(hours=number), subject=subject,
        sender=sender, identity_domain=domain, text=text, envelope={}, identity={}, proofs={}, parts={},
    )  # fmt: skip


def found(session: Session, said: str) -> list[int]:
    return [line.mail for line in search(session, said).mails]


FOUND = {
    "adobe": [1], "ADOBE reader": [1], "reader version": [1], "adobe deals": [], "mkt77.example": [1],
    "news@mkt77.example": [1], "example": [3, 2, 1], "exa": [3, 2, 1], "perc": [3], "4711": [2], "bestellung": [2],
    "Müller": [2], "pier week": [3], "xn--bcher": [2], "deals.example": [3], "nothing": [], "?!": [],
}  # fmt: skip


def test_a_mail_is_found_by_its_words_in_any_order_the_newest_first(session: Session) -> None:
    assert {said: found(session, said) for said in FOUND} == FOUND


def test_a_long_word_is_searched_for_whole_before_its_beginning(session: Session) -> None:
    session.add(mail(4, "News", "a@mediamarkt.example", "mediamarkt.example"))
    session.add(mail(5, "News", "a@mediamarkets.example", "mediamarkets.example"))
    session.flush()
    assert found(session, "mediamarkt.example") == [4]
    assert found(session, "mediamar") == found(session, "mediamark") == [5, 4]


def test_everything_that_has_the_words_is_found_by_what_it_is(session: Session) -> None:
    assert [line.name for line in search(session, "bike").vendors] == ["Bike Parts"]
    assert [line.slug for line in search(session, "silver").suppliers] == ["silverline-mail"]
    address = canaries.list_canaries(session)[0].address
    assert [line.address for line in search(session, address).canaries] == [address]
    assert [line.address for line in search(session, address.partition("@")[0][:9]).canaries] == [address]
    assert [(line.key, line.slug) for line in search(session, "tillroll").senders] == [
        ("tillroll.example", "bike-parts")
    ]


def test_a_found_mail_shows_what_it_was_and_for_whom(session: Session) -> None:
    [line] = search(session, "adobe").mails
    assert (line.verdicts, [name.slug for name in line.vendors], line.proven) == (
        ("spam",),
        ["bike-parts"],
        "mkt77.example",
    )


TYPED = (
    '"', "'", "adobe\"*", "NEAR(a b)", "a OR", "^subject:x", "* * *", "(", "-adobe", "a" * 100_000, "\x00", "\ud800",
    "%", "_", "\\", "; DROP TABLE mail", "\uff46\uff55\uff4c\uff4c", "\U0001d4b3", "\U0001fae8", "a & b | !c:*", "'' || ''", "½ ² ⅷ", " " * 5000,
)  # fmt: skip


def test_whatever_is_typed_is_nothing_but_words(session: Session) -> None:
    assert [search(session, said).older for said in TYPED] == [None] * len(TYPED)
    assert found(session, "adobe") == [1]


def test_words_are_letters_and_digits_without_marks_each_once_and_not_too_many() -> None:
    assert words_of("Straße, ÉTÉ été; a-b_c 42!") == ("straße", "ete", "a", "b", "c", "42")
    assert len(words_of(" ".join(f"w{n}" for n in range(100)))) == 8
    assert words_of("?!") == ()


def test_pages_of_what_is_found_go_on_to_the_end(session: Session) -> None:
    session.add_all(mail(number, "Parcel", "a@b.example") for number in range(10, 130))
    session.flush()
    numbers, before = list[int](), None
    for _ in range(3):
        page = search(session, "parcel", before)
        numbers += [line.mail for line in page.mails]
        before = page.older
    assert numbers == list(range(129, 9, -1))
    assert before is None


def test_what_is_gone_or_was_changed_is_found_no_more(session: Session) -> None:
    session.execute(update(MailRow).where(MailRow.id == 3).values(text="", subject="Fifty"))  # type: ignore[arg-type]
    session.execute(delete(MailRow).where(MailRow.id == 2))  # type: ignore[arg-type]
    assert (found(session, "pier"), found(session, "bestellung"), found(session, "fifty")) == ([], [], [3])
