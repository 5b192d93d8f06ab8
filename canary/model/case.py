"""A suspected leak: its hits, its campaigns, and the suspects with their probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class CaseState(StrEnum):
    """The state of a case.

    `watched` is none yet: its hits may become one. `explained` is what no leak explains better by now. People set all
    others but `new`.
    """

    WATCHED = "watched"
    NEW = "new"
    INVESTIGATING = "investigating"
    NOTIFIED = "vendor-notified"
    CONFIRMED = "confirmed"
    DENIED = "denied"
    FALSE_POSITIVE = "false-positive"
    CLOSED = "closed"
    EXPLAINED = "explained"


OPEN = (CaseState.NEW, CaseState.INVESTIGATING, CaseState.NOTIFIED, CaseState.CONFIRMED)
"""The states in which a case takes every further hit of its vendors, and their addresses count as leaked."""

UNDECIDED = (CaseState.WATCHED, CaseState.NEW, CaseState.EXPLAINED)
"""The states that only the weighing of evidence sets: it may change them."""

SETTLED = (CaseState.DENIED, CaseState.FALSE_POSITIVE, CaseState.CLOSED)
"""The states in which people settled a case: more of the same changes nothing."""

OUTCOMES = (CaseState.CONFIRMED, CaseState.DENIED, CaseState.FALSE_POSITIVE)

TRANSITIONS: dict[CaseState, tuple[CaseState, ...]] = {
    CaseState.WATCHED: (CaseState.INVESTIGATING, CaseState.FALSE_POSITIVE),
    CaseState.NEW: (CaseState.INVESTIGATING, CaseState.NOTIFIED, CaseState.FALSE_POSITIVE),
    CaseState.INVESTIGATING: (
        CaseState.NOTIFIED, CaseState.CONFIRMED, CaseState.FALSE_POSITIVE, CaseState.CLOSED, CaseState.EXPLAINED,
    ),
    CaseState.NOTIFIED: (
        CaseState.INVESTIGATING, CaseState.CONFIRMED, CaseState.DENIED, CaseState.FALSE_POSITIVE, CaseState.CLOSED,
        CaseState.EXPLAINED,
    ),
    CaseState.CONFIRMED: (CaseState.INVESTIGATING, CaseState.DENIED, CaseState.CLOSED, CaseState.EXPLAINED),
    CaseState.DENIED: (
        CaseState.INVESTIGATING, CaseState.CONFIRMED, CaseState.FALSE_POSITIVE, CaseState.CLOSED,
    ),
    CaseState.FALSE_POSITIVE: (CaseState.INVESTIGATING, CaseState.CLOSED),
    CaseState.CLOSED: (CaseState.INVESTIGATING,),
    CaseState.EXPLAINED: (CaseState.INVESTIGATING, CaseState.CLOSED),
}  # fmt: skip
"""The states to which a person may move a case, by its state."""


class HitEffect(StrEnum):
    """What a leak hit does to a case of its vendor: it joins it, reopens it, or begins another one, which is watched."""

    JOIN = "join"
    REOPEN = "reopen"
    NEW_CASE = "new-case"


def effect_of_hit(state: CaseState, outcome: str, *, campaign_known: bool, canary_known: bool) -> HitEffect:
    """Return what a leak hit does to a case, given whether the case has its campaign and its canary already.

    An open case takes it, and so does one that is watched or explained. A settled case takes more of the same silently,
    and is reopened by a campaign or a canary that is new to it. A false positive stays settled whatever else its campaigns hit; a hit of another campaign begins
    another case.
    """
    if state not in SETTLED:
        return HitEffect.JOIN
    if CaseState.FALSE_POSITIVE in (state, outcome):
        return HitEffect.JOIN if campaign_known else HitEffect.NEW_CASE
    return HitEffect.JOIN if campaign_known and canary_known else HitEffect.REOPEN


class LeakManner(StrEnum):
    """How a source's addresses reached others."""

    LOST = "lost"
    PASSED_ON = "passed-on"


