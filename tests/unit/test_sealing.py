"""What was sealed is read with its passphrase as it was, and with anything changed not at all."""

import io
import random

import pytest

from canary.processes.sealing import MAGIC, PIECE, RANDOM_OCTETS, SealedReader, SealError, SealingWriter

CHANCE = bytes(range(RANDOM_OCTETS))
HEAD = len(MAGIC) + RANDOM_OCTETS


def seal(content: bytes, step: int = 700_001) -> bytes:
    sink = io.BytesIO()
    writer = SealingWriter(sink, "secret", CHANCE)
    for start in range(0, len(content), step):
        writer.write(content[start : start + step])
    writer.close()
    return sink.getvalue()


def unseal(sealed: bytes, passphrase: str = "secret") -> bytes:
    source = io.BytesIO(sealed)
    assert source.read(len(MAGIC)) == MAGIC
    reader = SealedReader(source, passphrase)
    return b"".join(iter(lambda: reader.read(300_000), b""))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 5])
def test_what_was_sealed_is_read_as_it_was(size: int) -> None:
    content = random.Random(size).randbytes(size)
    sealed = seal(content)
    assert unseal(sealed) == content
    assert size < 16 or content[:16] not in sealed


CONTENT = random.Random(1).randbytes(2 * PIECE + 5)
END = PIECE + 16
CHANGED = {
    "cut off in a piece": lambda s: s[:-1],
    "cut off between pieces": lambda s: s[: HEAD + 2 * END],
    "a piece left out": lambda s: s[:HEAD] + s[HEAD + END :],
    "pieces exchanged": lambda s: s[:HEAD] + s[HEAD + END : HEAD + 2 * END] + s[HEAD : HEAD + END] + s[HEAD + 2 * END :],
    "one bit": lambda s: s[:-3] + bytes([s[-3] ^ 1]) + s[-2:],
    "another salt": lambda s: s[: len(MAGIC)] + b"x" + s[len(MAGIC) + 1 :],
    "more at the end": lambda s: s + b"x",
    "cut off in the head": lambda s: s[: HEAD - 1],
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_what_was_changed_is_refused(name: str) -> None:
    with pytest.raises(SealError):
        unseal(CHANGED[name](seal(CONTENT)))


def test_another_passphrase_opens_nothing() -> None:
    with pytest.raises(SealError, match="the passphrase is another one, or it is damaged"):
        unseal(seal(b"content"), "Secret")
