"""A reverse name counts only when it leads back to the address."""

import asyncio

import pytest

from canary.authenticate.iprev import verified_name
from canary.authenticate.lookup import ZoneLookup

ZONE: dict[str, object] = {
    "8.8.8.8.in-addr.arpa": {"PTR": ["mx.good.example"]},
    "mx.good.example": {"A": ["8.8.8.8"]},
    "9.9.9.9.in-addr.arpa": {"PTR": ["mx.good.example"]},
    "1.1.1.1.in-addr.arpa": "SERVFAIL",
}


@pytest.mark.parametrize(
    ("ip", "name"),
    [
        ("8.8.8.8", "mx.good.example"),
        ("9.9.9.9", ""),
        ("1.1.1.1", ""),
        ("4.4.4.4", ""),
        ("127.0.0.1", ""),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_the_reverse_name_is_the_one_that_leads_back(ip: str, name: str) -> None:
    assert asyncio.run(verified_name(ip, ZoneLookup(ZONE))) == name
