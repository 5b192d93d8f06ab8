"""Merkle trees, checkpoints and blinded leaves: as the standards have them, and nothing else passes."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from canary.evidence.commitment import OpeningError, commit_fields, leaf_of, open_leaf, read_opening
from canary.evidence.note import (
    Checkpoint,
    NoteError,
    NoteVerifier,
    open_note,
    read_checkpoint,
    read_verifier,
    sign_note,
)
from canary.evidence.tiles import TiledTree, append_leaves
from canary.evidence.tree import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# The leaves and roots that implementations of Certificate Transparency are tested with.
LEAVES = [
    bytes.fromhex(each)
    for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


class Tree:
    """A tree in tiles that are kept in a dict."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.size = 0

    def add(self, leaves: list[bytes]) -> None:
        self.tiles |= append_leaves(self._fetch, self.size, leaves)
        self.size += len(leaves)

    def _fetch(self, height: int, number: int) -> bytes:
        return self.tiles[height, number]

    def node(self, level: int, index: int) -> bytes:
        return TiledTree(self._fetch).node(level, index)

    def root(self, size: int) -> bytes:
        return tree_root(self.node, size)


def numbered(count: int) -> list[bytes]:
    return [f"leaf {number}".encode() for number in range(count)]


@pytest.fixture(scope="module")
def large() -> Tree:
    tree = Tree()
    for count in (1, 255, 1, 300, 70_000):
        tree.add(numbered(tree.size + count)[tree.size :])
    return tree


def test_roots_are_those_of_the_standard() -> None:
    tree = Tree()
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        tree.add([leaf])
        assert tree.root(tree.size).hex() == root
    assert tree.root(0) == EMPTY_ROOT


@given(st.data())
def test_a_leaf_is_proven_at_its_place_and_nowhere_else(large: Tree, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, large.size))
    index = data.draw(st.integers(0, size - 1))
    root, proof = large.root(size), inclusion_proof(large.node, index, size)
    leaf = leaf_hash(f"leaf {index}".encode())
    assert verify_inclusion(leaf, index, size, proof, root)
    assert not verify_inclusion(leaf, index + 1, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
    assert not verify_inclusion(leaf, index, size, [*proof, bytes(32)], root)
    assert not proof or not verify_inclusion(leaf, index, size, proof[:-1], root)


@given(st.data())
def test_a_tree_is_proven_to_be_the_beginning_of_another(large: Tree, data: st.DataObject) -> None:
    new = data.draw(st.integers(2, large.size))
    old = data.draw(st.integers(1, new - 1))
    proof = consistency_proof(large.node, old, new)
    assert verify_consistency(old, new, proof, large.root(old), large.root(new))
    assert not verify_consistency(old, new, proof, bytes(32), large.root(new))
    assert not verify_consistency(old, new, proof, large.root(old), bytes(32))
    assert not verify_consistency(old, new, proof[:-1], large.root(old), large.root(new))


def test_a_proof_reads_few_tiles_however_large_the_tree(large: Tree) -> None:
    read = []

    def fetch(height: int, number: int) -> bytes:
        read.append((height, number))
        return large.tiles[height, number]

    inclusion_proof(TiledTree(fetch).node, 31_337, large.size)
    assert len(read) <= 6


FIELDS = {"address": "a@b.example", "vendor": "play", "bits": 60.0, "persona": {"phone": "1"}}
NONCE = bytes(range(32))
LEAF = leaf_of("issue", commit_fields(FIELDS, NONCE))


def test_an_opening_leads_to_the_leaf() -> None:
    assert read_opening(open_leaf("issue", FIELDS, NONCE)).leaf == LEAF


def test_what_is_hidden_is_not_in_an_opening_and_the_leaf_is_the_same() -> None:
    opened = open_leaf("issue", FIELDS, NONCE, ["address", "persona"])
    assert "a@b.example" not in str(opened)
    found = read_opening(opened)
    assert (found.leaf, set(found.values)) == (LEAF, {"vendor", "bits"})


def test_a_field_that_changed_since_is_hidden_by_what_was_held_of_it() -> None:
    held = commit_fields({"bits": 60.0}, NONCE)
    found = read_opening(open_leaf("issue", {**FIELDS, "bits": 20.0}, NONCE, (), held))
    assert (found.leaf, "bits" in found.values) == (LEAF, False)


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_can_be_opened_as_something_else(name: str) -> None:
    opened = open_leaf("issue", FIELDS, NONCE)
    opened["fields"][name][1] = "another"
    assert read_opening(opened).leaf != LEAF


@pytest.mark.parametrize(
    "opened",
    [
        {},
        {"kind": "issue", "fields": []},
        {"kind": 7, "fields": {}},
        {"kind": "issue", "fields": {"a": ["00", 1]}},
        {"kind": "issue", "fields": {"a": ["AA" * 32, 1]}},
        {"kind": "issue", "fields": {"a": ["00" * 32, 1]}, "hidden": {"a": "00" * 32}},
    ],
)
def test_what_is_not_in_the_form_of_an_opening_opens_nothing(opened: dict[str, object]) -> None:
    with pytest.raises(OpeningError):
        read_opening(opened)


@pytest.fixture(scope="module")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture(scope="module")
def verifier(key: Ed25519PrivateKey) -> NoteVerifier:
    return NoteVerifier("log.example", key.public_key().public_bytes_raw())


def test_a_checkpoint_is_read_as_it_was_signed(key: Ed25519PrivateKey, verifier: NoteVerifier) -> None:
    made = Checkpoint("log.example", 7, bytes(32))
    assert read_checkpoint(open_note(sign_note(made.text, "log.example", key), verifier)) == made
    assert read_verifier(verifier.text) == verifier


@given(st.data())
def test_no_bit_of_a_note_can_be_changed(key: Ed25519PrivateKey, verifier: NoteVerifier, data: st.DataObject) -> None:
    note = sign_note(Checkpoint("log.example", 7, bytes(32)).text, "log.example", key).encode()
    at = data.draw(st.integers(0, len(note) * 8 - 9))
    changed = bytearray(note)
    changed[at // 8] ^= 1 << at % 8
    with pytest.raises(NoteError):
        open_note(changed.decode("utf-8", "replace"), verifier)


@pytest.mark.parametrize(
    "text",
    ["", "log\n1\n", "log\n01\nAAAA\n", "log\n-1\nAAAA\n", "log\n²\nAAAA\n", f"log\n{'9' * 30}\nAAAA\n", "log\n1\nAA=A\n", "log\n1\nAAAA\n"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_not_read(text: str) -> None:
    with pytest.raises(NoteError):
        read_checkpoint(text)


@pytest.mark.parametrize("text", ["", "log", "log+00000000+AAAA", "log+zz+@@"])
def test_what_is_no_key_of_a_log_is_not_read(text: str) -> None:
    with pytest.raises(NoteError):
        read_verifier(text)
