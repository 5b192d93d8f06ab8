"""The verifier as a program: reads a pack and checkpoints that were kept, and says what is proven and what is not."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from canary.evidence.pack_file import MOST_OCTETS
from canary.evidence.report import Basis, VerifyFinding, VerifyReport
from canary.evidence.verify import verify_pack

_LARGEST_NOTE = 64 * 1024


def verify_files(pack: Path, checkpoints: Sequence[Path] = ()) -> VerifyReport:
    """Verify the pack in a file, with the checkpoints in others; raises OSError."""
    octets = _read(pack, MOST_OCTETS)
    if octets is None:
        text = f"{pack} is larger than {MOST_OCTETS >> 20} MB: no evidence pack is."
        return VerifyReport((VerifyFinding(Basis.FAULT, "file", text),))
    return verify_pack(octets, read_checkpoints(checkpoints))


def read_checkpoints(files: Sequence[Path]) -> list[str]:
    """Read checkpoints that somebody kept; raises OSError."""
    return [(_read(file, _LARGEST_NOTE) or b"").decode("utf-8", "replace") for file in files]


def _read(file: Path, most: int) -> bytes | None:
    """Return what is in a file, None if it is longer than that."""
    with file.open("rb") as source:
        found = source.read(most + 1)
    return found if len(found) <= most else None


def main(arguments: Sequence[str], show: Callable[[str], object] = print) -> int:
    """Verify as asked on a command line; return 0 for a pack that holds, 1 for one that does not, 2 for wrong use."""
    parser = argparse.ArgumentParser(prog="verify", description="Verify a Canary evidence pack, offline.")
    parser.add_argument("pack", type=Path, help="the file of the pack")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        help="a checkpoint of the log that you kept; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args(arguments)
    try:
        report = verify_files(asked.pack, asked.checkpoint)
    except OSError as fault:
        show(f"{fault.filename}: cannot be read ({fault.strerror})")
        return 2
    for line in [json.dumps(report.document(), indent=2)] if asked.json else report.lines():
        show(line)
    return 0 if report.holds else 1
