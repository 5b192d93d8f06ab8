"""The envelope of a stored mail: read from what our side wrote, and from nothing that a sender could write."""

from datetime import UTC, datetime

import pytest

from canary.importing.envelope_recovery import Border, Hints, border, from_line_date, origin
from canary.mail.received import Trusted
from canary.model.mail import Envelope

NOW = datetime(2020, 1, 1, tzinfo=UTC)
HERE = border(["in.example"], Trusted(), [], NOW)
OURS = "Received: from out.shop.example (out.shop.example [192.0.2.1]) by mx.in.example with ESMTP id 1; Mon, 6 Jan 2014 10:00:00 +0000"
STRANGE = "Received: from a (b [198.51.100.1]) by c.example with ESMTP for <forged@in.example>; Wed, 1 Jan 2003 10:00:00 +0000"


def seen(*lines: str, hints: Hints = Hints(), where: Border = HERE) -> Envelope:  # noqa: B008
    found = origin("\r\n".join((*lines, "", "body to nobody@in.example", "")).encode(), hints, where)
    assert found is not None
    return found.envelope


def recipients(*lines: str) -> tuple[str, ...]:
    """Return those that are named best."""
    found = origin("\r\n".join((*lines, "", "body to nobody@in.example", "")).encode(), Hints(), HERE)
    assert found is not None
    ranked = zip(found.ranks, found.envelope.rcpt_to, strict=True)
    return tuple(to for rank, to in ranked if rank == min(found.ranks))


