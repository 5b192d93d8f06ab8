"""Entry point: `canary`, or `python -m canary`."""

from canary.cli import app


def main() -> None:
    """Run a command and exit with its code."""
    app()


if __name__ == "__main__":
    main()
