"""The verifier as one file: a zipapp of Canary's own pure modules, rfc3161-client and numpy, which needs no installation.

It runs where there is a Python with `cryptography`. The two packages that are compiled are unpacked into a temporary
folder when it starts, unless that Python has them; where they are made for another machine, it says what it could not check.
"""

import ast
import zipfile
from collections.abc import Iterator
from importlib.metadata import files
from io import BytesIO
from pathlib import Path

import canary

ENTRY = "canary.evidence.verifier"
_ROOT = Path(canary.__file__).parent.parent
_COMPILED = {"rfc3161_client": "rfc3161-client", "numpy": "numpy"}
_NOT_NEEDED = ("/tests/", "/f2py/", "/distutils/", "/testing/", "/_pyinstaller/", "/include/", "/doc/", "__pycache__")
_ENDINGS = (".py", ".so", ".pyd", ".dylib", ".dll")

_MAIN = '''\
"""Verify a Canary evidence pack: python verify.pyz PACK [--checkpoint FILE] [--json]"""
import importlib.util, shutil, sys, tempfile, zipfile

def main():
    folder = tempfile.mkdtemp(prefix="canary-verify-")
    try:
        wanted = tuple(f"compiled/{name}" for name in NAMES if importlib.util.find_spec(name) is None)
        if wanted:
            with zipfile.ZipFile(sys.argv[0]) as archive:
                archive.extractall(folder, [name for name in archive.namelist() if name.startswith(wanted)])
            sys.path.append(f"{folder}/compiled")
        from canary.evidence.verifier import main as verify
        return verify(sys.argv[1:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)

sys.exit(main())
'''


def verifier_file() -> bytes:
    """Return the file of the verifier, the same for the same versions."""
    made = BytesIO(b"#!/usr/bin/env python3\n")
    made.seek(0, 2)
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        _add(archive, "__main__.py", _MAIN.replace("NAMES", repr(tuple(_COMPILED))).encode())
        for file in own_modules():
            _add(archive, str(file.relative_to(_ROOT)), file.read_bytes())
        for name in _COMPILED:
            for path, file in _files_of(name):
                _add(archive, f"compiled/{path}", file.read_bytes())
    return made.getvalue()


def own_modules() -> list[Path]:
    """Return the files of Canary's own modules that verifying needs, with those of their packages."""
    found: dict[str, Path] = {}
    left = [ENTRY]
    while left:
        name = left.pop()
        file = _file_of(name)
        if file is None or name in found:
            continue
        found[name] = file
        left += [name.rpartition(".")[0], *_imported(file)]
    return sorted(found.values())


def _file_of(module: str) -> Path | None:
    """Return the file of a module of ours."""
    path = _ROOT.joinpath(*module.split("."))
    return next((each for each in (path / "__init__.py", path.with_suffix(".py")) if each.is_file()), None)


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("canary"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("canary"):
            yield str(node.module)
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _files_of(package: str) -> Iterator[tuple[str, Path]]:
    """Yield the files of a compiled package, and of the libraries beside it, that running it needs."""
    for entry in sorted(files(_COMPILED[package]) or (), key=str):
        path = str(entry)
        inside = path.startswith((f"{package}/", f"{package}.libs/")) and not any(part in path for part in _NOT_NEEDED)
        if inside and (path.endswith(_ENDINGS) or ".so." in path):
            yield path, Path(str(entry.locate()))


def _add(archive: zipfile.ZipFile, name: str, octets: bytes) -> None:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    archive.writestr(entry, octets)
