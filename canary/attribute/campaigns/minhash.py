"""How like two texts are: the estimated share of word pairs that they have in common (Jaccard), by MinHash."""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from struct import pack

from rensa import RMinHash

from canary.model.campaign import Sketch

PERMUTATIONS, BANDS = 96, 24
"""Four numbers make a band: texts of likeness .6 share one with p = .96, of .7 with .998, of .2 with .04."""

SEED = 42
ENOUGH_WORDS = 20
"""A shorter text has so few pairs of words that a common phrase makes it like another."""

ALIKE = 0.6

_VERSION = f"{RMinHash.ALGORITHM_VERSION}/{SEED}/{PERMUTATIONS}/{BANDS}/pairs"
"""Goes into every digest and band, so that sketches of different making never meet."""

_ROWS = PERMUTATIONS // BANDS * 4


def sketch(words: Sequence[str]) -> Sketch | None:
    """Return the sketch of a normal text, or None if it is too short or says the same words over and over."""
    pairs = {f"{a} {b}" for a, b in pairwise(words)}
    if len(pairs) < ENOUGH_WORDS - 1:
        return None
    minhash = RMinHash(num_perm=PERMUTATIONS, seed=SEED)
    minhash.update(sorted(pairs))
    signature = pack(f"<{PERMUTATIONS}I", *minhash.digest())
    bands = tuple(number(_VERSION, str(at), signature[at * _ROWS : (at + 1) * _ROWS].hex()) for at in range(BANDS))
    return Sketch(number(_VERSION, " ".join(words)), signature, bands)


def likeness(signature: bytes, others: Sequence[bytes]) -> list[float]:
    """Return how like a text is to each of others, from 0 to 1."""
    if not others:
        return []
    import numpy as np  # noqa: PLC0415 - a process at rest goes without

    mine = np.frombuffer(signature, dtype="<u4")
    theirs = np.frombuffer(b"".join(others), dtype="<u4").reshape(len(others), len(mine))
    return [float(share) for share in (theirs == mine).mean(axis=1)]


def number(*parts: str) -> int:
    """Return a signed 64-bit number that stands for these texts."""
    digest = blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
