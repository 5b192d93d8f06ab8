"""Runs the measurements named on the command line, each perhaps with options (`receive:quick`), or lists them."""

import importlib
import sys
from pathlib import Path

NAMES = sorted(f.stem for f in Path(__file__).parent.glob("*.py") if not f.stem.startswith("_"))


def main(names: list[str]) -> int:
    unknown = [name for name in names if name.split(":")[0] not in NAMES]
    if unknown or not names:
        print(f"usage: make bench ARGS='NAME[:OPTION...] ...'; there are: {', '.join(NAMES)}")
        return 2 if unknown else 0
    for word in names:
        name, *options = word.split(":")
        importlib.import_module(f"bench.{name}").main(*options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
