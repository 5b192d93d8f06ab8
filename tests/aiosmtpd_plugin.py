"""A plugin of pytest for aiosmtpd's own tests: they find our classes where they look for aiosmtpd's.

It also stands in for two packages that they need for little: a fixture for mocks, and the path of a file.
"""

import importlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from aiosmtpd.testing import statuscodes

from canary.smtp.lmtp import CanaryLMTP
from canary.smtp.session import CanarySMTP


class MockFixture:
    """What of pytest-mock is used there."""

    def __init__(self) -> None:
        self.begun: list[Any] = []

    @staticmethod
    def Mock(*args: Any, **options: Any) -> Any:  # noqa: N802 - as it is called there
        """Whatever it stands for, a transport has nothing left to write."""
        made = mock.Mock(*args, **options)
        made.get_write_buffer_size.return_value = 0
        return made

    def patch(self, target: str, *args: Any, **options: Any) -> Any:
        return self._begin(mock.patch(target, *args, **options))

    def spy(self, owner: Any, name: str) -> Any:
        return self._begin(mock.patch.object(owner, name, side_effect=getattr(owner, name)))

    def _begin(self, patch: Any) -> Any:
        self.begun.append(patch)
        return patch.start()

    def stop(self) -> None:
        for patch in reversed(self.begun):
            patch.stop()


def _fixture() -> Iterator[MockFixture]:
    fixture = MockFixture()
    yield fixture
    fixture.stop()


mocker = pytest.fixture(_fixture)
session_mocker = pytest.fixture(_fixture, scope="session")


def resource_filename(package: str, name: str) -> str:
    return str(Path(sys.modules["aiosmtpd"].__path__[0]).joinpath(*package.split(".")[1:], name))


def _stand_in(module: str, **names: Any) -> None:
    made = sys.modules[module] = ModuleType(module)
    vars(made).update(names)


_stand_in("pytest_mock", MockFixture=MockFixture)
_stand_in("pkg_resources", resource_filename=resource_filename)
for module, theirs, ours in (
    ("smtp", "SMTP", CanarySMTP),
    ("controller", "SMTP", CanarySMTP),
    ("lmtp", "LMTP", CanaryLMTP),
):
    setattr(importlib.import_module(f"aiosmtpd.{module}"), theirs, ours)


def _same_code(wanted: Any, given: Any) -> bool:
    """Whether two replies have one code: the words are ours, as each needs an enhanced code (RFC 2034)."""
    return bool(wanted[0] == given[0])


statuscodes.StatusCode.__eq__ = _same_code  # type: ignore[method-assign]
statuscodes.StatusCode.__hash__ = tuple.__hash__  # type: ignore[method-assign]


def pytest_configure(config: pytest.Config) -> None:
    """Has them listen on a free port."""
    from aiosmtpd.tests import conftest

    with socket.create_server(("127.0.0.1", 0)) as free:
        conftest.HostPort.__new__.__defaults__ = ("localhost", free.getsockname()[1])
    conftest.Global.SrvAddr = conftest.HostPort()
