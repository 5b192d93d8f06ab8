"""Secrets in the store are read with the key that sealed them, at the place they were sealed for, and by nothing else."""

import base64
from pathlib import Path

import pytest

from canary.store.sealed import SealBroken, Sealer


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return Sealer(tmp_path / "data" / "settings.key")


def test_what_was_sealed_is_opened_as_it_was(sealer: Sealer) -> None:
    sealed = sealer.seal({"url": "https://hooks.example/secret", "retiring": ["a", "b"]}, "destination ops")
    assert "hooks" not in sealed
    assert sealer.open(sealed, "destination ops") == {"url": "https://hooks.example/secret", "retiring": ["a", "b"]}


def test_the_same_values_are_never_sealed_the_same(sealer: Sealer) -> None:
    assert sealer.seal({"a": 1}, "x") != sealer.seal({"a": 1}, "x")


def test_the_key_is_for_its_user_alone(sealer: Sealer) -> None:
    sealer.seal({}, "x")
    assert sealer.file.stat().st_mode & 0o777 == 0o600


def test_what_was_sealed_for_one_place_is_not_opened_at_another(sealer: Sealer) -> None:
    sealed = sealer.seal({"url": "https://hooks.example"}, "destination ops")
    with pytest.raises(SealBroken, match="is not the one that sealed destination other"):
        sealer.open(sealed, "destination other")


@pytest.mark.parametrize("place", [0, 13, -1])
def test_what_was_changed_is_not_opened(sealer: Sealer, place: int) -> None:
    octets = bytearray(base64.b64decode(sealer.seal({"a": 1}, "x").removeprefix("1.")))
    octets[place] ^= 1
    with pytest.raises(SealBroken):
        sealer.open("1." + base64.b64encode(octets).decode(), "x")


@pytest.mark.parametrize("rubbish", ["", "1.", "1.AAAA", "no base64 !", "1.é"])
def test_rubbish_is_not_opened(sealer: Sealer, rubbish: str) -> None:
    sealer.seal({}, "x")
    with pytest.raises(SealBroken):
        sealer.open(rubbish, "x")


def test_a_lost_key_is_not_made_again_by_reading(sealer: Sealer) -> None:
    sealed = sealer.seal({"a": 1}, "x")
    sealer.file.unlink()
    with pytest.raises(SealBroken, match="is missing: put your copy of the key there, or remove what was sealed"):
        sealer.open(sealed, "x")
    assert not sealer.file.exists()


def test_another_key_and_half_a_key_are_named_with_the_cure(sealer: Sealer, tmp_path: Path) -> None:
    sealed, other = sealer.seal({"a": 1}, "x"), Sealer(tmp_path / "other.key")
    other.seal({}, "x")
    with pytest.raises(SealBroken, match="other.key: is not the one that sealed x"):
        other.open(sealed, "x")
    other.file.write_text("half")
    with pytest.raises(SealBroken, match="4 octets are too few for a key"):
        other.seal({}, "x")


def test_a_key_that_cannot_be_read_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "settings.key").mkdir()
    with pytest.raises(SealBroken, match="let the user that runs Canary read it"):
        Sealer(tmp_path / "settings.key").open("1.AAAA", "x")
