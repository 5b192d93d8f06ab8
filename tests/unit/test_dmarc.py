"""DMARC as RFC 9989 wants it: the table beside this file, and whatever comes from outside."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary.authenticate.dmarc.evaluate import check_dmarc
from canary.authenticate.lookup import DnsAnswer, Temporary
from canary.model.proof import DkimResult, DmarcResult, Result, SpfResult
from tests.dmarc_table import cases, differences


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case['section']}: {case['name']}")
def test_a_receiver_does_what_the_section_says(case: dict[str, Any]) -> None:
    assert differences(case) == {}


def test_every_section_that_speaks_to_receivers_has_its_case() -> None:
    sections = {case["section"].split(" ")[0] for case in cases()}
    wanted = {"4.1", "4.3", "4.4", "4.4.1", "4.4.2", "4.5", "4.7", "4.8", "4.10", "4.10.1", "4.10.2"}
    assert wanted | {"5.1.8", "5.2", "5.3.1", "5.3.2", "5.3.5", "5.3.6", "5.4"} <= sections


RECORD_WORDS = [
    "v=DMARC1",
    "p=",
    "reject",
    "none",
    ";",
    " ",
    "sp=",
    "np=",
    "psd=y",
    "psd=n",
    "t=y",
    "rua=mailto:a@b",
    "=",
    "ü",
]
NAMES = st.text("ab.-ü\0 ", max_size=40) | st.sampled_from(["example.com", "a.example.com", "x" * 300, "a." * 140])


@settings(deadline=None)
@given(
    author=NAMES,
    domain=NAMES,
    record=st.lists(st.sampled_from(RECORD_WORDS), max_size=12).map("".join),
    failing=st.sampled_from(["", "_dmarc.com", "a.example.com"]),
)
def test_nothing_from_outside_makes_it_raise(author: str, domain: str, record: str, failing: str) -> None:
    async def lookup(name: str, kind: str) -> DnsAnswer:
        if name == failing:
            raise Temporary
        return DnsAnswer((record.encode(),), exists="b" not in name)

    spf, dkim = SpfResult(Result.PASS, domain), (DkimResult(Result.PASS, domain),)
    assert isinstance(asyncio.run(check_dmarc(author, spf, dkim, lookup)), DmarcResult)
