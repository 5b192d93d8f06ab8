"""What all tests share: stores of both kinds, a clock that tests set, real mail where it is."""

import gc
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine, text

from canary.cases.weighing import CASE_AT
from canary.store.database import Database
from tests.postgres import cluster

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# All modules of the package and its libraries stay: to go through them every 700 objects takes a quarter of the time.
gc.set_threshold(50_000, 20, 50)

ROOT = Path(__file__).parent.parent
START = datetime(2026, 3, 1, 12, tzinfo=UTC)

AT_EVERY_LEAK = {CASE_AT: 0.0}
"""What a store carries in which every leak hit makes a case once it is weighed, however likely a leak is."""


def pytest_collection_finish() -> None:
    """Leave out of the search for cycles what was imported."""
    gc.collect()
    gc.freeze()


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = field(default=START)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that went through the migrations."""
    path = tmp_path_factory.mktemp("template") / "canary.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server with a database `template` that went through the migrations."""
    with cluster() as server:
        administer(server.url, "CREATE DATABASE template")
        database = Database(server.url.format(name="template"))
        database.migrate()
        database.close()
        yield server.url


def administer(url: str, statement: str) -> None:
    engine = create_engine(url.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


_numbers = count(1)


@pytest.fixture
def sqlite_store(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "canary.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}", carried=AT_EVERY_LEAK)
    yield database
    database.close()


@pytest.fixture
def postgres_store(postgres: str) -> Iterator[Database]:
    name = f"test_{next(_numbers)}"
    administer(postgres, f"CREATE DATABASE {name} TEMPLATE template STRATEGY FILE_COPY")
    database = Database(postgres.format(name=name), carried=AT_EVERY_LEAK)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest) -> Database:
    """An empty store, once of each kind: the same tests run on both, the quick ones on SQLite first."""
    found: Database = request.getfixturevalue("sqlite_store" if request.param == "sqlite" else "postgres_store")
    return found


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real mail, read in place."""
    path = Path(os.environ.get("CANARY_CORPUS", ROOT / "../shared/corpus"))
    if not path.is_dir():
        pytest.skip(f"CANARY_CORPUS: no real mail at {path}; set it to a folder of mail to run this test")
    return path.resolve()


@pytest.fixture(scope="session")
def streams() -> Path:
    """The folder of labelled real streams, read in place."""
    path = Path(os.environ.get("CANARY_STREAMS", ROOT / "../shared/streams"))
    if not any(path.glob("*/aliases.csv")):
        pytest.skip(f"CANARY_STREAMS: no labelled stream below {path}; set it to a folder of streams to run this test")
    return path.resolve()
