"""The bounds of verdict quality, on the written world of `make quality`."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.quality.__main__ import measured
from tests.quality.measure import Figure, figures, report
from tests.quality.replay import Run
from tests.quality.world import Scale

pytestmark = pytest.mark.corpus


@cache
def written_world(corpus: Path) -> Run:
    with TemporaryDirectory() as folder:
        return measured(Scale(), corpus, Path(folder))


@pytest.mark.parametrize("number", range(6))
def test_verdicts_on_real_and_written_mail_keep_this_bound(corpus: Path, number: int) -> None:
    run = written_world(corpus)
    figure: Figure = figures(run)[number]
    assert figure.holds, "\n".join((figure.line(), *report(run, 10)))
