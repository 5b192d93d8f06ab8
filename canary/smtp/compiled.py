"""What every mail passes through may be compiled (pyproject.toml says which modules); the same source runs either way."""

import sys
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path

_FOLDER = Path(__file__).parent
_SUFFIX = EXTENSION_SUFFIXES[0]


def is_compiled() -> bool:
    """Whether mails pass through compiled modules here."""
    spec = find_spec("canary.smtp.session")
    return bool(spec and spec.origin and spec.origin.endswith(_SUFFIX))


def is_outdated(folder: Path = _FOLDER) -> bool:
    """Whether a checkout has compiled modules that are not of its present source; an installed package never has.

    All that is compiled lies in one library, perhaps elsewhere on the path; what it knows of the model is compiled in.
    """
    root = folder.parent.parent
    modules = list(folder.glob(f"*{_SUFFIX}"))
    if not modules or not (root / "Makefile").exists():
        return False
    found = [find_spec(path.name.removesuffix(_SUFFIX)) for path in root.glob(f"*__mypyc{_SUFFIX}")]
    libraries = [Path(spec.origin) for spec in found if spec and spec.origin]
    sources = [path for package in (folder, folder.parent / "model") for path in package.glob("*.py")]
    return not libraries or max(map(_time, sources)) > min(map(_time, modules + libraries))


def _time(path: Path) -> float:
    return path.stat().st_mtime


def prefer_sources() -> None:
    """Has the modules beside this one read from source, compiled or not; too late for those that are loaded."""
    kinds = (SourceFileLoader, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES)
    sys.path_importer_cache[str(_FOLDER)] = FileFinder(str(_FOLDER), *kinds)
