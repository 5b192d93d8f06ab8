"""The bounds of verdict quality on labelled real streams, each measured in the ways of `make quality`."""

from pathlib import Path

import pytest

from tests.quality.cross_validation import labelled_hits, together, validated
from tests.quality.stream_measure import MODES, measured_stream, stream_figures, stream_report
from tests.quality.streams import read_stream, stream_folders

pytestmark = pytest.mark.corpus


@pytest.mark.parametrize("name", ["declared", "foreign", "undeclared"])
def test_verdicts_on_labelled_real_streams_keep_their_bounds(streams: Path, corpus: Path, name: str) -> None:
    for folder in stream_folders(streams)[:2]:
        run = measured_stream(read_stream(folder), MODES[name], 1, corpus / "phishing_pot")
        missed = [figure.line() for figure in stream_figures(run, MODES[name]) if not figure.holds]
        assert not missed, "\n".join((*missed, *stream_report(run, MODES[name])))


def test_weights_fitted_on_other_vendors_keep_the_same_bounds(streams: Path, corpus: Path) -> None:
    folder = stream_folders(streams)[0]
    hits = labelled_hits(read_stream(folder), corpus / "phishing_pot", 1, declared=True)
    folds = validated(hits, 1)
    assert together(folds).holds(MODES["declared"]), "\n".join(each.line("fold") for each in folds)
