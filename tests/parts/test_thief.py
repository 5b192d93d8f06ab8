"""A thief has the whole database and no key: nothing in it distinguishes decoys from issued addresses."""

import math
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from canary.judge.localpart import shape_of
from canary.model.attempt import LocalShape
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac
from canary.store.tables.base import metadata
from tests.installation import grown, key_file

SEEDS = range(10)
Loot = list[dict[str, Any]]

pytestmark = pytest.mark.slow


@dataclass
class Dump:
    """All rows of `canary` in order of issue, the decoys among them by the key, and what else the database says."""

    rows: Loot
    decoys: frozenset[int]
    vendors: dict[int, str]
    known_since: dict[int, datetime]
    referred: Counter[int]

    @cached_property
    def by_number(self) -> list[int]:
        return sorted(row["id"] for row in self.rows)


def steal(store: Database, mac: DecoyMac) -> Dump:
    tables = metadata.tables
    with store.engine.connect() as connection:
        rows = [
            dict(r)
            for r in connection.execute(tables["canary"].select().order_by(text("issued_at"), text("id"))).mappings()
        ]
        known = connection.execute(tables["vendor"].select()).all()
        referred = Counter[int]()
        for table in tables.values():
            for column in (key.parent for key in table.foreign_keys if key.column is tables["canary"].c.id):
                referred.update(row[0] for row in connection.execute(column.table.select().with_only_columns(column)))
    decoys = frozenset(r["id"] for r in rows if mac.mac(r["address"]) == r["mac"])
    return Dump(rows, decoys, {v.id: v.name for v in known}, {v.id: v.created_at for v in known}, referred)


@pytest.fixture(scope="module")
def dumps(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Dump]:
    return list(_dumps(sqlite_template, tmp_path_factory.mktemp("loot")))


def _dumps(template: Path, folder: Path) -> Iterator[Dump]:
    for seed in SEEDS:
        path = folder / f"{seed}.db"
        shutil.copy(template, path)
        mac = DecoyMac(key_file(folder), 10)
        store = Database(f"sqlite:///{path}", decoy_mac=mac)
        grown(store, seed)
        yield steal(store, mac)
        store.close()


@dataclass(frozen=True)
class Place:
    """One row as the thief looks at it, in its place among all."""

    dump: Dump
    at: int

    @property
    def row(self) -> dict[str, Any]:
        return self.dump.rows[self.at]

    @property
    def local(self) -> str:
        return str(self.row["address"].partition("@")[0])

    @property
    def word(self) -> str:
        return self.dump.vendors[self.row["vendor_id"]].split()[0].lower()

    def gap(self, to: int) -> float:
        """Seconds to the row before or behind."""
        if not 0 <= self.at + to < len(self.dump.rows):
            return 0.0
        between: timedelta = self.dump.rows[self.at + to]["issued_at"] - self.row["issued_at"]
        return abs(between.total_seconds())


SIGNS: dict[str, Callable[[Place], float]] = {
    "number": lambda it: it.row["id"],
    "time": lambda it: it.row["issued_at"].timestamp(),
    "place among all by number": lambda it: it.dump.by_number.index(it.row["id"]),
    "time before": lambda it: it.gap(-1),
    "time behind": lambda it: it.gap(1),
    "microseconds": lambda it: it.row["issued_at"].microsecond,
    "hour": lambda it: it.row["issued_at"].hour,
    "tagged": lambda it: it.row["style"] == "tagged",
    "plausible": lambda it: it.row["style"] == "plausible",
    "bits": lambda it: float(it.row["bits"]),
    "length": lambda it: len(it.local),
    "digits": lambda it: sum(c.isdigit() for c in it.local),
    "separators": lambda it: len(re.findall(r"[^a-z0-9]", it.local)),
    "year": lambda it: re.search(r"(19|20)\d\d$", it.local) is not None,
    "vendor's word": lambda it: it.word in it.local,
    "vendor's word first": lambda it: it.local.startswith(it.word),
    "channel": lambda it: ("signup", "newsletter", "order", "support", "account").index(it.row["channel"]),
    "generation": lambda it: it.row["generation"],
    "state": lambda it: it.row["state"] == "active",
    "rotated": lambda it: it.row["rotated_at"] is not None,
    "published": lambda it: it.row["published"] is True,
    "kept from the public": lambda it: it.row["published"] is False,
    "as its vendor": lambda it: it.row["published"] is None,
    "persona": lambda it: it.row["persona"] is not None,
    "length of the persona": lambda it: len(str(it.row["persona"])),
    "ones in the mac": lambda it: int.from_bytes(it.row["mac"], "big").bit_count(),
    "first octet of the mac": lambda it: it.row["mac"][0],
    "age of the vendor": lambda it: it.row["vendor_id"],
    "referred to": lambda it: it.dump.referred[it.row["id"]],
    "shape word": lambda it: shape_of(it.local) is LocalShape.WORD,
    "shape numbered": lambda it: shape_of(it.local) is LocalShape.NUMBERED,
    "shape random": lambda it: shape_of(it.local) is LocalShape.RANDOM,
}  # fmt: skip


