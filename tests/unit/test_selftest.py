"""The self-test token: only this installation, this address and this hour make one."""

from datetime import UTC, datetime, timedelta

import pytest

from canary.judge.selftest import VALID, is_own, make_token

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = b"one installation"
ADDRESS = "shop-x7k2m9@inbox.example"
TOKEN = make_token(KEY, ADDRESS, NOW)


def test_a_token_is_good_for_its_address_within_the_hour() -> None:
    assert is_own(TOKEN, KEY, ADDRESS, NOW + VALID - timedelta(seconds=1))
    assert is_own(f" {TOKEN} ", KEY, ADDRESS.upper(), NOW)


@pytest.mark.parametrize(
    ("token", "key", "address", "now"),
    [
        (TOKEN, b"another installation", ADDRESS, NOW),
        (TOKEN, KEY, "other-a1b2c3@inbox.example", NOW),
        (TOKEN, KEY, ADDRESS, NOW + VALID + timedelta(seconds=1)),
        (TOKEN, KEY, ADDRESS, NOW - 2 * VALID),
        (TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1"), KEY, ADDRESS, NOW),
        (TOKEN.replace("v1", "v2"), KEY, ADDRESS, NOW),
        (make_token(b"", ADDRESS, NOW), b"", ADDRESS, NOW),
        ("", KEY, ADDRESS, NOW),
        ("v1." + "9" * 5000, KEY, ADDRESS, NOW),
    ],
)
def test_a_forged_strange_or_old_token_counts_as_nothing(token: str, key: bytes, address: str, now: datetime) -> None:
    assert not is_own(token, key, address, now)
