"""What every mail passes through may be compiled (pyproject.toml says which modules); the same source runs either way."""

import sys
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path

_FOLDER = Path(__file__).parent
_SUFFIX = EXTENSION_SUFFIXES[0]


def is_compiled() -> bool:
    """Whether mails pass through compiled modules here."""
    spec = find_spec("canary.receive.session")
    return bool(spec and spec.origin and spec.origin.endswith(_SUFFIX))


def is_outdated(folder: Path = _FOLDER) -> bool:
    """Whether a module of a checkout has been changed since it was compiled; an installed package never is."""
    if not (folder.parent.parent / "pyproject.toml").exists():
        return False
    pairs = ((path, path.with_name(path.name.removesuffix(_SUFFIX) + ".py")) for path in folder.glob(f"*{_SUFFIX}"))
    return any(source.exists() and source.stat().st_mtime > made.stat().st_mtime for made, source in pairs)


def prefer_sources() -> None:
    """Has the modules beside this one read from source, compiled or not; too late for those that are loaded."""
    kinds = (SourceFileLoader, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES)
    sys.path_importer_cache[str(_FOLDER)] = FileFinder(str(_FOLDER), *kinds)
