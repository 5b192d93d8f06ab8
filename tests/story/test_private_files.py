"""What an installation writes is for its own user alone, whatever umask it was started with."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary.private_files import exposed_files
from tests.processes import ROOT, House

pytestmark = pytest.mark.slow  # every command is a process of its own


@pytest.fixture
def open_handed() -> Iterator[None]:
    """The umask under which most systems start programs."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """What others than its user may do with each file and folder."""
    found = {str(path.relative_to(folder)): path.lstat().st_mode & 0o077 for path in folder.rglob("*")}
    return {name: oct(mode) for name, mode in found.items() if mode and name != "zone.json"}


@pytest.mark.usefixtures("open_handed")
def test_what_init_makes_can_be_read_by_its_user_only(tmp_path: Path) -> None:
    with House(tmp_path, {"CANARY_CONFIG": str(tmp_path / "etc/canary.toml")}).open() as house:
        house.canary("init", "--domain", "in.example")
        assert (tmp_path / "etc/canary.toml").exists()
        assert (tmp_path / "data/canary.db").exists()
        assert modes(tmp_path) == {}


@pytest.mark.usefixtures("open_handed")
def test_what_running_processes_make_can_be_read_by_their_user_only(tmp_path: Path) -> None:
    listen = json.dumps([f"lmtp:{tmp_path}/data/lmtp.sock"])
    with House(tmp_path, {"CANARY_SMTP__LISTEN": listen}).open() as house:
        house.vendor("Shop", "shop.example")
        with house.running("up", until=("smtp listening", "web listening", "worker ready")) as running:
            with running.client() as client:
                client.sendmail("a@b.example", ["postmaster@in.example"], b"Subject: x\r\n\r\nx\r\n")
            made = {path.name for path in (tmp_path / "data").rglob("*")}
            assert {"canary.db", "secret.key", "smtp.db", "lmtp.sock"} <= made
            assert modes(tmp_path) == {}


@pytest.mark.usefixtures("open_handed")
def test_the_doctor_names_what_others_can_read_and_how_to_end_that(tmp_path: Path) -> None:
    with House(tmp_path).open() as house:
        house.canary("vendor", "list")
        assert checked(house) == (True, "private")
        store = tmp_path / "data/canary.db"
        store.chmod(0o644)
        assert checked(house) == (False, f"{store} can be read by others; run chmod -R go= {tmp_path}/data")
        subprocess.run(["chmod", "-R", "go=", str(tmp_path / "data")], check=True)
        assert checked(house) == (True, "private")


@pytest.mark.usefixtures("open_handed")
def test_the_doctor_names_settings_with_secrets_that_everybody_can_read(tmp_path: Path) -> None:
    written = tmp_path / "canary.toml"
    written.write_text('[alert.destinations.ops]\nkind = "slack"\nurl = "https://hooks.example/T0ken"\n')
    with House(tmp_path, {"CANARY_CONFIG": str(written)}).open() as house:
        house.canary("vendor", "list")
        assert checked(house) == (
            False,
            f"{written} holds secrets and can be read by everybody; run chmod o= {written}",
        )
        written.chmod(0o640)
        assert checked(house) == (True, "private")


def test_sockets_links_and_what_is_gone_are_no_finding(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert exposed_files(tmp_path, tmp_path / "gone") == []


def checked(house: House) -> tuple[bool, str]:
    """What the doctor says of files."""
    told = subprocess.run(
        [sys.executable, "-m", "canary", "doctor", "--json"],
        env=house.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    [found] = [row for row in json.loads(told.stdout) if row["check"] == "files"]
    return found["fine"], found["text"]
