"""The facts that the page of a case shows; frozen, and read by `canary.views.case_pages`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from canary.cases.checklist import ChecklistItem
from canary.cases.claims import Evidence, HitAddress
from canary.cases.next_steps import Clock
from canary.cases.statements import AnsweredStatement
from canary.model.case import Findings
from canary.views.models import CaseLine, HitLine


@dataclass(frozen=True, slots=True)
class CanaryMark:
    """One address in the matrix: hit, quiet, or issued only after the last hit of the case."""

    address: str
    generation: int
    hit: bool
    there: bool = True

    @property
    def said(self) -> str:
        """Its state in words."""
        return "hit" if self.hit else "quiet" if self.there else "issued later"


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """The addresses of one vendor and channel; `shade` is the number of the supplier that had them, 0 for none."""

    marks: tuple[CanaryMark, ...]
    shade: int = 0


@dataclass(frozen=True, slots=True)
class Matrix:
    """Vendors by channels, with the suppliers that shade the cells, the likeliest first."""

    channels: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[MatrixCell, ...]], ...]
    shades: tuple[tuple[str, str], ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class CampaignShare:
    """A campaign in a case: how many of its mails are there, and what linked them."""

    id: int
    subject: str
    first_at: datetime
    last_at: datetime
    hits: int
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guessing:
    """How likely it is that addresses of a case were guessed: the worst chance of the random ones, else of all.

    `random` of the `struck` addresses cannot reasonably have been guessed, after `attempts` guesses at the domain.
    """

    struck: int
    random: int
    p: float
    attempts: int

    @property
    def all_random(self) -> bool:
        """Whether none of them could be guessed."""
        return self.random == self.struck

    @classmethod
    def of(cls, struck: Sequence[HitAddress]) -> "Guessing | None":
        """Sum up the chances of each address, if there are any."""
        hard = [each.chance for each in struck if each.chance.hard]
        worst = hard or [each.chance for each in struck]
        if not worst:
            return None
        return cls(len(struck), len(hard), max(c.p for c in worst), max(c.attempts for c in worst))


@dataclass(frozen=True, slots=True)
class CasePage:
    """The page of a case: suspects, evidence, statements, and what to do; `older` is the key of the next page of hits.

    `settling` is what would settle a case in which no leak leads, `explanation` the reason for which closing it as explained
    is proposed.
    """

    line: CaseLine
    owner: str
    outcome: str
    merged_into: int | None
    clock: Clock | None
    findings: Findings
    evidence: Evidence
    matrix: Matrix
    campaigns: tuple[CampaignShare, ...]
    heard: tuple[AnsweredStatement, ...]
    points: tuple[ChecklistItem, ...]
    proposals: tuple[int, ...]
    undoable: bool
    addressees: tuple[tuple[str, str], ...]
    vendors: tuple[tuple[str, str], ...]
    people: tuple[str, ...]
    ways: tuple[str, ...]
    hits: tuple[HitLine, ...]
    older: int | None
    events: tuple[tuple[datetime, str, str, str], ...]
    settling: tuple[str, ...] = ()
    explanation: str = ""

    @property
    def guessing(self) -> Guessing | None:
        """How likely it is that the addresses were guessed."""
        return Guessing.of(self.evidence.struck)
