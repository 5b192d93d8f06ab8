"""Suppliers that the owner declares: what they prove from the next mail on, and what cannot be declared."""

import asyncio
from collections.abc import Callable

import pytest

from canary.authenticate.lookup import ZoneLookup
from canary.model.mail import Client, Envelope, RawMail
from canary.pipeline.story import Context, parse_and_authenticate
from canary.processes.judging import supplier_book
from canary.processes.own_suppliers import DeclaredSuppliers
from canary.senders.declared_suppliers import declare, withdraw
from canary.store.database import Database
from canary.store.queries import suppliers, vendors
from canary.store.queries.audit import audited
from canary.store.queries.vendors import Duplicate, Unknown
from tests.conftest import START, Clock

ZONE = ZoneLookup({
    "bounces.letterworks.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
})  # fmt: skip
NEWS = b"From: Shop <news@shop.example>\r\nSubject: News\r\n\r\nNew tyres.\r\n"


@pytest.fixture
def parts(store: Database, clock: Clock) -> Context:
    with store.writing() as session:
        vendors.add_vendor(session, "Shop", ["shop.example"], START)
    return Context(store, lambda: ZONE, supplier_book(), clock)


def say(store: Database, name: str, *domains: str) -> str:
    with store.writing() as session:
        return declare(session, name, domains, "ada", START).slug


def carrier(parts: Context) -> str | None:
    envelope = Envelope("b@bounces.letterworks.example", ("c@in.example",), Client("192.0.2.1"), START)
    return asyncio.run(parse_and_authenticate(parts, RawMail("one", envelope, NEWS))).identity.esp


def test_a_declared_domain_proves_its_supplier_from_the_next_look_on_and_no_longer_once_withdrawn(
    store: Database, parts: Context
) -> None:
    follows = DeclaredSuppliers(parts.book)
    assert carrier(follows.refreshed(parts)) is None
    slug = say(store, "Letter Works", "letterworks.example")
    assert carrier(follows.refreshed(parts)) == slug == "letter-works"
    with store.writing() as session:
        withdraw(session, slug, ["letterworks.example"], "ada", START)
    assert carrier(follows.refreshed(parts)) is None


def test_while_nothing_is_declared_anew_the_registry_stays_the_same(store: Database, parts: Context) -> None:
    follows = DeclaredSuppliers(parts.book)
    say(store, "Letter Works", "letterworks.example")
    known = follows.refreshed(parts)
    assert follows.refreshed(known) is known


def test_the_domain_of_a_declared_supplier_proves_no_vendor(store: Database, parts: Context) -> None:
    say(store, "Letter Works", "letterworks.example")
    book = DeclaredSuppliers(parts.book).refreshed(parts).book
    assert book.is_shared("bounces.letterworks.example")


def test_domains_declared_for_a_shipped_supplier_are_added_to_its_own(store: Database, parts: Context) -> None:
    say(store, "SendGrid", "letters.example")
    book = DeclaredSuppliers(parts.book).refreshed(parts).book
    assert book.signer("letters.example") is book.signer("sendgrid.net") is not None


def test_a_mail_that_it_carried_names_it_as_one_that_saw_the_address(store: Database, parts: Context) -> None:
    say(store, "Letter Works", "letterworks.example")
    envelope = Envelope("b@bounces.letterworks.example", ("c@in.example",), Client("192.0.2.1"), START)
    now = DeclaredSuppliers(parts.book).refreshed(parts)
    found = asyncio.run(parse_and_authenticate(now, RawMail("one", envelope, NEWS)))
    assert found.identity.carriers == (("letter-works", "Letter Works"),)


def test_who_declared_what_is_in_the_audit_log(store: Database, parts: Context) -> None:
    say(store, "Letter Works", "letterworks.example", "LW.example")
    with store.reading() as session:
        line = audited(session)[0]
        assert suppliers.get_supplier(session, "letter-works").domains == ("letterworks.example", "lw.example")
    assert (line.who, line.action, line.text) == ("ada", "supplier-domains-added", "letterworks.example, lw.example")


@pytest.mark.parametrize(
    ("change", "fault", "line"),
    [
        (lambda s: declare(s, "X", ["nonsense"], "ada", START), ValueError, "not a domain"),
        (lambda s: declare(s, "X", ["gmail.com"], "ada", START), ValueError, "anybody can have a mailbox there"),
        (lambda s: declare(s, "X", ["shop.example"], "ada", START), Duplicate, "vendor shop's own"),
        (lambda s: declare(s, "X", ["lw.example"], "ada", START), Duplicate, "declared for supplier letter-works"),
        (lambda s: vendors.add_vendor(s, "LW", ["lw.example"], START), Duplicate, "declared for supplier letter-works"),
        (lambda s: vendors.add_domains(s, "shop", ["lw.example"], START), Duplicate, "which writes for many"),
        (lambda s: withdraw(s, "letter-works", ["no.example"], "ada", START), Unknown, "not declared for supplier"),
        (lambda s: withdraw(s, "nobody", ["lw.example"], "ada", START), Unknown, "supplier 'nobody' is not known"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    store: Database, parts: Context, change: Callable[..., object], fault: type[Exception], line: str
) -> None:
    say(parts.store, "Letter Works", "lw.example")
    with pytest.raises(fault, match=line), store.writing() as session:
        change(session)


def test_declaring_the_same_twice_changes_nothing(store: Database, parts: Context) -> None:
    first, again = say(parts.store, "Letter Works", "lw.example"), say(store, "Letter Works", "lw.example")
    with store.reading() as session:
        assert suppliers.declared_suppliers(session) == (suppliers.get_supplier(session, first),)
    assert first == again
