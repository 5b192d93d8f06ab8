"""The facts that the page of a case shows; frozen, and read by `canary.store.case_pages`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canary.attribute.claims import Evidence
from canary.attribute.todo import Clock
from canary.store.desk import Point
from canary.store.lines import CaseLine, HitLine
from canary.store.statements import Heard


@dataclass(frozen=True, slots=True)
class Mark:
    """One address in the matrix: hit, quiet, or issued only after the last hit of the case."""

    address: str
    generation: int
    hit: bool
    there: bool = True

    @property
    def said(self) -> str:
        """How it stands, in a word."""
        return "hit" if self.hit else "quiet" if self.there else "not there at the time"


@dataclass(frozen=True, slots=True)
class Cell:
    """The addresses of one vendor and channel; `shade` is the number of the supplier that had them, 0 for none."""

    marks: tuple[Mark, ...]
    shade: int = 0


@dataclass(frozen=True, slots=True)
class Matrix:
    """Vendors by channels, with the suppliers whose shades the cells bear, the likeliest first."""

    channels: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]
    shades: tuple[tuple[str, str], ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class CampaignShare:
    """A campaign in a case: how many of its mails came there, and what linked them."""

    id: int
    subject: str
    first_at: datetime
    last_at: datetime
    hits: int
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CasePage:
    """Who may have leaked, how we know, what was said, and what to do; `older` is the key of the next page of hits."""

    line: CaseLine
    owner: str
    outcome: str
    merged_into: int | None
    clock: Clock | None
    findings: Mapping[str, Any]
    evidence: Evidence
    matrix: Matrix
    campaigns: tuple[CampaignShare, ...]
    heard: tuple[Heard, ...]
    points: tuple[Point, ...]
    proposals: tuple[int, ...]
    undoable: bool
    addressees: tuple[tuple[str, str], ...]
    vendors: tuple[tuple[str, str], ...]
    people: tuple[str, ...]
    ways: tuple[str, ...]
    hits: tuple[HitLine, ...]
    older: int | None
    events: tuple[tuple[datetime, str, str, str], ...]
