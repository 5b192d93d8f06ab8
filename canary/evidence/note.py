"""Signed notes and the checkpoints in them: how the state of a log is written down (C2SP signed-note, tlog-checkpoint)."""

import base64
import hashlib
from binascii import Error as NotBase64
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_DASH = "\u2014 "
LONGEST = 4096


class NoteError(ValueError):
    """A note is not in the form of one, or not signed by the key that it should be signed by."""


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """The name and the public key that signatures of a note are checked against."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four octets by which a signature names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The one-line form, as witnesses and monitors read it."""
        return f"{self.name}+{self.key_id.hex()}+{_encode(_ED25519 + self.public)}"


def read_verifier(text: str) -> NoteVerifier:
    """Read the one-line form of a verifier; raises NoteError."""
    name, _, rest = text.partition("+")
    key = _decode(rest.partition("+")[2])
    found = NoteVerifier(name, key[1:])
    if key[:1] != _ED25519 or len(key) != 33 or found.text != text:
        raise NoteError(f"{text[:80]!r}: is not the verification key of a log")
    return found


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """Return a text, which ends with a line end, as a note with one signature."""
    signer = NoteVerifier(name, key.public_key().public_bytes_raw())
    return f"{text}\n{_DASH}{name} {_encode(signer.key_id + key.sign(text.encode()))}\n"


def open_note(note: str, by: NoteVerifier) -> str:
    """Return the text of a note that bears one valid signature of a key; raises NoteError."""
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        name, _, value = line.removeprefix(_DASH).rpartition(" ")
        if line.startswith(_DASH) and name == by.name and (signature := _decode(value))[:4] == by.key_id:
            try:
                Ed25519PublicKey.from_public_bytes(by.public).verify(signature[4:], text.encode())
            except (InvalidSignature, ValueError):
                break
            return text
    raise NoteError(f"it is not signed by the key of {by.name}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log at some time: its name, how many leaves it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The form that is signed."""
        return f"{self.origin}\n{self.size}\n{_encode(self.root)}\n"


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint; raises NoteError."""
    lines = text.split("\n")
    if len(text) > LONGEST or len(lines) != 4 or not (lines[1].isascii() and lines[1].isdigit() and len(lines[1]) < 19):
        raise NoteError("it is not a checkpoint: give its name, size and root, a line each")
    found = Checkpoint(lines[0], int(lines[1]), _decode(lines[2]))
    if found.text != text or len(found.root) != 32:
        raise NoteError("it is not a checkpoint in its one form")
    return found


def _encode(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _decode(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (NotBase64, ValueError):
        raise NoteError(f"{text[:40]!r}: is not base64") from None
    if _encode(found) != text:
        raise NoteError(f"{text[:40]!r}: is not base64 in its one form")
    return found
