"""Thousands of sendings in one case: what is believed is what a few hundred say, and takes no longer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from canary.attribute.assess import SourceNames, assess
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.window import leak_window, probability_behind
from canary.attribute.null_model import observed_sendings
from canary.attribute.priors import RATES
from canary.attribute.world import CampaignHit, CanaryFacts, Source, VendorFacts, World
from canary.model.case import SuspectKind

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def _world(*, spam: int, bulk: int, vendors: int) -> World:
    """Mails in campaigns of their own, by turns at the addresses of so many vendors."""
    parties = tuple(VendorFacts(f"v{n}", ()) for n in range(vendors))
    canaries = tuple(CanaryFacts(f"c{n}", "in.example", f"v{n}", NOW - (300 + n) * DAY) for n in range(vendors))
    hits = [
        CampaignHit(f"c{n % vendors}", NOW - 100 * DAY + n * timedelta(minutes=1), f"k{n}", "spam", 0.95, proven=False)
        for n in range(spam)
    ]
    hits += [
        CampaignHit(
            f"c{n % vendors}", NOW - 200 * DAY + n * timedelta(hours=1), f"t{n}", "third-party", 0.9, sender=f"s{n}"
        )
        for n in range(bulk)
    ]
    return World(NOW, parties, canaries, tuple(hits))


@pytest.mark.parametrize(
    ("few", "many"),
    [
        ({"spam": 250, "bulk": 0, "vendors": 1}, {"spam": 4000, "bulk": 0, "vendors": 1}),
        ({"spam": 0, "bulk": 400, "vendors": 1}, {"spam": 0, "bulk": 4000, "vendors": 1}),
        ({"spam": 60, "bulk": 0, "vendors": 12}, {"spam": 900, "bulk": 0, "vendors": 12}),
    ],
)
def test_thousands_of_mails_are_believed_as_hundreds_are_and_looked_at_no_more(
    few: dict[str, int], many: dict[str, int]
) -> None:
    flood = _world(**many)
    assert len(observed_sendings(flood, RATES)) <= 300 * many["vendors"]
    told, flooded = (assess(world, SourceNames({})).suspects for world in (_world(**few), flood))
    assert [(one.kind, one.id) for one in flooded[:2]] == [(one.kind, one.id) for one in told[:2]]
    assert flooded[0].p == pytest.approx(told[0].p, abs=0.02)


def test_the_widest_sending_counts_among_hundreds_of_older_mails() -> None:
    flood = _world(spam=200, bulk=0, vendors=50)
    wide = [CampaignHit(f"c{n}", NOW - DAY, "wide", "spam", 0.95, fields=frozenset({"name"})) for n in range(0, 50, 5)]
    canaries = tuple(replace(canary, fields=frozenset({"name"})) for canary in flood.canaries)
    without, told = (
        assess(World(NOW, flood.vendors, canaries, hits), SourceNames({})).findings.fields["name"]
        for hits in (flood.hits, (*flood.hits, *wide))
    )
    assert told > without


def test_more_mail_than_one_leak_is_thought_to_bring_makes_no_second_leak() -> None:
    suspects = assess(_world(spam=200, bulk=0, vendors=12), SourceNames({})).suspects
    assert [one.kind for one in suspects if one.p > 0.5] == [SuspectKind.OWNER]


def test_the_bounds_of_a_leak_are_those_of_all_that_its_source_is_behind() -> None:
    world = _world(spam=40, bulk=0, vendors=8)
    model, own = EvidenceModel(world, RATES), Source(SuspectKind.OWNER, "")
    among = frozenset(one.id for one in model.sendings)
    behind = [one for one in model.sendings if probability_behind(model, among, own, one.id) > 0.5]
    window = leak_window(model, among, {own: 1.0})
    assert behind
    assert window is not None
    issued = {canary.id: canary.issued for canary in world.canaries}
    assert window.earliest == max(issued[name] for one in behind for name in one.mark)
    assert window.latest == min(one.at for one in behind)
