"""What stories share: the log of a command that is called in this process ends with it."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def log_ends() -> Iterator[None]:
    """A command logs to the standard error that it had, which is closed when its story is over."""
    root = logging.getLogger()
    level = root.level
    yield
    for handler in [handler for handler in root.handlers if type(handler) is logging.StreamHandler]:
        root.removeHandler(handler)
    root.setLevel(level)
