"""Where the files are that ship with the program."""

from pathlib import Path


def config_folder() -> Path:
    """Return the folder of the files that ship with the program: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    return package / "config" if (package / "config").is_dir() else package.parent / "config"
