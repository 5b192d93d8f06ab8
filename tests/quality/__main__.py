"""Measures how good verdicts are on real mail and prints it: `make quality` (ARGS="fit", "streams --seed 2" or "world --misses 40")."""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from canary.store.database import Database
from tests.quality.cross_validation import fit_report, labelled_hits, together, validated
from tests.quality.measure import figures, report
from tests.quality.replay import Run, replay
from tests.quality.stream_measure import MODES, measured_stream, stream_figures, stream_report
from tests.quality.streams import read_stream, stream_folders
from tests.quality.world import Scale, build

ROOT = Path(__file__).parent.parent.parent
PHISHING = "phishing_pot"


def measured(scale: Scale, corpus: Path, folder: Path) -> Run:
    """Build a world in a folder and send it through the pipeline."""
    store = Database(f"sqlite:///{folder}/canary.db")
    store.migrate()
    try:
        return asyncio.run(replay(store, build(store, scale, corpus)))
    finally:
        store.close()


def show_world(chosen: argparse.Namespace) -> bool:
    """Measure the written world and print the report; return whether its bounds hold."""
    print("\nThe written world, with the phishing and spam of the corpus\n")
    with tempfile.TemporaryDirectory() as folder:
        run = measured(Scale(chosen.vendors, chosen.share, chosen.seed), chosen.corpus, Path(folder))
    print("\n".join(report(run, chosen.misses)))
    return all(figure.holds for figure in figures(run))


def show_streams(chosen: argparse.Namespace) -> bool:
    """Measure each labelled stream in each way and print the reports; return whether all bounds hold."""
    held = True
    for folder in stream_folders(chosen.streams):
        stream = read_stream(folder)
        for mode in MODES.values():
            print(f"\nThe real stream {stream.name}: {mode.title}\n")
            run = measured_stream(stream, mode, chosen.seed, chosen.corpus / PHISHING)
            print("\n".join(stream_report(run, mode)))
            held = held and all(figure.holds for figure in stream_figures(run, mode))
    return held


def show_fit(chosen: argparse.Namespace) -> bool:
    """Count the signs of mail on all labelled streams, with domains of vendors and without, and cross-validate."""
    streams = [read_stream(folder) for folder in stream_folders(chosen.streams)]
    held = True
    for mode in (MODES["declared"], MODES["undeclared"]):
        names, how = (
            ", ".join(stream.name for stream in streams),
            "with their domains" if mode.declared else "by name only",
        )
        print(f"\nSigns counted on {names}: vendors {how}\n")
        found = [labelled_hits(each, chosen.corpus / PHISHING, chosen.seed, declared=mode.declared) for each in streams]
        hits = [hit for each in found for hit in each]
        folds = validated(hits, chosen.seed)
        print("\n".join(fit_report(hits, folds, chosen.seed)))
        held = held and together(folds).holds(mode)
    print(f"\n  mails as they came, all folds: the bounds {'hold' if held else 'are MISSED'}")
    return held


PARTS = {"world": (show_world,), "streams": (show_streams,), "fit": (show_fit,), "all": (show_world, show_streams)}


def _missing(chosen: argparse.Namespace) -> Iterator[str]:
    """Yield a line for each folder of real mail that is needed and not there."""
    if not chosen.corpus.is_dir():
        yield f"CANARY_CORPUS: no real mail at {chosen.corpus}; set it to a folder of mail"
    if chosen.what != "world" and not stream_folders(chosen.streams):
        yield (
            f"CANARY_STREAMS: no labelled stream below {chosen.streams}; set it to a folder with aliases.csv and mail.mbox"
            " in a folder for each stream, or measure the written world alone with ARGS=world"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make quality", description=__doc__)
    parser.add_argument("what", nargs="?", choices=PARTS, default="all")
    parser.add_argument("--vendors", type=int, default=40, help="vendors of the written world")
    parser.add_argument("--share", type=float, default=1.0, help="share of the corpus that is delivered to it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--misses", type=int, default=20, help="how many wrong verdicts to show")
    chosen = parser.parse_args()
    chosen.corpus = Path(os.environ.get("CANARY_CORPUS", ROOT / "../shared/corpus")).resolve()
    chosen.streams = Path(os.environ.get("CANARY_STREAMS", ROOT / "../shared/streams")).resolve()
    return chosen


def main() -> int:
    chosen = _arguments()
    missing = list(_missing(chosen))
    if missing:
        print("\n".join(missing), file=sys.stderr)
        return 2
    began = time.perf_counter()
    held = [show(chosen) for show in PARTS[chosen.what]]
    print(f"\n  {time.perf_counter() - began:.0f} s")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
