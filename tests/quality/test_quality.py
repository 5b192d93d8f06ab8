"""The bounds of verdict quality, on a smaller world than that of `make quality`; both must keep them."""

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
def small_run(corpus: Path) -> Run:
    with TemporaryDirectory() as folder:
        return measured(Scale(vendors=16, share=0.3), corpus, Path(folder))


@pytest.mark.parametrize("number", range(6))
def test_verdicts_on_real_and_written_mail_keep_this_bound(corpus: Path, number: int) -> None:
    run = small_run(corpus)
    figure: Figure = figures(run)[number]
    assert figure.holds, "\n".join((figure.line(), *report(run, 10)))
