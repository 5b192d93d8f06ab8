"""What tests of whole processes share: a receiver of alerts, and an installation that alerts it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import House
from tests.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def house(tmp_path: Path, receiver: Receiver) -> Iterator[House]:
    environ = {
        "CANARY_ALERT__DESTINATIONS__OPS__KIND": "slack",
        "CANARY_ALERT__DESTINATIONS__OPS__URL": receiver.url,
        "CANARY_ALERT__ALLOW_PRIVATE": "true",
    }
    with House(tmp_path, environ).open() as found:
        yield found
