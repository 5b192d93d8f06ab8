"""The bounds of verdict quality on labelled real streams, each measured in the ways of `make quality`."""

from functools import cache
from pathlib import Path

import pytest

from canary.judge.signs import SIGNS
from tests.quality.cross_validation import counted, labelled_hits, together, validated
from tests.quality.fit import fitted
from tests.quality.stream_measure import MODES, measured_stream, stream_figures, stream_report
from tests.quality.stream_replay import StreamHit
from tests.quality.streams import read_stream, stream_folders
from tests.quality.thieves import outcomes, uncapped

pytestmark = pytest.mark.corpus


@pytest.mark.parametrize("name", ["declared", "foreign", "undeclared"])
def test_verdicts_on_labelled_real_streams_keep_their_bounds(streams: Path, corpus: Path, name: str) -> None:
    for folder in stream_folders(streams)[:2]:
        run = measured_stream(read_stream(folder), MODES[name], 1, corpus / "phishing_pot")
        missed = [figure.line() for figure in stream_figures(run, MODES[name]) if not figure.holds]
        assert not missed, "\n".join((*missed, *stream_report(run, MODES[name])))


@cache
def counted_on(folder: Path, phishing: Path) -> tuple[StreamHit, ...]:
    return labelled_hits(read_stream(folder), phishing, 1, declared=True)


def test_no_thief_is_excused_for_the_vendors_name_and_links_by_counted_weights_as_these_are_capped(
    streams: Path, corpus: Path
) -> None:
    hits = counted_on(stream_folders(streams)[0], corpus / "phishing_pot")
    learned = fitted(counted(hits))
    assert outcomes(hits, learned)["excused"] == outcomes(hits, SIGNS)["excused"] == 0
    assert outcomes(hits, uncapped(learned))["charged"] <= outcomes(hits, learned)["charged"]


def test_weights_fitted_on_other_vendors_keep_the_same_bounds(streams: Path, corpus: Path) -> None:
    hits = counted_on(stream_folders(streams)[0], corpus / "phishing_pot")
    folds = validated(hits, 1)
    assert together(folds).holds(MODES["declared"]), "\n".join(each.line("fold") for each in folds)
