"""Everybody who is connected now: how many may come in, and how much memory their mails may take."""

import asyncio
from collections import Counter
from typing import Protocol

from canary.receive.admission import Limits


class Member(Protocol):
    """A session as the crowd sees it: where it is from, what it holds, whether it stores, whether it is gone."""

    storing: bool
    gone: bool

    @property
    def network(self) -> str:
        """The client's network."""

    @property
    def held(self) -> int:
        """The octets of a mail still being read."""

    def shed(self) -> int:
        """Lets go of that mail, to be sent again later; answers the octets set free."""

    def leave(self, *, at_once: bool = False) -> None:
        """Says goodbye when the transaction is over, or at once."""


class Crowd:
    """Counts sessions and the octets of mails not yet stored, and makes room at the cost of the biggest."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._networks: Counter[str] = Counter()
        self._octets = 0
        self.members: set[Member] = set()
        self.empty = asyncio.Event()
        self.empty.set()

    def enter(self, member: Member) -> bool:
        """Lets a session in, unless the house or its network's share of it is full."""
        full = len(self.members) >= self._limits.connections
        if full or self._networks[member.network] >= self._limits.connections_per_network:
            return False
        self.members.add(member)
        self._networks[member.network] += 1
        self.empty.clear()
        return True

    def leave(self, member: Member) -> None:
        """Forgets a session, if it was let in."""
        if member not in self.members:
            return
        self.members.remove(member)
        self._networks[member.network] -= 1
        if not self._networks[member.network]:
            del self._networks[member.network]
        if not self.members:
            self.empty.set()

    def hold(self, octets: int) -> None:
        """Counts octets taken (or given back, if negative); past the limit the biggest unfinished mail goes.

        So whoever fills the memory pays with his own mail, and small ones pass.
        """
        self._octets += octets
        if octets > 0 and self._octets > self._limits.memory:
            self._octets -= max(self.members, key=lambda member: member.held).shed()
