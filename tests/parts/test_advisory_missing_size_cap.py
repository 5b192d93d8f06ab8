"""Other sinks took mails of any size. Here the cap holds at MAIL, while reading, for chunks, and for all mails together."""

import asyncio

import pytest

from canary.smtp.admission import Limits
from tests.sink import CANARY
from tests.wire import Spoken

LIMITS = Limits(size=1000, discard=5000)


def talk(*said: bytes, protocol: str = "smtp", limits: Limits = LIMITS) -> Spoken:
    async def main() -> Spoken:
        spoken = Spoken(limits, protocol)
        await spoken.say(b"LHLO x\r\n" if protocol == "lmtp" else b"EHLO x\r\n", *said)
        return spoken

    return asyncio.run(main())


def begin(parameters: str = "") -> bytes:
    return f"MAIL FROM:<>{parameters}\r\nRCPT TO:<{CANARY}>\r\n".encode()


def test_a_size_that_is_declared_is_refused_before_anything_is_sent() -> None:
    assert talk(begin(" SIZE=1001")).replies[2][:9] == "552 5.3.4"


@pytest.mark.parametrize("size", [998, 999, 5000])
def test_a_size_that_is_not_declared_is_refused_when_it_is_passed(size: int) -> None:
    spoken = talk(begin(), b"DATA\r\n", b"x" * size + b"\r\n.\r\n")
    expected = "250 2.0.0" if size == 998 else "552 5.3.4" if size == 999 else "421 4.3.4"
    assert spoken.replies[-1][:9] == expected
    assert len(spoken.shelf.mails) == (size == 998)


def test_a_lie_about_the_size_changes_nothing() -> None:
    assert talk(begin(" SIZE=1"), b"DATA\r\n", b"x" * 2000 + b"\r\n.\r\n").replies[-1][:9] == "552 5.3.4"


def test_chunks_have_one_limit_together() -> None:
    chunks = [b"BDAT 400\r\n" + b"x" * 400] * 3
    assert [reply[:3] for reply in talk(begin(), *chunks, b"BDAT 0 LAST\r\n").replies[-4:]] == [
        "250",
        "250",
        "552",
        "552",
    ]


def test_a_client_that_keeps_sending_for_nothing_is_cut_off() -> None:
    spoken = talk(begin(), b"DATA\r\n", *[b"x" * 1000] * 10)
    assert spoken.replies[-1] == "421 4.3.4 Message far too big"
    assert spoken.wire.closed


def test_each_recipient_of_lmtp_gets_the_answer() -> None:
    spoken = talk(
        begin() + b"RCPT TO:<shop-abc123@example.net>\r\nDATA\r\n", b"x" * 2000 + b"\r\n.\r\n", protocol="lmtp"
    )
    assert [reply[:9] for reply in spoken.replies[-2:]] == ["552 5.3.4"] * 2
    assert spoken.shelf.mails == []


def test_all_mails_being_read_have_one_limit_together() -> None:
    spoken = talk(begin(), b"DATA\r\n", b"x" * 600, b"\r\n.\r\n", limits=Limits(size=1000, memory=500))
    assert spoken.replies[-1] == "452 4.3.1 Insufficient system storage"
    assert (spoken.clients.octets, spoken.shelf.mails) == (0, [])
