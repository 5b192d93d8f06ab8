"""What is compiled is used unless its source has changed since, and the source can always be asked for."""

import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from canary.receive.compiled import is_outdated

CHILD = """
from canary.receive.compiled import is_compiled, prefer_sources
prefer_sources()
from canary.receive import session
print(session.__file__, is_compiled())
"""


def package(root: Path, *, changed_later: float) -> Path:
    folder = root / "canary" / "receive"
    folder.mkdir(parents=True)
    source, made = folder / "session.py", folder / f"session{EXTENSION_SUFFIXES[0]}"
    for path, at in ((source, 1000.0 + changed_later), (made, 1000.0)):
        path.touch()
        os.utime(path, (at, at))
    return folder


@pytest.mark.parametrize(("changed_later", "outdated"), [(-1.0, False), (0.0, False), (1.0, True)])
def test_a_source_changed_since_it_was_compiled_makes_it_outdated(
    tmp_path: Path, changed_later: float, outdated: bool
) -> None:
    folder = package(tmp_path, changed_later=changed_later)
    (tmp_path / "pyproject.toml").touch()
    assert is_outdated(folder) is outdated


def test_an_installed_package_is_never_outdated(tmp_path: Path) -> None:
    assert not is_outdated(package(tmp_path, changed_later=1.0))


def test_sources_are_read_where_they_are_preferred() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0].endswith("session.py")
    assert done.stdout.split()[1] == "False"