def auc(issued: Sequence[float], decoys: Sequence[float]) -> float:
    """The probability that a decoy has more of a sign than an issued address has; ties count half."""
    above = sum((d > i) + (d == i) / 2 for d in decoys for i in issued)
    return above / (len(decoys) * len(issued))


def separation(dumps: Sequence[Dump], sign: Callable[[Place], float], kind: bool) -> tuple[float, float]:
    """How far a sign separates decoys of one kind, and the standard error of that, over all dumps."""
    total, weight, variance = 0.0, 0.0, 0.0
    for dump in dumps:
        found = [(row["id"] in dump.decoys, float(sign(Place(dump, at)))) for at, row in enumerate(dump.rows)
                 if (row["bits"] >= 30) is kind]  # fmt: skip
        decoys = [value for is_decoy, value in found if is_decoy]
        issued = [value for is_decoy, value in found if not is_decoy]
        n, m = len(decoys), len(issued)
        total, weight = total + n * auc(issued, decoys), weight + n
        ties = Counter(value for _, value in found).values()
        alike = sum(t**3 - t for t in ties) / ((n + m) ** 3 - (n + m))
        variance += n * n * (n + m + 1) / (12 * n * m) * (1 - alike)
    return total / weight - 0.5, math.sqrt(variance) / weight


@pytest.mark.parametrize("random", [True, False], ids=["random", "guessable"])
@pytest.mark.parametrize("sign", SIGNS)
def test_no_sign_separates_decoys_from_issued_addresses_of_their_kind(
    dumps: list[Dump], sign: str, random: bool
) -> None:
    off, error = separation(dumps, SIGNS[sign], random)
    assert abs(off) <= 3.5 * error, f"{sign}: {off:+.3f} is more than 3.5 x {error:.3f} from chance"


def test_every_installation_has_its_decoys(dumps: list[Dump]) -> None:
    for dump in dumps:
        kinds = Counter(row["bits"] >= 30 for row in dump.rows if row["id"] in dump.decoys)
        assert min(kinds[True], kinds[False]) >= 10
        assert len(dump.rows) - len(dump.decoys) == 200


def test_every_row_has_a_vendor_and_a_mac_of_one_length(dumps: list[Dump]) -> None:
    assert {len(row["mac"]) for dump in dumps for row in dump.rows} == {16}
    assert all(row["vendor_id"] for dump in dumps for row in dump.rows)
    assert all(len({row["mac"] for row in dump.rows}) == len(dump.rows) for dump in dumps)


def test_no_address_was_drawn_for_a_vendor_before_that_vendor_was_known(dumps: list[Dump]) -> None:
    drawn = [(row, dump.known_since[row["vendor_id"]]) for dump in dumps for row in dump.rows if row["persona"]]
    assert [row["address"] for row, since in drawn if row["issued_at"] < since] == []


def test_the_sign_of_a_thief_with_the_key_does_separate(dumps: list[Dump]) -> None:
    off, error = separation(dumps, lambda it: it.row["id"] in it.dump.decoys, True)
    assert off == 0.5
    assert off > 10 * error


def test_addresses_and_decoys_are_shown_in_public_and_kept_from_it(dumps: list[Dump]) -> None:
    shown = Counter((row["id"] in dump.decoys, row["published"]) for dump in dumps for row in dump.rows)
    assert min(shown[is_decoy, said] for is_decoy in (True, False) for said in (True, False, None)) >= 5
