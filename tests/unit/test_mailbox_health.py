"""When a mailbox is in trouble, and when that is worth an alert."""

from datetime import timedelta
from pathlib import Path

import pytest

from canary.inlets.ledger import Phase
from canary.processes.mailbox_health import lasting_problems, mailbox_problem, mailbox_states, open_ledger
from canary.settings import Arranged, Settings
from tests.conftest import START


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    return Arranged(data=tmp_path, inlet={"maildir": {"local": {"path": "/nowhere"}}})


def note(known: Settings, phase: Phase, minutes: float, said: str = "") -> None:
    ledger = open_ledger(known)
    ledger.note_phase("local", phase, START + timedelta(minutes=minutes), said)
    ledger.close()


def problem(known: Settings, minutes: float) -> str:
    [state] = mailbox_states(known)
    return mailbox_problem(known, state, START + timedelta(minutes=minutes))


def test_a_mailbox_that_was_never_looked_into_is_named(known: Settings) -> None:
    assert problem(known, 0) == "last looked into: never; is `canary up` running?"
    assert lasting_problems(known, START) == {}


def test_one_that_is_looked_into_is_fine_until_nobody_does_any_more(known: Settings) -> None:
    note(known, Phase.WATCHING, 0)
    assert problem(known, 4) == ""
    assert problem(known, 6) == "last looked into: 2026-03-01 12:00 UTC; is `canary up` running?"
    assert lasting_problems(known, START + timedelta(minutes=14)) == {}
    assert "mailbox local" in lasting_problems(known, START + timedelta(minutes=16))


def test_trouble_is_shown_at_once_and_alerted_about_when_it_lasts(known: Settings) -> None:
    note(known, Phase.WATCHING, 0)
    for minutes in (1, 2, 20):
        note(known, Phase.TROUBLE, minutes, "wrong password")
    assert problem(known, 2) == "wrong password"
    assert lasting_problems(known, START + timedelta(minutes=15)) == {}
    assert lasting_problems(known, START + timedelta(minutes=17)) == {
        "mailbox local": "The mailbox local is not read: wrong password"
    }


def test_where_no_mailbox_is_set_no_file_is_made(tmp_path: Path) -> None:
    assert mailbox_states(Arranged(data=tmp_path)) == []
    assert list(tmp_path.iterdir()) == []
