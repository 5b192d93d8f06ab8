"""What a supervisor does with a role that ends: it starts it again, ever more patiently."""

import sys

import pytest

from canary.processes.supervisor import ManagedProcess, is_receiver

ENDS_AT_ONCE = [sys.executable, "-c", "raise SystemExit(3)"]


def end(child: ManagedProcess) -> None:
    assert child.process is not None
    child.process.wait(30)


def test_a_role_that_ends_again_and_again_is_started_more_and_more_seldom(caplog: pytest.LogCaptureFixture) -> None:
    child, now, waits = ManagedProcess("web", ENDS_AT_ONCE), 0.0, []
    for _ in range(8):
        assert child.watch(now) is None
        end(child)
        due = child.watch(now)
        assert due is not None
        assert child.watch(due - 0.01) == due
        waits.append(due - now)
        now = due
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert caplog.messages[0] == "web ended with 3; starting it again in 0.5 s"
    child.stop()


def test_a_role_that_ran_for_long_is_started_again_soon() -> None:
    child, now = ManagedProcess("web", ENDS_AT_ONCE), 0.0
    for _ in range(4):
        child.watch(now)
        end(child)
        now = child.watch(now) or now
    child.watch(now)
    end(child)
    assert child.watch(now + 61) == now + 61 + 0.5
    child.stop()


def test_a_running_role_needs_no_look_before_a_signal_comes() -> None:
    child = ManagedProcess("web", [sys.executable, "-c", "import sys; sys.stdin.read()"])
    assert [child.watch(now) for now in (0.0, 1.0, 100.0)] == [None] * 3
    first = child.process
    child.watch(200.0)
    assert child.process is first
    child.stop()
    assert child.process is None


def test_only_receivers_take_sockets_and_hang_ups() -> None:
    assert [is_receiver(role) for role in ("smtp", "smtp-2", "worker", "web")] == [True, True, False, False]
