"""One role as a program: python -m canary.processes [--config FILE] [--watched] ROLE.

The supervisor starts its children by it, past the command line and all that this loads.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

from canary.private_files import keep_files_private
from canary.processes.faults import explain
from canary.processes.logs import log_to_stderr
from canary.processes.roles import run_role
from canary.settings import load_settings


def main() -> None:
    """Read what is to be run, and run it."""
    keep_files_private()
    parser = argparse.ArgumentParser(prog="canary.processes")
    parser.add_argument("role")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--watched", action="store_true", help="end when standard input does")
    wanted, settings = parser.parse_args(), None
    try:
        settings = load_settings(wanted.config, os.environ)
        log_to_stderr(settings.log.level, json_lines=settings.log.json_lines, mask=settings.mask)
        run_role(wanted.role, settings, config=wanted.config, watched=wanted.watched)
    except Exception as fault:  # noqa: BLE001 - the last resort: one line, never a traceback
        line, code = explain(fault, logging.ERROR)
        sys.stderr.write((settings.mask(line) if settings else line).rstrip() + "\n")
        sys.exit(code)


if __name__ == "__main__":
    main()
