"""`canary backup` and `canary restore`: one file with everything, checked before anything is put in place."""

import io
import json
import sqlite3
import tarfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from canary.processes import postgres_dump
from tests.commands import CommandLine, installation

pytestmark = [pytest.mark.slow, pytest.mark.everyday]  # every test migrates a store of its own


@pytest.fixture
def house(tmp_path: Path) -> Iterator[CommandLine]:
    folder = tmp_path / "first"
    folder.mkdir()
    with installation(folder) as found:
        found.canary("init", "--domain", "in.example")
        found.canary("vendor", "add", "City Library", "--domain", "library.example")
        found.canary("issue", "city-library", "--count", "3")
        yield found


@pytest.fixture
def file(house: CommandLine, tmp_path: Path) -> Path:
    house.canary("backup", str(tmp_path / "b.tar"))
    return tmp_path / "b.tar"


def restored(house: CommandLine, folder: Path, *arguments: str, **more: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        folder.mkdir(exist_ok=True)
        patch.chdir(folder)
        patch.setenv("CANARY_DATA", str(folder / "data"))
        for name, value in more.items():
            patch.setenv(name, value)
        return house(*arguments)


def test_what_is_restored_works_as_before(house: CommandLine, file: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    done = restored(house, second, "restore", str(file), "--json").document
    assert done["data"] == str(second / "data")
    assert restored(house, second, "canaries", "--json").document == house("canaries", "--json").document
    for name in ("secret.key", "decoy.key", "installation.id"):
        assert (second / "data" / name).read_bytes() == (house.folder / "data" / name).read_bytes()


def test_the_settings_name_the_new_data_folder_and_are_else_as_they_were(
    house: CommandLine, file: Path, tmp_path: Path
) -> None:
    second, old = tmp_path / "second", str(house.folder / "data")
    done = restored(house, second, "restore", str(file), "--json").document
    before, after = (house.folder / "canary.toml").read_text(), (second / "data/canary.toml").read_text()
    assert (done["moved_from"], after) == (old, before.replace(f'"{old}"', f'"{second}/data"'))
    assert tomllib.loads(after)["data"] == str(second / "data")


def test_restored_where_it_was_the_settings_are_as_they_were(house: CommandLine, file: Path, tmp_path: Path) -> None:
    before = (house.folder / "canary.toml").read_text()
    house.store.close()
    (house.folder / "data").rename(tmp_path / "lost")
    (house.folder / "canary.toml").unlink()
    assert house("restore", str(file), "--json").document["moved_from"] == ""
    assert (house.folder / "data/canary.toml").read_text() == before


def test_only_the_owner_may_read_a_backup_and_what_is_restored(house: CommandLine, file: Path, tmp_path: Path) -> None:
    restored(house, tmp_path / "second", "restore", str(file))
    made = [each for each in (tmp_path / "second/data").rglob("*") if each.is_file()]
    assert {each.stat().st_mode & 0o777 for each in (file, *made)} == {0o600}
    assert (tmp_path / "second/data").stat().st_mode & 0o777 == 0o700


def test_a_file_that_a_setting_names_elsewhere_comes_along_and_its_place_is_named(
    house: CommandLine, tmp_path: Path
) -> None:
    zone = house.folder / "zone.json"
    house.canary("backup", str(tmp_path / "b.tar"))
    done = restored(house, tmp_path / "second", "restore", str(tmp_path / "b.tar"), "--json").document
    [place] = [each["is"] for each in done["outside"] if each["was"] == str(zone)]
    assert Path(place).read_bytes() == zone.read_bytes()
    assert "CANARY_DNS__ZONE" in done["environment"]


def test_the_manifest_comes_first_and_names_every_file_with_its_digest(house: CommandLine, file: Path) -> None:
    with tarfile.open(file) as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile(names[0]))  # type: ignore[arg-type]
    assert [names[0], *(each["name"] for each in manifest["files"])] == ["manifest.json", *names[1:]]
    assert "store/canary.db" in names
    assert {len(each["sha256"]) for each in manifest["files"]} == {64}


def test_an_encrypted_backup_shows_nothing_and_opens_with_its_passphrase_only(
    house: CommandLine, tmp_path: Path
) -> None:
    file, words = tmp_path / "b.sealed", tmp_path / "words"
    words.write_text("four plain words here\n")
    said = house("backup", str(file), "--passphrase-file", str(words), "--json").document
    assert (said["encrypted"], b"City Library" in file.read_bytes()) == (True, False)
    wrong = restored(house, tmp_path / "second", "restore", str(file), CANARY_PASSPHRASE="five plain words")
    assert (wrong.code, "the passphrase is another one" in wrong.err, wrong.err.count("\n")) == (1, True, 1)
    assert not (tmp_path / "second/data").exists()
    right = restored(house, tmp_path / "second", "restore", str(file), CANARY_PASSPHRASE="four plain words here")
    assert right.code == 0


def test_a_passphrase_is_asked_for_where_none_is_given(house: CommandLine, tmp_path: Path) -> None:
    done = house("backup", str(tmp_path / "b"), "--encrypt", text="some words\nsome words\n")
    assert done.code == 0
    assert "sealed with the passphrase" in done.out


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write a backup again with some files changed."""
    with tarfile.open(file) as tar:
        held = {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]
    change(held)
    with tarfile.open(file, "w") as tar:
        for name, content in held.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file


def as_in_manifest(**values: object) -> Callable[[dict[str, bytes]], None]:
    def change(held: dict[str, bytes]) -> None:
        held["manifest.json"] = json.dumps(json.loads(held["manifest.json"]) | values).encode()

    return change


def with_octet_changed(held: dict[str, bytes]) -> None:
    held["data/secret.key"] = b"0" * len(held["data/secret.key"])


def with_file_outside(held: dict[str, bytes]) -> None:
    manifest = json.loads(held["manifest.json"])
    manifest["files"].append({"name": "data/../../evil", "octets": 1, "sha256": "0", "was": ""})
    held |= {"manifest.json": json.dumps(manifest).encode(), "data/../../evil": b"x"}


REFUSED = {
    "a newer version": (as_in_manifest(canary="99.0"), "made by a newer version (99.0"),
    "a newer schema": (as_in_manifest(schema="9999"), "made by a newer version"),
    "a newer format": (as_in_manifest(format=2), "made by a newer version"),
    "another kind of store": (as_in_manifest(store="postgresql"), "its store is postgresql and store.url here is sqlite"),
    "a changed file": (with_octet_changed, "'data/secret.key' is damaged"),
    "a missing file": (lambda held: held.pop("store/canary.db"), "'store/canary.db' is missing"),
    "a further file": (lambda held: held.update({"data/more": b"x"}), "'data/more' is not as the manifest has it"),
    "a file that leads out": (with_file_outside, "is not as the manifest has it"),
    "no manifest": (lambda held: held.pop("manifest.json"), "is no backup of Canary"),
    "a manifest of something else": (lambda held: held.update({"manifest.json": b"[]"}), "is no backup of Canary"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_restored_is_refused_in_one_line_and_nothing_is_left(
    house: CommandLine, file: Path, tmp_path: Path, name: str
) -> None:
    change, said = REFUSED[name]
    rewritten(file, change)
    done = restored(house, tmp_path / "second", "restore", str(file))
    assert (done.code, said in done.err, done.err.count("\n")) == (1, True, 1), done.err
    assert list((tmp_path / "second").iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("octets", [0, 100, 5000])
def test_a_backup_that_is_cut_off_is_refused_in_one_line(
    house: CommandLine, file: Path, tmp_path: Path, octets: int
) -> None:
    file.write_bytes(file.read_bytes()[:octets])
    done = restored(house, tmp_path / "second", "restore", str(file))
    assert (done.code, done.err.count("\n"), list((tmp_path / "second").iterdir())) == (1, 1, []), done.err


def test_nothing_is_restored_over_an_installation(house: CommandLine, file: Path) -> None:
    done = house("restore", str(file))
    assert (done.code, "is in use or not empty" in done.err, done.err.count("\n")) == (1, True, 1)


def test_nothing_is_restored_over_a_store_elsewhere(house: CommandLine, file: Path, tmp_path: Path) -> None:
    place = tmp_path / "there.db"
    sqlite3.connect(place).close()
    place.touch()
    done = restored(house, tmp_path / "second", "restore", str(file), CANARY_STORE__URL=f"sqlite:///{place}")
    assert (done.code, "a store is there already" in done.err) == (1, True)


def test_a_backup_is_made_in_a_new_file_outside_of_the_data_folder_only(
    house: CommandLine, file: Path, tmp_path: Path
) -> None:
    said = [house("backup", str(to)) for to in (file, tmp_path / "no/b.tar", house.folder / "data/b.tar")]
    assert [(done.code, done.err.count("\n")) for done in said] == [(1, 1)] * 3
    assert [
        "is there already" in said[0].err,
        "does not exist" in said[1].err,
        "data folder itself" in said[2].err,
    ] == [True] * 3
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.tar", "first"]


def test_without_the_programs_of_postgresql_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(postgres_dump.DumpError, match="^pg_dump: is not installed; install the client programs"):
        postgres_dump.dump_database("postgresql+psycopg://u@/x", tmp_path / "d" / "dump")