@pytest.mark.parametrize("name", ["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "DELIVERED-TO"])
def test_who_stored_it_says_to_whom(name: str) -> None:
    assert recipients(f"{name}: Shop@In.Example", "To: other@in.example") == ("shop@in.example",)


def test_the_trusted_line_says_for_whom() -> None:
    assert recipients(OURS.replace(";", " for <shop@in.example>;"), "To: other@in.example") == ("shop@in.example",)


def test_without_them_it_is_whom_it_is_written_to() -> None:
    lines = ('To: "A, B" <shop@in.example>, x@y.example,', "\tclub@in.example", "Cc: <me+tag@in.example>")
    assert recipients(*lines) == ("shop@in.example", "club@in.example", "me+tag@in.example")


def test_addresses_of_others_are_nobodys_here() -> None:
    lines = ("Delivered-To: me@gmail.example", "To: shop@in.example, a@not-in.example, b@sub.in.example")
    assert recipients(*lines) == ("shop@in.example",)
    assert origin(b"To: a@else.example\r\n\r\nshop@in.example", Hints(), HERE) is None


def test_what_is_below_our_line_was_written_by_strangers() -> None:
    lines = (OURS, "Delivered-To: forged@in.example", STRANGE, "To: shop@in.example")
    assert recipients(*lines) == ("shop@in.example",)


def test_a_mail_for_several_is_for_all_of_them() -> None:
    found = recipients("X-Original-To: a@in.example", "Delivered-To: b@in.example", OURS)
    assert sorted(found) == ["a@in.example", "b@in.example"]


def test_the_trusted_line_says_when_and_from_where() -> None:
    found = seen("Delivered-To: a@in.example", OURS, STRANGE, "Date: Tue, 7 Jan 2014 10:00:00 +0000")
    assert found.received == datetime(2014, 1, 6, 10, tzinfo=UTC)
    assert (found.client.ip, found.client.helo) == ("192.0.2.1", "out.shop.example")


def test_a_line_of_a_stranger_says_nothing() -> None:
    found = seen(STRANGE, "To: a@in.example", "Date: Tue, 7 Jan 2014 10:00:00 +0000")
    assert (found.client.ip, found.received) == ("", datetime(2014, 1, 7, 10, tzinfo=UTC))


def test_a_named_receiver_is_trusted_behind_lines_of_its_own_side() -> None:
    lines = (
        "Delivered-To: a@in.example",
        "Received: by 2002:a05:1::1 with SMTP id 1; Mon, 6 Jan 2014 10:00:01 +0000",
        OURS.replace("mx.in.example", "mx.google.com"),
    )
    where = border(["in.example"], Trusted(), ["mx.google.com"], NOW)
    found = seen(*lines, where=where)
    assert (found.client.ip, found.received) == ("192.0.2.1", datetime(2014, 1, 6, 10, tzinfo=UTC))
    assert seen(*lines).client.ip == ""


DAY = datetime(2014, 1, 6, 10, tzinfo=UTC)
FROM = "From a@b.example Mon Jan  6 10:00:00 2014"


@pytest.mark.parametrize(
    ("lines", "hints"),
    [
        (("Date: Wed, 1 Jan 2014 10:00:00 +0000",), Hints(FROM)),
        (("Date: Wed, 1 Jan 2014 10:00:00 +0000",), Hints(delivered=DAY)),
        (("Date: Mon, 6 Jan 2014 11:00:00 +0100",), Hints("From - Tue Jan  7 10:00:00 2014", written=NOW)),
        (("Date: nonsense", OURS.replace("mx.in", "mx.else")), Hints()),
        (("X: y",), Hints(written=DAY)),
        (("Date: Mon, 6 Jan 2014 10:00:00 +0000",), Hints("From a@b Mon Jan  6 10:00:00 2034")),
    ],
)
def test_the_next_best_date_counts_where_no_trusted_line_has_one(lines: tuple[str, ...], hints: Hints) -> None:
    assert seen("To: a@in.example", *lines, hints=hints).received == DAY


@pytest.mark.parametrize("date", ["Mon, 6 Jan 2034 10:00:00 +0000", "Mon, 6 Jan 1904 10:00:00 +0000", "", "\0"])
def test_no_mail_came_in_the_future_or_before_there_was_any(date: str) -> None:
    assert seen("To: a@in.example", f"Date: {date}").received == NOW


def test_a_clock_that_is_a_little_ahead_is_set_back() -> None:
    assert seen("To: a@in.example", "Date: Wed, 1 Jan 2020 09:00:00 +0000").received == NOW


@pytest.mark.parametrize(
    ("lines", "line", "sender"),
    [
        (("Return-Path: <b@shop.example>", "From: x@y.example"), FROM, "b@shop.example"),
        (("Return-Path: <>", "From: x@y.example"), FROM, ""),
        (("From: x@y.example",), FROM, "a@b.example"),
        (("From: x@y.example",), "From MAILER-DAEMON Mon Jan  6 10:00:00 2014", ""),
        (("From: x@y.example",), "From 12345@xxx Mon Jan 06 10:00:00 +0000 2014", "x@y.example"),
        (("From: X <x@y.example>",), "From - Mon Jan 06 10:00:00 2014", "x@y.example"),
        (("Subject: none",), "", ""),
    ],
)
def test_the_reverse_path_is_what_was_kept_of_it(lines: tuple[str, ...], line: str, sender: str) -> None:
    assert seen("To: a@in.example", *lines, hints=Hints(line)).mail_from == sender


@pytest.mark.parametrize(
    ("line", "hour"),
    [
        (FROM, 10),
        ("From 1@xxx Mon Jan 06 10:00:00 +0000 2014", 10),
        ("From a@b Mon, 6 Jan 2014 10:00 +0200", 8),
        ("From a@b Mon Jan  6 10:00:00 EST 2014", 15),
        ("From a@b  Mon Jan  6 10:00 2014 remote from x", 10),
    ],
)
def test_from_lines_of_all_kinds_have_a_date(line: str, hour: int) -> None:
    assert from_line_date(line) == datetime(2014, 1, 6, hour, tzinfo=UTC)


def test_a_header_of_any_size_costs_little() -> None:
    lines = [f"Received: from a by b{n}.in.example; x" for n in range(3000)]
    found = seen(*lines, "To: " + ", ".join(f"a{n}@in.example" for n in range(3000)))
    assert len(found.rcpt_to) <= 100
