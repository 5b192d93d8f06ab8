"""Mails in batches: so few octets are in memory at once."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

BATCH = 100
BATCH_OCTETS = 4 << 20

Progress = Callable[[int, int], None]
"""Called with how much of what is new was dealt with, and how much there is."""


class MailOfSize(Protocol):
    """A mail that is still to be read."""

    @property
    def size(self) -> int:
        """Its octets."""


Item = TypeVar("Item", bound=MailOfSize)


def batches(items: Sequence[Item], largest: int) -> Iterator[list[Item]]:
    """Group mails; one of more octets than the largest costs nothing, as it is not read."""
    batch, octets = list[Item](), 0
    for item in items:
        size = item.size if item.size <= largest else 0
        if batch and (len(batch) >= BATCH or octets + size > BATCH_OCTETS):
            yield batch
            batch, octets = [], 0
        batch.append(item)
        octets += size
    if batch:
        yield batch
