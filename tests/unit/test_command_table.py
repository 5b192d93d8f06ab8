"""All commands of the command line: their help, their forms, and what they load."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from canary.cli import SECTIONS, app
from canary.cli.groups import LazyCommand

ROOT = Path(__file__).parents[2]
TABLE = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
MAIL = ROOT / "tests/cases/verdicts/04-impersonation-policy/mail.eml"

WITHOUT_JSON = {
    "init", "up", "smtp", "worker", "web", "mailboxes", "ingest", "demo",
    "filter sieve", "filter gmail",  # scripts for other programs
    "inlet add", "inlet remove", "inlet read",
    "issue",  # has --format, which knows JSON
    "user add", "user password", "user remove",
    "alert mute", "alert snooze", "alert unmute", "alert ack",
    "letter set", "letter reset",
    "vendor supplier add", "vendor supplier remove",
}  # fmt: skip
"""Commands that read nothing: they start, set or change something, and print at most a line about it."""

HEAVY = {
    "alembic", "apscheduler", "argon2", "dns", "fastapi", "httpx", "jinja2", "numpy", "prometheus_client",
    "pydantic_settings", "rensa", "rich", "sqlalchemy", "sqlmodel", "starlette", "uvicorn",
}  # fmt: skip


def commands(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command with the words that call it."""
    if not hasattr(found, "list_commands"):
        yield path, found
        return
    for name in found.list_commands(None):
        yield from commands(found.get_command(None, name), f"{path} {name}".strip())


ALL = dict(commands(get_command(app)))


@pytest.mark.parametrize(("name", "entry"), TABLE.items(), ids=TABLE)
def test_the_help_of_the_table_is_the_first_sentence_of_the_command(name: str, entry: LazyCommand) -> None:
    command = entry.load(name)
    assert (command.name, " ".join(command.help.partition("\n\n")[0].split())) == (name, entry.help)


def test_help_lists_every_command_in_its_section() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "canary", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    listed = [line.split()[0] for line in done.stdout.partition("Set up and run:")[2].splitlines() if line[:3].strip()]
    assert [word for word in listed if word in TABLE] == list(TABLE)


def test_every_reading_command_takes_json() -> None:
    without = {path for path, command in ALL.items() if not any("--json" in p.opts for p in command.params)}
    assert without == WITHOUT_JSON


@pytest.mark.parametrize("path", ALL)
def test_every_command_says_what_it_does_in_one_sentence(path: str) -> None:
    text = ALL[path].help
    assert text
    assert text.endswith(".")
    assert "\n\n" not in text.strip()


@pytest.mark.parametrize("path", ALL)
def test_every_argument_and_option_is_explained(path: str) -> None:
    assert [p.name for p in ALL[path].params if not p.help and not getattr(p, "hidden", False)] == []


def is_command(words: list[str]) -> bool:
    """Whether words begin with those that call a command, or name a group."""
    groups = {path.rpartition(" ")[0] for path in ALL} | {path.split()[0] for path in ALL if " " in path}
    return any(" ".join(words[:length]) in ALL for length in (1, 2, 3)) or " ".join(words) in groups


def test_every_command_that_a_page_or_a_message_names_exists() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "canary").rglob("*.py")]
    named = {
        (page.name, words)
        for page in pages
        for words in re.findall(r"(?:`|^ {4})canary ((?:[a-z]+ ?)+)", page.read_text(), re.MULTILINE)
    }
    assert len(named) > 50
    assert [each for each in named if not is_command(each[1].split())] == []


def loaded_by(*arguments: str) -> set[str]:
    """Run a command in a process of its own, and return the top-level packages that it loaded."""
    script = (
        "import json, sys\n"
        "from canary.__main__ import main\n"
        "try:\n    main()\n"
        "except SystemExit as ended:\n    assert not ended.code, ended.code\n"
        "print('\\n' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


LIGHT: Mapping[tuple[str, ...], set[str]] = {
    ("--help",): {"asyncio", "cryptography", "pydantic", "email"},
    ("--version",): {"asyncio", "cryptography", "pydantic", "email"},
    ("smtp", "--help"): set(),
    ("case", "--help"): {"cryptography"},
    ("alert", "--help"): {"cryptography"},
    ("judge", str(MAIL), "--vendor-domain", "shop.example", "--offline"): set(),
    ("judge", str(MAIL), "--vendor-domain", "shop.example", "--offline", "--json"): set(),
}


@pytest.mark.parametrize("arguments", LIGHT, ids=lambda a: " ".join(a).replace(str(MAIL), "MAIL"))
def test_a_command_loads_only_what_it_needs(arguments: tuple[str, ...]) -> None:
    loaded = loaded_by(*arguments)
    assert "typer" in loaded
    assert loaded & (HEAVY | LIGHT[arguments]) == set()


@pytest.mark.parametrize("package", ["model", "mail", "authenticate", "judge"])
def test_a_pure_package_loads_nothing_heavy(package: str) -> None:
    script = (
        "import importlib, json, pkgutil, sys\n"
        f"package = importlib.import_module('canary.{package}')\n"
        "for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) & (HEAVY | {"pydantic", "asyncio"}) == set()
