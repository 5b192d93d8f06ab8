"""The promise of 250: a receiver killed at any moment under load loses no mail it acknowledged, and doubles none."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nursery import CLIENTS, Ledger, Nursery, furnish, take_all
from tests.processes import House

pytestmark = pytest.mark.slow

KILLS = 50


@pytest.fixture
def address(tmp_path: Path) -> str:
    return furnish(tmp_path)


@pytest.fixture
def nursery(tmp_path: Path, address: str) -> Iterator[Nursery]:
    with Nursery(House(tmp_path).environment).open() as found:
        yield found


def test_every_acknowledged_mail_is_there_after_each_of_fifty_kills_and_none_twice(
    tmp_path: Path, nursery: Nursery, address: str
) -> None:
    ledger, found, spool = Ledger(), list[str](), tmp_path / "data" / "spool" / "smtp.db"
    for number in range(KILLS):
        with ledger.load(nursery.start(), address, str(number)) as ended:
            # Every third time a worker has taken what there was, while the receiver runs.
            found += take_all(spool) if number % 3 == 0 else []
            if number % 2:
                ledger.grow(3 * CLIENTS)
            ended.wait(random.Random(number).uniform(0.02, 0.25))
            nursery.kill()
    nursery.start()
    found += take_all(spool)
    nursery.kill()
    assert len(ledger.acknowledged) > KILLS * CLIENTS
    assert ledger.acknowledged <= set(found) <= ledger.sent
    assert len(found) == len(set(found))
