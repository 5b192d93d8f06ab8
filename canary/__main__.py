"""Entry point: `canary`, or `python -m canary`."""

import sys

from canary.cli import app
from canary.cli.context import explain


def main() -> None:
    """Run a command; whatever goes wrong is told in one line on standard error."""
    try:
        app()
    except Exception as fault:  # noqa: BLE001 - the last resort: one line, never a traceback
        line, code = explain(fault)
        sys.stderr.write(line.rstrip() + "\n")
        sys.exit(code)


if __name__ == "__main__":
    main()
