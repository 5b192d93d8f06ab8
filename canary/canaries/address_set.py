"""A set of very many addresses in few octets: of each only a hash is kept."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable

_MASK = (1 << 64) - 1
_SHIFT = 52
"""The first 12 bits of a hash choose one of 4096 parts, each of which is small enough to be replaced."""


class AddressSet:
    """Addresses that are added and never removed; a million take less than ten megabytes.

    The hash is the interpreter's own of 64 bits, whose key is another in every process: that one of a million tries hits
    a million addresses by chance has a probability of 1 in 10 million, and nobody can prepare for it. One thread may add
    while others look.
    """

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        self._parts = [array("Q")] * (1 << 64 - _SHIFT)  # all may be the same one, as none ever changes
        self._count = 0
        self.update(addresses)

    def __contains__(self, address: object) -> bool:
        number = hash(address) & _MASK
        part = self._parts[number >> _SHIFT]
        place = bisect_left(part, number)
        return place < len(part) and part[place] == number

    def __len__(self) -> int:
        return self._count

    def update(self, addresses: Iterable[str]) -> None:
        """Adds addresses."""
        for address in addresses:
            self._add(address)

    def add_missing(self, addresses: Iterable[str]) -> list[str]:
        """Adds addresses, and returns those that were not there."""
        return [address for address in addresses if self._add(address)]

    def _add(self, address: str) -> bool:
        number = hash(address) & _MASK
        part = self._parts[number >> _SHIFT]
        place = bisect_left(part, number)
        if place < len(part) and part[place] == number:
            return False
        # A part never changes: who looks meanwhile has the one from before.
        self._parts[number >> _SHIFT] = part[:place] + array("Q", (number,)) + part[place:]
        self._count += 1
        return True
