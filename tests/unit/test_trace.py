"""The trusted hop: who handed the mail to us, whatever the forgeable lines below say."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary.mail.parse import parse
from canary.mail.received import Hop, Received, read_received, read_trusted, trusted_hop
from canary.model.mail import Client, ParsedMail
from tests.effort import cpu_seconds

OURS = read_trusted(["10.0.0.0/8", "2001:db8:1::/48", "198.51.100.7", "mx.home.example"])
DATE = "Sun, 01 Mar 2026 12:00:00 +0100"
NOON = datetime(2026, 3, 1, 11, tzinfo=UTC)
OUTSIDER = f"from mail.out.example (mail.out.example [203.0.113.5]) by relay.home.example with ESMTPS id 1; {DATE}"
FORGED = f"from bank.example (bank.example [192.0.2.66]) by mail.out.example with ESMTP id 2; {DATE}"


def trace(*lines: str) -> ParsedMail:
    return ParsedMail(headers=(("Return-Path", "<a@b.example>"), *(("Received", line) for line in lines)))


def hop(*lines: str, peer: str = "10.0.0.9") -> Hop | None:
    return trusted_hop(trace(*lines), OURS, Client(peer))


@pytest.mark.parametrize(
    ("line", "ip", "helo", "by"),
    [
        ("from h.example (r.example [192.0.2.1]) by mx.example (Postfix) with ESMTP id A for <a@b.example>",
         "192.0.2.1", "h.example", "mx.example"),
        ("from h.example (unknown [IPv6:2001:db8::5]) (using TLSv1.3 with cipher X (256/256 bits)) by mx.example",
         "2001:db8::5", "h.example", "mx.example"),
        ("from r.example ([192.0.2.1] helo=h.example) by mx.example with esmtps (TLS1.3) (Exim 4.97) id 1a-2b-3c",
         "192.0.2.1", "h.example", "mx.example"),
        ("from [192.0.2.1] (port=4321 helo=[10.0.0.1]) by mx.example with esmtpa (Exim 4.97)",
         "192.0.2.1", "[10.0.0.1]", "mx.example"),
        ("from h.example ([192.0.2.1]:51423 helo=other.example ident=[10.1.1.1]) by mx.example",
         "192.0.2.1", "other.example", "mx.example"),
        ("from h.example (IDENT:root@r.example [192.0.2.1] (may be forged)) by mx.example (8.17.1/8.17.1) with ESMTP",
         "192.0.2.1", "h.example", "mx.example"),
        ("from h.example (192.0.2.1) by MX.prod.example (10.167.242.22) with Microsoft SMTP Server (TLS) id 15.20",
         "192.0.2.1", "h.example", "mx.prod.example"),
        ("from h.example (2603:10b6:a03:2c1::9) by mx.example (fe80::1%12) with mapi id 15.01",
         "2603:10b6:a03:2c1::9", "h.example", "mx.example"),
        ("from h.example (r.example. [192.0.2.1]) by mx.google.com with ESMTPS id d75si1",
         "192.0.2.1", "h.example", "mx.google.com"),
        ("from unknown (HELO h.example) (192.0.2.1) by mx.example with SMTP",
         "192.0.2.1", "h.example", "mx.example"),
        ("from 127.0.0.1 (EHLO h.example) (192.0.2.1) by mta1.yahoo.example with SMTPs",
         "192.0.2.1", "h.example", "mta1.yahoo.example"),
        ("from h.example [192.0.2.1] by mx.example with SMTP id 7", "192.0.2.1", "h.example", "mx.example"),
        ("from h.example ([::ffff:192.0.2.1]) by mx.example", "192.0.2.1", "h.example", "mx.example"),
        ("from [10.0.0.1] (unknown [192.0.2.1]) by mx.example", "192.0.2.1", "[10.0.0.1]", "mx.example"),
        ("from h.example by mx.example with LMTP", "", "h.example", "mx.example"),
        ("from x ([10.0.0.1]) by y ([10.0.0.2]) (r.example [192.0.2.1]) by mx.example", "", "x", "y"),
        ("from x ([10.0.0.1]) BY y (r.example [192.0.2.1]) by mx.example", "", "x", "y"),
        ("from x (a [10.0.0.1]) (b [192.0.2.1]) by mx.example", "", "x", "mx.example"),
        ("from [10.0.0.1] (unknown) by mx.example", "", "[10.0.0.1]", "mx.example"),
        ("from x ((((( [192.0.2.1] by mx.example", "", "x", ""),
        ("", "", "", ""),
    ],
)  # fmt: skip
def test_a_received_line_is_read_in_the_shapes_of_the_known_servers(line: str, ip: str, helo: str, by: str) -> None:
    found = read_received(f"{line}; {DATE}")
    assert (found.ip, found.helo, found.by, found.at) == (ip, helo, by, NOON)


@pytest.mark.parametrize(
    ("line", "inside"),
    [
        ("by 2002:a05:6000:136f:b0:313 with SMTP id q15csp", True),
        ("(qmail 41657 invoked from network)", True),
        ("by mx.example (Postfix, from userid 1000)", False),
        ("by mx.example with local (Exim 4.97) (envelope-from <a@b.example>)", False),
        ("(from root@localhost) by mx.example (8.17.1/8.17.1)", False),
        ("from h.example (192.0.2.1) by mx.example", False),
    ],
)
def test_a_line_without_a_client_is_passed_on_inside_unless_the_mail_was_made_there(line: str, inside: bool) -> None:
    assert read_received(f"{line}; {DATE}").inside is inside


@pytest.mark.parametrize(("line", "tls"), [("with ESMTPS", True), ("with Microsoft SMTP (TLS)", True), ("", False)])
def test_a_received_line_shows_tls(line: str, tls: bool) -> None:
    assert read_received(f"from h (192.0.2.1) by mx.example {line} id 1; {DATE}").tls is tls


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Foo 2026", "1" * 5_000, "Mon, 1 Jan 99999999 00:00 +9999"])
def test_a_date_that_is_none_is_no_fault(date: str) -> None:
    assert read_received(f"from h (192.0.2.1) by mx.example; {date}").at is None


def test_a_peer_that_is_not_trusted_is_the_client_whatever_the_mail_says() -> None:
    peer = Client("203.0.113.5", 4711, "h.example")
    assert trusted_hop(trace(OUTSIDER, FORGED), OURS, peer) == Hop(peer)


def test_behind_a_trusted_peer_the_client_is_the_one_it_saw() -> None:
    found = hop(OUTSIDER, FORGED)
    assert found == Hop(Client("203.0.113.5", helo="mail.out.example", tls="TLS"), NOON, 1)


def test_the_walk_goes_on_through_every_trusted_machine() -> None:
    inner = f"from relay.home.example (relay [10.2.2.2]) by box.home.example with LMTP; {DATE}"
    local = f"from localhost (localhost [127.0.0.1]) by relay.home.example (Postfix) with ESMTP; {DATE}"
    found = hop(inner, local, f"by relay.home.example with SMTP id 5; {DATE}", OUTSIDER, FORGED)
    assert found is not None
    assert (found.client.ip, found.line) == ("203.0.113.5", 4)


def test_without_a_peer_the_topmost_line_must_be_written_by_a_trusted_host() -> None:
    ours = OUTSIDER.replace("relay.home.example", "mx.home.example")
    assert trusted_hop(trace(OUTSIDER), OURS) is None
    assert trusted_hop(trace(OUTSIDER.replace("relay.home", "evilmx.home")), OURS) is None
    found = trusted_hop(trace(ours, FORGED), OURS)
    assert found is not None
    assert found.client.ip == "203.0.113.5"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [f"from h.example by mx.home.example with HTTP; {DATE}", OUTSIDER],
        [f"by mx.home.example (Postfix, from userid 33); {DATE}", FORGED],
        [f"from a (r [10.0.0.1]) by b (r [10.0.0.2]) by mx.home.example; {DATE}", FORGED],
        [f"from a (r [10.0.0.1]) by mx.home.example; {DATE}"] * 200 + [OUTSIDER],
    ],
)
def test_without_a_trusted_line_no_host_is_named(lines: list[str]) -> None:
    assert hop(*lines) is None


def test_a_trusted_name_in_a_greeting_is_no_trust() -> None:
    found = hop(f"from mx.home.example (unknown [203.0.113.5]) by relay.home.example with SMTP; {DATE}", FORGED)
    assert found is not None
    assert found.client.ip == "203.0.113.5"


@pytest.mark.parametrize("name", ["", "10.0.0.1/8", "10.0.0.0/99", "host name", "*.example", "1.2.3"])
def test_what_is_neither_network_nor_host_is_refused_with_its_cure(name: str) -> None:
    with pytest.raises(ValueError, match="write a network or a host name"):
        read_trusted([name])


def test_a_hostile_trace_is_read_in_little_time() -> None:
    lines = ["from " + "(" * 50_000, "from a (" + "[10.0.0.1] " * 5_000 + ")", "by " * 20_000, "from x (helo=" * 9_000]

    def work() -> None:
        assert hop(*lines * 100) is None
        assert [read_received(line) for line in lines] != [Received()] * len(lines)

    assert cpu_seconds(work) < 0.1


@pytest.mark.corpus
def test_the_hop_is_the_sender_that_the_receiver_of_the_corpus_saw(corpus: Path) -> None:
    microsoft = read_trusted(["outlook.com", "2603:1000::/24", "2a01:111::/32", "10.0.0.0/8", "fe80::/10"])
    mails = [parse(path.read_bytes()) for path in sorted((corpus / "phishing_pot").glob("*.eml"))]
    seen = [(m.header("X-Sender-IP"), trusted_hop(m, microsoft)) for m in mails if m.header("X-Sender-IP")]
    wrong = [ip for ip, found in seen if "pot" not in ip and (found is None or found.client.ip != ip)]
    assert len(seen) > 800
    assert len(wrong) <= len(seen) // 200


@pytest.mark.parametrize(
    ("line", "name", "recipient"),
    [
        ("from h (r.example [192.0.2.1]) by mx.example with ESMTP id A for <a@b.example>", "r.example", "a@b.example"),
        ("from h (R.example. [192.0.2.1]) by mx.google.com with ESMTPS id d75si1", "r.example", ""),
        ("from r.example ([192.0.2.1] helo=h.example) by mx.example with esmtps for a@b.example", "r.example", "a@b.example"),
        ("from h (IDENT:root@r.example [192.0.2.1]) by mx.example", "r.example", ""),
        ("from h (IDENT:root@r.example [192.0.2.1] (may be forged)) by mx.example", "", ""),
        ("from r.example (HELO h.example) (192.0.2.1) by mx.example with SMTP", "", ""),
        ("from h (unknown [192.0.2.1]) by mx.example for <>", "", ""),
        ("from h (localhost [127.0.0.1]) by mx.example for <nobody>", "", ""),
        ("from [192.0.2.1] (helo=r.example) by mx.example", "", ""),
    ],
)  # fmt: skip
def test_a_received_line_shows_the_verified_name_and_for_whom(line: str, name: str, recipient: str) -> None:
    found = read_received(f"{line}; {DATE}")
    assert (found.name, found.recipient) == (name, recipient)
