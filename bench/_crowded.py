"""Worlds and stores of very many addresses, and of very many hits that have nothing to do with each other."""

import json
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
from sqlalchemy import insert

from canary.attribute.grouping import WEEK, grouped
from canary.attribute.inference.clustering import find_cases
from canary.attribute.inference.evidence import EvidenceModel
from canary.attribute.inference.posterior import compute_posterior
from canary.attribute.priors import RATES
from canary.attribute.world import CampaignHit, CanaryFacts, SupplyFacts, VendorFacts, World
from canary.attribute.world_json import read_world, time_text
from canary.store.database import Database
from canary.store.queries.world import world_of
from canary.store.tables import VendorRow
from canary.store.tables.base import metadata

BEGIN = datetime(2022, 1, 3, tzinfo=UTC)
DAY = timedelta(days=1)
SPAN = 900
_BLOCK = 10_000


@dataclass(frozen=True, slots=True)
class CrowdedCost:
    """So many addresses in so many groups: seconds of weighing, and the memory of the process in megabytes."""

    addresses: int
    groups: int
    seconds: float
    megabytes: float


def crowded_cost(world: World, addresses: int, runs: int) -> CrowdedCost:
    """Weigh a world that was filled up with quiet addresses."""
    crowd = grouped(_crowded(world, addresses))
    seconds = min(_seconds_of_posterior(crowd) for _ in range(runs))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return CrowdedCost(sum(c.count for c in crowd.canaries), len(crowd.canaries), seconds, memory)


def _crowded(world: World, addresses: int) -> World:
    """The same world with quiet addresses like those there are, of any week, as evenly spread as they can be."""
    begin, like = min(c.issued for c in world.canaries), world.canaries
    weeks, more = int((world.now - begin) / WEEK), addresses - len(world.canaries)
    places = np.random.default_rng(1).permutation(len(like) * weeks)[:more].tolist()
    each, rest = divmod(more, len(places))
    quiet = (
        replace(
            like[place // weeks], id=f"quiet {i}", issued=begin + (place % weeks + 0.5) * WEEK, count=each + (i < rest)
        )
        for i, place in enumerate(places)
    )
    return replace(world, canaries=(*like, *quiet))


def _seconds_of_posterior(world: World) -> float:
    start = time.process_time()
    compute_posterior(EvidenceModel(world, RATES))
    return time.process_time() - start


def seconds_of_single_hits(vendors: int = 5000, hits: int = 300, suppliers: int = 100) -> tuple[int, float]:
    """Find the cases of so many hits at one address each; return how many cases, and the processor seconds."""
    world = _single_hits(vendors, hits, suppliers, Random(1))
    start = time.process_time()
    cases = find_cases(world)
    return len(cases), time.process_time() - start


def _single_hits(vendors: int, hits: int, suppliers: int, random: Random) -> World:
    parties = tuple(
        VendorFacts(f"v{i}", tuple(SupplyFacts(f"s{s}") for s in random.sample(range(suppliers), random.randint(0, 3))))
        for i in range(vendors)
    )
    canaries = [_canary(f"c{i}-{k}", party.id, random) for i, party in enumerate(parties) for k in range(2)]
    decoys = [_canary(f"d{i}", None, random) for i in range(500)]
    charged = tuple(
        CampaignHit(
            c.id, c.issued + random.uniform(1, SPAN - 720) * DAY, f"k{i}", random.choice(("spam", "third-party")), 0.9
        )
        for i, c in enumerate(random.sample(canaries, hits))
    )
    return World(BEGIN + SPAN * DAY, parties, (*canaries, *decoys), charged)


def _canary(name: str, vendor: str | None, random: Random) -> CanaryFacts:
    return CanaryFacts(name, "example.net", vendor, BEGIN + random.uniform(0, 720) * DAY)


def seconds_of_reading(entries: int) -> float:
    """Read a world's JSON with so many canaries, an entry each."""
    issued = time_text(BEGIN)
    canaries = ({"id": f"c{i}", "vendor": f"v{i % 200}", "issued": issued} for i in range(entries))
    text = json.dumps({"now": issued, "vendors": [{"id": f"v{i}"} for i in range(200)], "canaries": list(canaries)})
    start = time.process_time()
    read_world(json.loads(text))
    return time.process_time() - start


def seconds_of_store(addresses: int) -> tuple[float, float]:
    """Read the world of a store with so many canaries for the first time, and again after one more was issued."""
    with tempfile.TemporaryDirectory() as folder:
        store = Database(f"sqlite:///{Path(folder) / 'canary.db'}")
        store.migrate()
        table, rows = metadata.tables["canary"], _rows(addresses + 1)
        with store.writing() as session:
            session.add_all(VendorRow(slug=f"v{i}", name=f"V{i}", created_at=BEGIN) for i in range(200))
            session.flush()
            left = addresses
            while block := list(islice(rows, min(_BLOCK, left))):
                session.execute(insert(table), block)
                left -= len(block)
        first = _seconds_of_world(store)
        with store.writing() as session:
            session.execute(insert(table), [next(rows)])
        again = _seconds_of_world(store)
        store.close()
    return first, again


def _rows(number: int) -> Iterator[dict[str, object]]:
    random = Random(1)
    for i in range(number):
        issued = BEGIN + timedelta(days=SPAN * i / number)
        yield {
            "id": random.getrandbits(52) + 1, "address": f"a{i}@example.net", "domain": "example.net",
            "vendor_id": i % 200 + 1, "channel": "signup", "generation": 1, "style": "plausible", "bits": 60.0,
            "state": "active", "published": None, "persona": {"given_name": "Ann"}, "issued_at": issued,
            "burned_by_owner": False, "undated": False, "tentative": False, "hidden": "", "note": "",
            "mac": random.randbytes(16),
        }  # fmt: skip


def _seconds_of_world(store: Database) -> float:
    start = time.process_time()
    with store.reading() as session:
        world_of(session, BEGIN + SPAN * DAY, [])
    return time.process_time() - start
