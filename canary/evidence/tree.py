"""Merkle trees as of RFC 9162 section 2.1: roots, proofs that a leaf is in a tree, and that a tree only grew."""

import hashlib
from collections.abc import Callable, Sequence

Node = Callable[[int, int], bytes]
"""Returns the hash of the perfect subtree of 2^level leaves that has a number among those of its level."""

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node above two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_root(node: Node, size: int) -> bytes:
    """Return the root of the tree of the first leaves."""
    return _root(node, 0, size) if size else EMPTY_ROOT


def inclusion_proof(node: Node, index: int, size: int) -> list[bytes]:
    """Return the hashes that lead from a leaf to the root of the tree of that size."""
    begin, end, path = 0, size, list[bytes]()
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_root(node, middle, end))
            end = middle
        else:
            path.append(_root(node, begin, middle))
            begin = middle
    return path[::-1]


def consistency_proof(node: Node, old: int, new: int) -> list[bytes]:
    """Return the hashes that show that a tree of some size is the beginning of a larger one."""
    if not 0 < old < new:
        return []
    begin, end, whole, path = 0, new, True, list[bytes]()
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(_root(node, middle, end))
            end = middle
        else:
            path.append(_root(node, begin, middle))
            begin, whole = middle, False
    return [*([] if whole else [_root(node, begin, end)]), *path[::-1]]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a proof leads from a leaf at an index to the root of a tree (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    number, last, found = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            found = node_hash(other, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, other)
        number, last = number >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether a proof shows that the tree of the old root is the beginning of the new one (RFC 9162 2.1.4.2)."""
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new:
        return False
    # The root of a perfect tree is not in its proof: it is what is checked.
    path = [*([old_root] if old & (old - 1) == 0 else []), *proof]
    return bool(path) and _roots_above(old - 1, new - 1, path) == (old_root, new_root)


def _roots_above(number: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Return the two roots that the hashes of a consistency proof lead to, None where they lead nowhere."""
    while number & 1:
        number, last = number >> 1, last >> 1
    first = second = path[0]
    for other in path[1:]:
        if last == 0:
            return None
        if number & 1 or number == last:
            first, second = node_hash(other, first), node_hash(other, second)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            second = node_hash(second, other)
        number, last = number >> 1, last >> 1
    return (first, second) if last == 0 else None


def _root(node: Node, begin: int, end: int) -> bytes:
    size = end - begin
    level = size.bit_length() - 1
    if size == 1 << level and not begin % size:
        return node(level, begin >> level)
    middle = begin + _split(size)
    return node_hash(_root(node, begin, middle), _root(node, middle, end))


def _split(size: int) -> int:
    """Return the largest power of two that is smaller than a size."""
    return 1 << ((size - 1).bit_length() - 1)
