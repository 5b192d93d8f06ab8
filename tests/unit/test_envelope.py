"""An envelope as text comes back as it was."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from canary.model.mail import Client, Envelope
from canary.spool.envelope import client_text, envelope_from, envelope_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def there_and_back(envelope: Envelope) -> Envelope:
    client = client_text(envelope.client)
    return envelope_from(envelope_text(envelope.mail_from, envelope.rcpt_to, client, envelope.received))


@pytest.mark.parametrize("client", [Client(""), Client("2001:db8::1", 25, 'mx."\\\udc80', "TLSv1.3 X")])
def test_whatever_a_client_says_comes_back(client: Client) -> None:
    given = Envelope("\x00\r\n\u2028@x", ('"a b"@y', "\U0001f4e8@z"), client, NOON)
    assert there_and_back(given) == given


@pytest.mark.parametrize(
    "at",
    [
        NOON,
        NOON + timedelta(microseconds=7),
        NOON + timedelta(microseconds=999_999),
        NOON + timedelta(seconds=1),
        NOON - timedelta(microseconds=1),
        NOON + timedelta(days=1),
        NOON.astimezone(timezone(timedelta(hours=-7))),
    ],
)
def test_a_time_comes_back_to_the_microsecond_whatever_was_written_before(at: datetime) -> None:
    for received in (NOON, at):
        assert there_and_back(Envelope("a@x", ("b@y",), Client(""), received)).received == received
