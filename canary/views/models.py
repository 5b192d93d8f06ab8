"""Read models that several pages share: frozen facts, one class for each kind of line or page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from canary.attribute.summary import Conclusion
from canary.model.case import OPEN, CaseState, Findings, LeakWindow, Suspect, SuspectKind
from canary.model.identity import Identity
from canary.model.mail import Envelope
from canary.model.proof import Proofs
from canary.model.sender import Sender
from canary.model.verdict import LEAKS, StatedReason
from canary.store.tables import MailRow

HOPS = 20


@dataclass(frozen=True, slots=True)
class Weeks:
    """Mails by week: the Monday of the first week, and a number for each week and each series."""

    first: date
    counts: Mapping[str, tuple[int, ...]]

    def sums(self, *series: str) -> tuple[int, ...]:
        """Return the numbers of some series added up, week by week."""
        return tuple(sum(week) for week in zip(*(self.counts[name] for name in series), strict=True))


@dataclass(frozen=True, slots=True)
class KindCounts:
    """What a canary or a vendor received: mails of its own, of outsiders, and of undecided senders."""

    own: int = 0
    outside: int = 0
    asking: int = 0
    first_outside: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case in a list, or what may become one; `answer` is what is believed of it, `outcome` how it was settled."""

    id: int
    state: str
    outcome: str
    vendor: str
    slug: str
    opened_at: datetime
    last_hit_at: datetime
    suspects: tuple[Suspect, ...]
    findings: Findings
    answer: Conclusion
    vendors: int
    campaigns: int
    hits: int
    merged_into: int | None = None

    @property
    def span(self) -> LeakWindow | None:
        """When it happened; None where no leak is likelier than one."""
        return self.findings.window if self.answer.leads else None

    @property
    def open(self) -> bool:
        """Whether it is open."""
        return self.state in OPEN

    @property
    def on_own_side(self) -> bool:
        """Whether the owner's own side is the likeliest source."""
        return bool(self.suspects) and self.suspects[0].kind is SuspectKind.OWNER

    @property
    def watched(self) -> bool:
        """Whether it is no case yet."""
        return self.state == CaseState.WATCHED

    @property
    def badge(self) -> str:
        """Its state in a word or two, and how it was settled if it is closed."""
        if self.merged_into:
            return f"part of case {self.merged_into}"
        state = self.state.replace("-", " ")
        return (
            f"{state}: {self.outcome.replace('-', ' ')}" if self.state == CaseState.CLOSED and self.outcome else state
        )


@dataclass(frozen=True, slots=True)
class HitLine:
    """A hit in a list; sender and subject are as hostile as the mail. A probe has none."""

    id: int
    mail: int | None
    at: datetime
    verdict: str
    confidence: float
    case: int | None
    canary: str
    vendor: str | None
    slug: str | None
    subject: str
    sender: str
    proven: str
    reasons: tuple[StatedReason, ...]

    @property
    def leak(self) -> bool:
        """Whether the hit is charged to the vendor."""
        return self.verdict in LEAKS


@dataclass(frozen=True, slots=True)
class CanaryLine:
    """A canary in a list, with what it received; `published` follows its vendor where `published_set` is None.

    A `tentative` one is not confirmed by anybody, and where it is `for_no_site` its vendor has to be named first.
    One that is `undated` was given away at some time before `issued_at`.
    """

    id: int
    address: str
    vendor: str | None
    slug: str | None
    channel: str
    generation: int
    issued_at: datetime
    state: str
    bits: float
    tally: KindCounts
    rotated_at: datetime | None = None
    burned_at: datetime | None = None
    published: bool = False
    published_set: bool | None = None
    tentative: bool = False
    hidden: str = ""
    note: str = ""
    for_no_site: bool = False
    hidden_at: datetime | None = None
    undated: bool = False


@dataclass(frozen=True, slots=True)
class VendorLine:
    """A vendor in a list; `state` is leaking, watching, quiet or unused."""

    slug: str
    name: str
    state: str
    canaries: int
    tally: KindCounts
    weeks: Weeks


@dataclass(frozen=True, slots=True)
class VendorCounts:
    """How many vendors there are: all of them, and in each state; those with a question to the owner are in one of them too."""

    all: int = 0
    leaking: int = 0
    watching: int = 0
    asking: int = 0
    quiet: int = 0
    unused: int = 0


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """How many cases were settled, by outcome, how many are watched, and how many addresses are burned."""

    settled: Mapping[str, int]
    watched: int = 0
    burned: int = 0


