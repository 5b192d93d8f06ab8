"""Entry point: `canary`, or `python -m canary`."""

from canary.cli import app
from canary.private_files import keep_files_private


def main() -> None:
    """Run a command and exit with its code."""
    keep_files_private()
    app()


if __name__ == "__main__":
    main()
