"""The event loop of the roles: the fast one where it is installed, and the one of the standard library otherwise."""

import sys

import pytest

from canary.processes.roles import loop_factory


def test_the_loop_is_that_of_uvloop_where_it_is_installed() -> None:
    uvloop = pytest.importorskip("uvloop")
    assert loop_factory() is uvloop.new_event_loop


def test_the_loop_is_that_of_the_standard_library_where_uvloop_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop_factory() is None
