"""Measures how good verdicts are on real mail and prints the table: `make quality` (ARGS="--misses 40 --vendors 12")."""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from canary.store.database import Database
from tests.quality.measure import figures, report
from tests.quality.replay import Run, replay
from tests.quality.world import Scale, build

ROOT = Path(__file__).parent.parent.parent


def measured(scale: Scale, corpus: Path, folder: Path) -> Run:
    """Build a world in a folder and send it through the pipeline."""
    store = Database(f"sqlite:///{folder}/canary.db")
    store.migrate()
    try:
        return asyncio.run(replay(store, build(store, scale, corpus)))
    finally:
        store.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make quality", description=__doc__)
    parser.add_argument("--vendors", type=int, default=40)
    parser.add_argument("--share", type=float, default=1.0, help="share of the corpus that is delivered")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--misses", type=int, default=20, help="how many wrong verdicts to show")
    chosen = parser.parse_args()
    corpus = Path(os.environ.get("CANARY_CORPUS", ROOT / "../shared/corpus"))
    if not corpus.is_dir():
        print(f"CANARY_CORPUS: no real mail at {corpus}; set it to a folder of mail", file=sys.stderr)
        return 2
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = measured(Scale(chosen.vendors, chosen.share, chosen.seed), corpus.resolve(), Path(folder))
    print("\n".join(report(run, chosen.misses)))
    print(f"\n  {time.perf_counter() - began:.0f} s")
    return 0 if all(figure.holds for figure in figures(run)) else 1


if __name__ == "__main__":
    sys.exit(main())
