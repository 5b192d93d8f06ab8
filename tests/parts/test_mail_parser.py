"""A mail that is too costly to parse costs the process that parses it, and no other mail."""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from canary.mail.parse import parse
from canary.model.mail import TOO_COSTLY, ParsedMail
from canary.processes.mail_parser import MailParser, ParserLimits
from tests.costly_mail import MB, make

LARGE = (
    b"From: J\xc3\xb6rg <j@shop.example>\r\nSubject: large\r\n\r\n"
    + b"Hello https://shop.example/ \xe2\x82\xac\r\n" * 3000
)
OTHER = LARGE.replace(b"large", b"other")
UNREAD = ParsedMail(oddities=(TOO_COSTLY,))


@pytest.fixture
def parser() -> Iterator[MailParser]:
    with closing(MailParser()) as made:
        yield made


def children() -> set[str]:
    """The processes that a thread of this one has started."""
    return {pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


def test_a_large_mail_is_parsed_apart_as_it_would_be_here(parser: MailParser) -> None:
    before = children()
    assert asyncio.run(parser(LARGE)) == parse(LARGE)
    assert asyncio.run(parser(OTHER)) == parse(OTHER)
    assert len(children() - before) == 1


def test_a_small_mail_is_parsed_without_asking_another_process(parser: MailParser) -> None:
    before = children()
    assert asyncio.run(parser(LARGE[:1000])) == parse(LARGE[:1000])
    assert children() == before


def test_mails_that_come_together_are_all_parsed(parser: MailParser) -> None:
    async def all_of(mails: list[bytes]) -> list[ParsedMail]:
        return list(await asyncio.gather(*map(parser, mails)))

    assert asyncio.run(all_of([LARGE, OTHER] * 5)) == [parse(LARGE), parse(OTHER)] * 5


@pytest.mark.parametrize(
    "limits",
    [ParserLimits(memory=20 << 20), ParserLimits(seconds=0.0), ParserLimits(answer=10)],
    ids=["memory", "time", "answer"],
)
def test_a_mail_beyond_a_limit_is_named_so(limits: ParserLimits, caplog: pytest.LogCaptureFixture) -> None:
    with closing(MailParser(limits)) as parser:
        assert parser.parse_apart(LARGE) == UNREAD
        assert parser.parse_apart(OTHER) == UNREAD
    assert [(r.levelno, "within limits" in r.message) for r in caplog.records] == [(logging.WARNING, True)] * 2


def test_processor_time_is_bounded_for_each_mail() -> None:
    # With nothing allowed, a child dies at its first mail after a whole second of work.
    with closing(MailParser(ParserLimits(processor=-1))) as parser:
        mail = make("short lines of uuencode", MB)
        assert UNREAD in (parser.parse_apart(mail) for _ in range(1000))


def test_after_its_death_the_next_mail_is_parsed(parser: MailParser) -> None:
    parser.parse_apart(LARGE)
    (child,) = children()
    os.kill(int(child), 9)
    found = [parser.parse_apart(LARGE), parser.parse_apart(OTHER)]
    assert found[1] == parse(OTHER)
    assert children() != {child}


def test_no_process_is_left_when_it_is_closed() -> None:
    with closing(MailParser()) as parser:
        parser.parse_apart(LARGE)
    assert children() == set()
