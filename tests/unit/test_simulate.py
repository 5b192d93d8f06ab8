"""Simulated worlds: their rates are those of the mix, and nothing in them tells the truth but the facts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from canary.attribute.evaluation.population import ACCOUNT, build_population, held_by
from canary.attribute.evaluation.scenarios import MIXES, Leaking, Mix, PopulationParams
from canary.attribute.evaluation.simulate import BEGIN, Truth, simulate_world
from canary.attribute.world import Source, World
from canary.model.case import LeakManner, SuspectKind
from canary.model.verdict import LEAKS, Verdict

STANDARD = MIXES["standard"]
Made = list[tuple[World, Truth]]

pytestmark = pytest.mark.slow


def worlds(mix: Mix, count: int, seed: int = 1) -> Iterator[tuple[World, Truth]]:
    return (simulate_world(mix, np.random.default_rng([seed, n])) for n in range(count))


def leaking(kind: SuspectKind, **knobs: object) -> Leaking:
    return replace(STANDARD.leaking, shares={kind: 1.0}, **knobs)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made() -> Made:
    return list(worlds(STANDARD, 600))


def test_half_of_the_worlds_have_no_leak_and_the_others_follow_the_shares(made: Made) -> None:
    kinds = Counter(s.kind for _, truth in made for s in truth.sources)
    assert kinds.total() / len(made) == pytest.approx(0.5, abs=0.06)
    assert kinds[SuspectKind.VENDOR] / len(made) == pytest.approx(0.25, abs=0.05)
    assert kinds[SuspectKind.SUPPLIER] / len(made) == pytest.approx(0.20, abs=0.05)
    assert kinds[SuspectKind.OWNER] / len(made) == pytest.approx(0.05, abs=0.03)


def test_of_the_leaks_57_percent_are_ever_seen(made: Made) -> None:
    leaks = [truth for _, truth in made if truth.leaks]
    assert sum(t.visible for t in leaks) / len(leaks) == pytest.approx(0.57, abs=0.06)


def test_a_world_has_the_parties_and_addresses_of_the_mix(made: Made) -> None:
    for world, _ in made[:50]:
        assert len(world.vendors) == 50
        assert all(1 <= len(v.suppliers) <= 3 for v in world.vendors)
        assert sorted(c.vendor for c in world.canaries if c.vendor) == [v.id for v in world.vendors]
        decoys = [c for c in world.canaries if c.vendor is None]
        assert (len(decoys), sum(c.bits < 25 for c in decoys)) == (30, 15)


def test_three_tenths_of_the_canaries_are_guessable_and_a_fifth_was_issued_late(made: Made) -> None:
    canaries = [c for world, _ in made for c in world.canaries if c.vendor]
    assert sum(12 <= c.bits <= 24 for c in canaries) / len(canaries) == pytest.approx(0.3, abs=0.02)
    assert sum(40 <= c.bits <= 65 for c in canaries) / len(canaries) == pytest.approx(0.7, abs=0.02)
    assert sum(c.issued > BEGIN for c in canaries) / len(canaries) == pytest.approx(0.2, abs=0.02)


def test_an_attack_guesses_15_percent_of_what_can_be_guessed_once_a_year(made: Made) -> None:
    hit = exposed = 0.0
    for world, truth in made:
        open_to_it = {c.id: (world.now - c.issued).days / 365.25 for c in world.canaries if c.bits < 25}
        exposed += sum(open_to_it.values())
        guessed = [s.canary for s in world.hits if truth.causes[s.campaign] == "guess"]
        hit += len(guessed)
        assert set(guessed) <= set(open_to_it)
    assert hit / exposed == pytest.approx(0.15, rel=0.1)


def test_tries_grow_with_the_attacks(made: Made) -> None:
    attacked = [max(t.count for t in w.guess_counts) for w, t in made if "guess" in t.causes.values()]
    calm = [max(t.count for t in w.guess_counts) for w, t in made if "guess" not in t.causes.values()]
    assert float(np.median(attacked)) > 400
    assert float(np.median(calm)) < 100


def test_lawful_third_parties_mail_the_vendors_that_have_one_about_once_a_year(made: Made) -> None:
    years = sum((w.now - c.issued).days / 365.25 for w, _ in made for c in w.canaries if c.vendor)
    lawful = [s for w, t in made for s in w.hits if t.causes[s.campaign] == "lawful"]
    assert len(lawful) / years == pytest.approx(0.15, rel=0.1)
    assert {s.verdict for s in lawful} == {Verdict.THIRD_PARTY}


def test_the_score_of_a_strike_says_the_odds_of_crime(made: Made) -> None:
    calm = {"lawful", "stray"}
    hits = [(s.confidence, t.causes[s.campaign] not in calm) for w, t in made for s in w.hits]
    crime = np.array([x for x, hostile in hits if hostile])
    other = np.array([x for x, hostile in hits if not hostile])
    assert 0.08 < float(np.mean(crime < 0.5)) < 0.18
    assert 0.08 < float(np.mean(other > 0.5)) < 0.2


def test_only_charged_verdicts_strike(made: Made) -> None:
    assert {s.verdict for w, _ in made for s in w.hits} == {v.value for v in LEAKS}


def test_an_address_is_never_hit_before_it_was_issued_or_after_now(made: Made) -> None:
    for world, _ in made:
        issued = {c.id: c.issued for c in world.canaries}
        assert all(issued[s.canary] <= s.at <= world.now for s in world.hits)


def test_campaigns_are_named_in_the_order_of_their_first_mail(made: Made) -> None:
    for world, truth in made[:100]:
        seen = list(dict.fromkeys(s.campaign for s in world.hits))
        assert seen == sorted(seen) == sorted(truth.causes)


def test_a_leak_hits_only_what_its_source_held_when_it_leaked() -> None:
    mix = replace(STANDARD, leaking=leaking(SuspectKind.SUPPLIER))
    for world, truth in worlds(mix, 60):
        (leak,) = truth.leaks
        users = {v.id for v in world.vendors if leak.source.id in {p.supplier for p in v.suppliers}}
        known = {c.id for c in world.canaries if c.vendor in users and c.issued <= leak.at}
        hit = {s.canary for s in world.hits if truth.causes[s.campaign] == "leak 0"}
        assert hit <= known
        assert all(s.at >= leak.at for s in world.hits if truth.causes[s.campaign] == "leak 0")


def test_a_leak_on_the_own_side_takes_decoys_along() -> None:
    mix = replace(STANDARD, leaking=leaking(SuspectKind.OWNER))
    hit = Counter[bool]()
    for world, truth in worlds(mix, 40):
        random_decoys = {c.id for c in world.canaries if c.vendor is None and c.bits > 30}
        hit.update(s.canary in random_decoys for s in world.hits if truth.causes[s.campaign] == "leak 0")
    assert hit[True] / hit.total() == pytest.approx(15 / 80, abs=0.07)


def test_suppliers_never_see_the_account_address_of_a_vendor() -> None:
    population = build_population(MIXES["per-channel"].population, BEGIN, np.random.default_rng(1))
    seen = held_by(population, Source(SuspectKind.SUPPLIER, "e1"))
    channels = Counter(c.channel for c, there in zip(population.canaries, seen, strict=True) if there)
    assert list(channels) == ["newsletter"]
    assert Counter(c.channel for c in population.canaries if c.vendor)[ACCOUNT] == 50


def test_two_leaks_have_two_sources() -> None:
    assert {len(truth.sources) for _, truth in worlds(MIXES["two-leaks"], 50)} == {2}


def test_a_third_of_the_edges_can_be_kept_from_the_model() -> None:
    told = [len(v.suppliers) for w, _ in worlds(MIXES["edges-missing"], 40) for v in w.vendors]
    assert float(np.mean(told)) == pytest.approx(2 * 0.7, abs=0.08)


def test_an_inferred_edge_is_real_as_often_as_it_says() -> None:
    knobs = PopulationParams(edges_inferred=1.0)
    populations = [build_population(knobs, BEGIN, np.random.default_rng(n)) for n in range(30)]
    told = sum(len(v.suppliers) for g in populations for v in g.vendor_facts)
    assert sum(len(g.edges) for g in populations) / told == pytest.approx(0.7, abs=0.05)


def test_rotation_issues_generations_at_their_interval_each_vendor_on_its_own_days() -> None:
    population = build_population(MIXES["rotation"].population, BEGIN, np.random.default_rng(2))
    days: dict[str, list[float]] = {}
    for canary in population.canaries:
        if canary.vendor and canary.channel != ACCOUNT and canary.generation > 1:
            days.setdefault(canary.vendor, []).append((canary.issued - BEGIN) / timedelta(days=1))
    assert {round(b - a) for dates in days.values() for a, b in pairwise(dates)} == {90}
    assert len({dates[0] for dates in days.values()}) == len(days)


def test_only_some_accounts_of_a_leaking_supplier_are_hit_where_tenants_are_apart() -> None:
    for world, truth in worlds(replace(STANDARD, leaking=leaking(SuspectKind.SUPPLIER, tenants=0.3)), 40):
        owner = {c.id: c.vendor for c in world.canaries}
        hit = {owner[s.canary] for s in world.hits if truth.causes[s.campaign] == "leak 0"}
        assert hit <= truth.leaks[0].accounts


def test_an_account_leak_is_the_business_of_one_vendor() -> None:
    for world, truth in worlds(replace(STANDARD, leaking=leaking(SuspectKind.ACCOUNT)), 40):
        owner = {c.id: c.vendor for c in world.canaries}
        hit = {owner[s.canary] for s in world.hits if truth.causes[s.campaign] == "leak 0"}
        assert hit <= {truth.leaks[0].source.id.partition("/")[2]}


def test_half_of_the_vendors_that_show_an_address_get_it_harvested() -> None:
    shown = harvested = 0
    for world, truth in worlds(MIXES["published"], 150):
        public = {c.vendor for c in world.canaries if c.published}
        sources = {s.id for s in truth.sources if s.kind is SuspectKind.PUBLISHED}
        assert sources <= public
        shown, harvested = shown + len(public), harvested + len(sources)
    assert shown / 150 == pytest.approx(50 * 0.02, abs=0.25)
    assert harvested / shown == pytest.approx(0.5, abs=0.12)


def test_harvesting_hits_nothing_but_what_was_shown() -> None:
    knobs = replace(STANDARD.leaking, shares={SuspectKind.VENDOR: 0.0}, harvested=1.0)
    for world, truth in worlds(replace(MIXES["published"], leaking=knobs), 40):
        shown = {c.id for c in world.canaries if c.published}
        assert {s.canary for s in world.hits if truth.causes[s.campaign].startswith("leak")} <= shown


def test_a_supplier_leak_never_uses_what_only_the_vendor_was_told() -> None:
    mix = replace(MIXES["personas"], leaking=leaking(SuspectKind.SUPPLIER))
    used = [s.fields for w, t in worlds(mix, 40) for s in w.hits if t.causes[s.campaign] == "leak 0"]
    assert set().union(*used) == {"name"}


def test_a_seventh_of_the_campaigns_is_seen_as_several() -> None:
    hits = replace(leaking(SuspectKind.OWNER), coverage=(1.0, 1.0), reach=(1.0, 1.0), campaigns=2.0)
    quiet = replace(STANDARD.background, attacks=0.0, misdirected=0.0, lawful_share=0.0)
    made = list(worlds(Mix(STANDARD.population, hits, quiet), 150))
    names = [len(w.hits) and len(t.causes) for w, t in made]
    whole = replace(quiet, fragmented=0.0)
    single = [len(w.hits) and len(t.causes) for w, t in worlds(Mix(STANDARD.population, hits, whole), 150)]
    assert sum(names) / sum(single) == pytest.approx(1 + 0.15 * 1.5, abs=0.15)


def test_half_of_the_vendors_that_leak_pass_their_addresses_on_to_senders_that_prove_who_they_are() -> None:
    mix = replace(MIXES["passed-on"], leaking=replace(MIXES["passed-on"].leaking, shares={SuspectKind.VENDOR: 1.0}))
    made = list(worlds(mix, 200))
    passed = [(w, t) for w, t in made if t.leaks[0].manner is LeakManner.PASSED_ON]
    assert len(passed) / len(made) == pytest.approx(0.5, abs=0.1)
    brought = [s for w, t in passed for s in w.hits if t.causes[s.campaign] == "leak 0"]
    assert {s.verdict for s in brought} == {Verdict.THIRD_PARTY}
    assert all(s.sender for s in brought)


def test_an_agent_nobody_named_writes_to_all_its_clients_under_its_own_name() -> None:
    made = [w for w, _ in worlds(MIXES["agents"], 10)]
    clients = [{s.canary for s in w.hits if s.sender == name} for w in made for name in {s.sender for s in w.hits}]
    assert max(map(len, clients)) > 3


def test_a_list_may_be_tried_out_address_by_address_before_it_is_used() -> None:
    mix = replace(MIXES["validated"], leaking=replace(leaking(SuspectKind.OWNER), validated=1.0))
    for world, truth in worlds(mix, 40):
        tried = [s for s in world.hits if s.verdict == Verdict.PROBE]
        assert len({s.campaign for s in tried}) == len(tried)
        first = truth.leaks[0].first
        assert first is None or all(s.at <= first + timedelta(days=0.1) for s in tried)
    assert not any(s.verdict == Verdict.PROBE for w, _ in worlds(STANDARD, 20) for s in w.hits)


def test_the_same_seed_makes_the_same_world() -> None:
    assert list(worlds(STANDARD, 3)) == list(worlds(STANDARD, 3))
    assert next(worlds(STANDARD, 1, seed=2)) != next(worlds(STANDARD, 1, seed=3))


@pytest.mark.parametrize("name", MIXES)
def test_every_named_mix_makes_worlds(name: str) -> None:
    for world, truth in worlds(MIXES[name], 3):
        assert {s.campaign for s in (truth.made or world).hits} == set(truth.causes)
