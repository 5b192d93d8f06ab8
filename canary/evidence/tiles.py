"""A Merkle tree in tiles: each holds up to 256 hashes side by side, so that a proof reads few of them however large the log.

A tile of height 0 holds leaf hashes, one of height t hashes of perfect subtrees of 256^t leaves (after C2SP tlog-tiles).
"""

from collections.abc import Callable, Iterable, Mapping

from canary.evidence.tree import leaf_hash, node_hash

WIDTH, DEPTH = 256, 8
HASH = 32

Fetch = Callable[[int, int], bytes]
"""Returns the hashes of a tile, by its height and number, one after the other."""


class TiledTree:
    """The nodes of a tree whose tiles are fetched when they are needed, each once."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._read: dict[tuple[int, int], list[list[bytes]]] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a perfect subtree of 2^level leaves; raises LookupError for one that is not there."""
        height, above = divmod(level, DEPTH)
        tile, within = divmod(index << above, WIDTH)
        return self._rows(height, tile)[above][within >> above]

    def _rows(self, height: int, tile: int) -> list[list[bytes]]:
        if (height, tile) not in self._read:
            self._read[height, tile] = _pyramid(self._fetch(height, tile))
        return self._read[height, tile]


def _pyramid(tile: bytes) -> list[list[bytes]]:
    rows = [[tile[at : at + HASH] for at in range(0, len(tile), HASH)]]
    for _ in range(DEPTH - 1):
        below = rows[-1]
        rows.append([node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)])
    return rows


def append_leaves(fetch: Fetch, size: int, leaves: Iterable[bytes]) -> Mapping[tuple[int, int], bytes]:
    """Return the tiles that are new or longer after leaves were added to a tree of some size."""
    changed: dict[tuple[int, int], bytearray] = {}
    for number, data in enumerate(leaves, size):
        height, index, found = 0, number, leaf_hash(data)
        while True:
            tile, within = divmod(index, WIDTH)
            if (height, tile) not in changed:
                changed[height, tile] = bytearray(fetch(height, tile) if within else b"")
            changed[height, tile] += found
            if within != WIDTH - 1:
                break
            last = _pyramid(bytes(changed[height, tile]))[-1]
            height, index, found = height + 1, tile, node_hash(*last)
    return {place: bytes(tile) for place, tile in changed.items()}
