"""What is compiled is used unless its source has changed since, and the source can always be asked for."""

import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from uuid import uuid4

import pytest

from canary.smtp.compiled import is_outdated

CHILD = """
from canary.smtp.compiled import is_compiled, prefer_sources
prefer_sources()
from canary.smtp import session
print(session.__file__, is_compiled())
"""


LIBRARY = f"{uuid4().hex}__mypyc{EXTENSION_SUFFIXES[0]}"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one module of receiving and one of the model, compiled in time."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for folder in ("canary/smtp", "canary/model"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("Makefile", "canary/smtp/session.py", "canary/model/mail.py"):
        put(tmp_path / name, 0)
    for name in (LIBRARY, f"canary/smtp/session{EXTENSION_SUFFIXES[0]}"):
        put(tmp_path / name, 0)
    return tmp_path


def put(path: Path, later: float) -> None:
    path.touch()
    os.utime(path, (1000.0 + later, 1000.0 + later))


@pytest.mark.parametrize("source", ["canary/smtp/session.py", "canary/model/mail.py"])
@pytest.mark.parametrize(("later", "outdated"), [(-1.0, False), (0.0, False), (1.0, True)])
def test_a_source_changed_since_it_was_compiled_makes_it_outdated(
    checkout: Path, source: str, later: float, outdated: bool
) -> None:
    put(checkout / source, later)
    assert is_outdated(checkout / "canary/smtp") is outdated


def test_a_library_older_than_its_modules_is_outdated(checkout: Path) -> None:
    put(checkout / LIBRARY, -1)
    assert is_outdated(checkout / "canary/smtp")


def test_modules_whose_library_is_gone_are_outdated(checkout: Path) -> None:
    (checkout / LIBRARY).unlink()
    assert is_outdated(checkout / "canary/smtp")


def test_an_installed_package_is_never_outdated(checkout: Path) -> None:
    put(checkout / "canary/smtp/session.py", 1)
    (checkout / "Makefile").unlink()
    assert not is_outdated(checkout / "canary/smtp")


def test_sources_are_read_where_they_are_preferred() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0].endswith("session.py")
    assert done.stdout.split()[1] == "False"
