"""Who may have leaked, by counting: what speaks for a source and what against it."""

from datetime import UTC, datetime, timedelta

import pytest

from canary.attribute.suspects import suspects
from canary.model.case import Evidence, SuspectKind, percent
from canary.model.party import Supply

NOW = datetime(2011, 3, 20, tzinfo=UTC)
ISSUED = NOW - timedelta(days=300)


def canary(number: int, vendor: str | None, *, hit: bool, channel: str = "newsletter") -> Evidence:
    return Evidence(number, vendor, channel, ISSUED, NOW if hit else None)


SHARED = [Supply(vendor, "silver", "newsletter") for vendor in "abcde"]
LEAK = [canary(n, vendor, hit=vendor != "e") for n, vendor in enumerate("abcde")]
QUIET = [canary(n + 10, vendor, hit=False, channel="signup") for n, vendor in enumerate("abcde")]


def chances(evidence: list[Evidence], supplies: list[Supply]) -> dict[str, float]:
    return {s.id: s.p for s in suspects(evidence, supplies)}


def test_a_supplier_shared_by_four_hit_vendors_is_the_likeliest_source() -> None:
    top = suspects(LEAK + QUIET, SHARED)[0]
    assert (top.kind, top.id, top.hit, top.held) == (SuspectKind.SUPPLIER, "silver", 4, 5)
    assert top.p > 0.9


def test_a_single_hit_vendor_without_suppliers_is_the_likeliest_source() -> None:
    assert suspects([canary(1, "a", hit=True), canary(2, "b", hit=False)], [])[0].id == "a"


def test_the_probabilities_sum_to_one() -> None:
    assert sum(chances(LEAK + QUIET, SHARED).values()) == pytest.approx(1)


def test_a_quiet_canary_of_a_source_never_raises_that_source() -> None:
    more = [*LEAK, *QUIET, canary(99, "e", hit=False)]
    assert chances(more, SHARED)["silver"] <= chances(LEAK + QUIET, SHARED)["silver"]


def test_names_decide_nothing() -> None:
    renamed = [Evidence(e.canary, f"x{e.vendor}", e.channel, e.issued, e.hit_at) for e in LEAK]
    other = [Supply(f"x{s.vendor}", "gold", s.channel) for s in SHARED]
    assert chances(renamed, other)["gold"] == pytest.approx(chances(LEAK, SHARED)["silver"])


def test_a_supplier_is_no_suspect_for_a_channel_it_never_saw() -> None:
    assert "silver" not in chances([canary(1, "a", hit=True, channel="signup")], SHARED)


def test_a_supplier_is_no_suspect_after_it_was_left() -> None:
    left = [Supply("a", "silver", None, until=NOW - timedelta(days=1))]
    assert "silver" not in chances([canary(1, "a", hit=True)], left)


def test_the_owners_own_side_is_likeliest_when_everything_is_hit() -> None:
    everything = [canary(n, vendor, hit=True) for n, vendor in enumerate("abcdefgh")]
    everything += [canary(n + 20, None, hit=True) for n in range(4)]
    assert suspects(everything, [])[0].kind is SuspectKind.OWNER


def test_hits_of_no_canary_leave_no_leak() -> None:
    assert [s.kind for s in suspects([], [])] == [SuspectKind.NOBODY]


@pytest.mark.parametrize(("p", "said"), [(0.999, "over 99%"), (0.001, "under 1%"), (0.87, "87%")])
def test_nothing_uncertain_is_said_as_certain(p: float, said: str) -> None:
    assert percent(p) == said
