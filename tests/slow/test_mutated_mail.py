"""Real mail damaged in any way is judged, soon, in memory that does not grow; `tests.mutated_mail` runs for longer."""

from pathlib import Path

import pytest

from tests.mutated_mail import run

pytestmark = [pytest.mark.slow, pytest.mark.corpus]


def test_two_minutes_of_damaged_real_mail_are_all_judged(corpus: Path) -> None:
    files = [path for path in sorted(corpus.rglob("*")) if path.is_file() and path.name != "README.md"]
    report = run(files, 120, seed=1)
    print(report.mails, report.worst, report.memory)
    assert (report.unhandled, report.slow) == ([], [])
    assert report.grown < 30