@dataclass(frozen=True, slots=True)
class Overview:
    """Who is leaking, what became of earlier cases, and what came lately.

    `vendors` is one page of those that are shown, `further` the key of the next. `days` counts outside mail by day over
    a year, `attempts` the guesses at never-issued addresses, `pressure` those of the domains most guessed at.
    """

    cases: tuple[CaseLine, ...]
    vendors: tuple[VendorLine, ...]
    hits: tuple[HitLine, ...]
    days: tuple[tuple[date, int], ...]
    canaries: int
    attempts: int
    past: CaseCounts
    counts: VendorCounts = VendorCounts()
    further: str | None = None
    pressure: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SupplyLine:
    """A vendor that passes addresses of a channel (empty: of every channel) to a supplier, and how this is known.

    `origin` is `declared` or `learned`, `through` the supplier that passed them on; `hit` and `quiet` count the
    canaries that the supplier got from it.
    """

    vendor: str
    slug: str
    supplier: str
    supplier_slug: str
    channel: str
    account: str
    since: datetime | None
    until: datetime | None
    origin: str
    through: str
    hit: int = 0
    quiet: int = 0


@dataclass(frozen=True, slots=True)
class OutsiderLine:
    """A party that wrote without having been given the addresses; an empty domain is all who prove nothing."""

    domain: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Scorecard:
    """How a vendor compares: days from its first address to the first outside mail, parties that wrote, and its rank.

    It does worse than `worse_than` of `others`, by the number of parties.
    """

    days: int | None
    outsiders: int
    worse_than: int
    others: int


@dataclass(frozen=True, slots=True)
class VendorPage:
    """What one vendor has done with the addresses it got; `marks` are the times that the chart marks."""

    slug: str
    name: str
    state: str
    domains: tuple[str, ...]
    suppliers: tuple[str, ...]
    tally: KindCounts
    weeks: Weeks | None
    marks: tuple[tuple[datetime, str], ...]
    canaries: tuple[CanaryLine, ...]
    cases: tuple[CaseLine, ...]
    hits: tuple[HitLine, ...]
    events: tuple[tuple[datetime, str, str, str], ...] = ()
    senders: tuple[Sender, ...] = ()
    supplies: tuple[SupplyLine, ...] = ()
    outsiders: tuple[OutsiderLine, ...] = ()
    scorecard: Scorecard | None = None
    brands: tuple[str, ...] = ()
    publishes: bool = False

    @property
    def leak(self) -> CaseLine | None:
        """The open case for which it is called leaking."""
        return next((case for case in self.cases if case.open and case.answer.leads and not case.on_own_side), None)

    @property
    def burned(self) -> int:
        """How many of the addresses shown are burned."""
        return sum(canary.burned_at is not None for canary in self.canaries)


@dataclass(frozen=True, slots=True)
class SupplierLine:
    """A supplier in a list; `p` is its highest probability as a source of an open case in which a leak leads."""

    slug: str
    name: str
    vendors: int
    case: int | None = None
    p: float = 0.0


@dataclass(frozen=True, slots=True)
class BeliefLine:
    """The probability of a suspect when a case was assessed as of a time."""

    case: int
    at: datetime
    p: float


@dataclass(frozen=True, slots=True)
class SupplierPage:
    """Who passes addresses to a supplier, which of them were hit, and how probable it was as a source over time.

    `hit` and `quiet` are canaries it was given, `cases` those in which it is or was a suspect, `domains` those that the
    owner declared.
    """

    slug: str
    name: str
    supplies: tuple[SupplyLine, ...]
    hit: tuple[CanaryLine, ...]
    quiet: tuple[CanaryLine, ...]
    cases: tuple[CaseLine, ...]
    beliefs: tuple[BeliefLine, ...]
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MailPage:
    """One mail with what it means at each canary; one that is not `whole` has lost its octets and text to retention.

    Without `octets_kept` it has lost its octets alone, as other mails of its campaign keep theirs.
    `watched` are the numbers of its hits' cases that are none yet.
    """

    mail: MailRow
    envelope: Envelope
    identity: Identity
    proofs: Proofs
    hits: tuple[HitLine, ...]
    campaign: tuple[str, int] | None
    whole: bool = True
    octets_kept: bool = True
    watched: frozenset[int] = frozenset()

    @property
    def claimed_hops(self) -> tuple[str, ...]:
        """The newest hops that the mail itself claims."""
        hops = [text for name, text in self.mail.parts.get("headers") or () if name.lower() == "received"]
        return tuple(hops[:HOPS])