class SuspectKind(StrEnum):
    """What may have leaked."""

    VENDOR = "vendor"
    SUPPLIER = "supplier"
    ACCOUNT = "account"
    OWNER = "owner"
    PUBLISHED = "published"
    NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A possible source with the probability that it leaked; `hit` of the `held` canaries it had were hit.

    That of nobody is the probability that no leak is behind the hits of the case. `factor` is the Bayes factor against
    no leak, which unlike the probability depends on no prior. `passed_on` is the
    probability that it passed its addresses on on purpose, the rest of `p` that it lost them; None where nobody asked.
    """

    kind: SuspectKind
    id: str
    p: float
    hit: int = 0
    held: int = 0
    name: str = ""
    factor: float = 1.0
    passed_on: float | None = None


@dataclass(frozen=True, slots=True)
class SuspectHits:
    """What hit the addresses of one suspect since `first`, in numbers.

    `senders` are the unrelated bulk senders that proved who they are; `burst` is how many of one subscription bomb there
    are besides, which is the deed of one stranger. One of the `campaigns` hit `clients` of its `of_clients` vendors `within`
    a time. `decoys` are addresses that nobody was given.
    """

    kind: SuspectKind
    id: str
    first: datetime
    campaigns: int
    senders: int = 0
    burst: int = 0
    clients: int = 0
    of_clients: int = 0
    within: timedelta = timedelta()
    decoys: int = 0


@dataclass(frozen=True, slots=True)
class LeakWindow:
    """When one event may have happened.

    After `earliest`, as the newest address that was hit was issued then, and before `latest`, the first hit; where the
    bounds cross there were two events, or an intruder who stayed. `from_90` to `to_90` holds 90 % of the probability.
    """

    earliest: datetime
    latest: datetime
    from_90: datetime
    to_90: datetime

    @property
    def two_events(self) -> bool:
        """Whether no single moment explains all hits."""
        return self.earliest > self.latest


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation in words, and by how many nats it moves the odds of a suspect (negative: against it)."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """At most three observations for a suspect and three against it, the strongest first."""

    suspect: str
    speaks_for: tuple[Observation, ...]
    speaks_against: tuple[Observation, ...]


LIKELY = 0.5
"""A leak leads, and one source is named alone, only where that is likelier than this."""


def counts_as_leaked(probability: float) -> bool:
    """Whether a field of a persona counts as leaked: when that is at least as likely as not."""
    return probability >= 0.5


@dataclass(frozen=True, slots=True)
class Findings:
    """What an assessment finds beside the suspects of a case.

    `fields` are those of the personas, each with the probability that it leaked; `indistinguishable` are the names of
    suspects that held exactly the same addresses; `assessed_at` is empty while explanations are still to come.
    `caution` says why suppliers are believed less than the sendings alone would make of them, where that is so. `hits` are
    those of the likeliest suspects.
    """

    window: LeakWindow | None = None
    fields: Mapping[str, float] = field(default_factory=dict)
    indistinguishable: tuple[tuple[str, ...], ...] = ()
    explanations: tuple[Explanation, ...] = ()
    assessed_at: datetime | None = None
    caution: str = ""
    hits: tuple[SuspectHits, ...] = ()

    @property
    def leaked_fields(self) -> tuple[str, ...]:
        """The fields that count as leaked."""
        return tuple(name for name, p in self.fields.items() if counts_as_leaked(p))


def leak_probability(suspects: Sequence[Suspect]) -> float:
    """Return how likely some leak is behind the hits of a case; 0 while nothing was weighed.

    What was harvested from where its vendor shows it is no leak.
    """
    some = next((1 - suspect.p for suspect in suspects if suspect.kind is SuspectKind.NOBODY), 0.0)
    return max(0.0, some - sum(suspect.p for suspect in suspects if suspect.kind is SuspectKind.PUBLISHED))


def leak_leads(suspects: Sequence[Suspect]) -> bool:
    """Whether a leak is likelier than none."""
    return leak_probability(suspects) > LIKELY


def likeliest(suspects: Sequence[Suspect], count: int = 5) -> tuple[tuple[str, float], ...]:
    """Return the names and probabilities of the first suspects; suspects are kept in order."""
    return tuple((suspect.name, suspect.p) for suspect in suspects[:count])


def percent(p: float) -> str:
    """Write a probability in whole percent; what is uncertain never reads as certain."""
    if 0.005 < p < 0.995:
        return f"{p:.0%}"
    return "over 99%" if p > 0.5 else "under 1%"
