"""Alerts: a fact worth reporting, as it waits in the outbox, and the message that it becomes."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Literal
from uuid import NAMESPACE_URL, uuid5

from canary.model.case import LIKELY


class Severity(IntEnum):
    """How much a fact matters; a destination may ask for facts of at least some severity."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


SEVERITY: dict[str, Severity] = {
    "case-opened": Severity.HIGH,
    "watched": Severity.LOW,
    "second-vendor": Severity.HIGH,
    "top-suspect": Severity.HIGH,
    "fields-leaked": Severity.HIGH,
    "certainty": Severity.HIGH,
    "case-grown": Severity.MEDIUM,
    "case-reopened": Severity.HIGH,
    "case-resolved": Severity.LOW,
    "reminder": Severity.MEDIUM,
    "new-sender": Severity.LOW,
    "import-finished": Severity.LOW,
    "health": Severity.HIGH,
    "health-over": Severity.LOW,
    "vendor-silent": Severity.LOW,
    "test": Severity.HIGH,
}
"""Every kind of fact, and how much it matters."""


HAPPENED: dict[str, str] = {
    "case-opened": "a case opened",
    "watched": "something is watched",
    "second-vendor": "another vendor was hit",
    "top-suspect": "another likeliest source",
    "fields-leaked": "more than addresses leaked",
    "certainty": "the source is surer",
    "case-grown": "more addresses were hit",
    "case-reopened": "a case was reopened",
    "case-resolved": "a case ended",
    "reminder": "a reminder",
    "new-sender": "a question about a sender",
    "import-finished": "an import ended",
    "health": "something is wrong here",
    "health-over": "something is well again",
    "vendor-silent": "a vendor fell silent",
    "test": "a test",
}
"""Every kind of fact, in a few words."""


def fact_id(kind: str, *parts: object) -> str:
    """Return the id of a fact of some kind: the same parts have the same id, wherever and however often it comes about."""
    return str(uuid5(NAMESPACE_URL, ":".join(map(str, ("canary", kind, *parts)))))


DestinationKind = Literal["slack", "webhook", "teams", "discord", "ntfy", "mattermost", "apprise", "syslog"]
"""What a destination of alerts may be."""


class Mode(StrEnum):
    """When a destination gets messages: for every fact, for a case at once and then for its changes, or once in a period."""

    EVERY = "every"
    IMMEDIATE = "immediate"
    HOURLY = "hourly"
    DAILY = "daily"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What happened, in plain values; `id` is stable and is the idempotency key of every delivery.

    `kind` is a key of `SEVERITY`. `suspects` are (name, probability) pairs, highest first; `reasons` are sentences;
    `identity` is the key of a sender that is asked about, `group` the question it belongs to with so many `senders`, and
    `plausibility` how likely it is the vendor's; `mail` is the mail whose sender can be decided about. `vendors` are
    slugs, `change` says what is new about a case that was reported before, or what happened where there is no case.
    `summary` is what was believed of the case, `leak` how likely a leak was, `source` the kind of the likeliest source and
    `how` the manner of the leak, empty where that is not clear. Text that came from mail (`sender`, `subject`,
    `identity`) is hostile: anything that shows it must escape it.
    """

    id: str
    kind: str
    at: datetime
    case: int = 0
    vendor: str = ""
    verdict: str = ""
    confidence: float = 0.0
    canary: str = ""
    sender: str = ""
    subject: str = ""
    reasons: tuple[str, ...] = ()
    suspects: tuple[tuple[str, float], ...] = ()
    identity: str = ""
    vendors: tuple[str, ...] = ()
    campaign: int = 0
    change: str = ""
    mail: int = 0
    group: str = ""
    senders: int = 0
    plausibility: float = 0.0
    summary: str = ""
    leak: float = 0.0
    source: str = ""
    how: str = ""

    @property
    def leads(self) -> bool:
        """Whether a leak was likelier than none in its case."""
        return self.leak > LIKELY

    @property
    def severity(self) -> Severity:
        """How much it matters; a kind that is not listed matters most."""
        return SEVERITY.get(self.kind, Severity.HIGH)


def sample_alert(id: str, at: datetime) -> Alert:  # noqa: A002 - the name of the field
    """Return the alert that a test of a destination sends."""
    return Alert(
        id=id, kind="test", at=at, vendor="Test vendor", verdict="test", confidence=1.0, canary="test@canary.invalid",
        sender="canary", subject="Test", reasons=("This is a test; no mail came.",),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    """The alerts that a destination wants; an empty list matches everything. `tags` are those of the vendors."""

    vendors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    severity: Severity = Severity.LOW

    def wants(self, fact: Alert, tags: frozenset[str] = frozenset()) -> bool:
        """Whether a fact is wanted, given the tags of its vendors; a fact without vendor or verdict passes those filters."""
        return (
            fact.severity >= self.severity
            and _meet(self.kinds, (fact.kind,))
            and _meet(self.verdicts, (fact.verdict,) if fact.verdict else self.verdicts)
            and _meet(self.vendors, fact.vendors or self.vendors)
            and _meet(self.tags, tags if fact.vendors else self.tags)
        )


EVERYTHING = Route()
"""The route of a destination that sets no filter."""


def _meet(wanted: tuple[str, ...], found: tuple[str, ...] | frozenset[str]) -> bool:
    return not wanted or not set(wanted).isdisjoint(found)


@dataclass(frozen=True, slots=True)
class DestinationView:
    """A configured destination as anyone may see it: neither address nor secret."""

    name: str
    kind: str
    mode: Mode = Mode.IMMEDIATE
    route: Route = EVERYTHING


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """The state of the cases of a message when it is sent, taken together; what is believed is that of the first.

    `summary` is its sentence, `leak` how likely a leak is. `fields` are those of the personas that leaked, `window` is the time
    in which it most likely happened; both are empty where no leak is likelier than one.
    """

    cases: int = 0
    vendors: tuple[str, ...] = ()
    canaries: int = 0
    hits: int = 0
    suspects: tuple[tuple[str, float], ...] = ()
    window: tuple[datetime, datetime] | None = None
    fields: tuple[str, ...] = ()
    summary: str = ""
    leak: float = 0.0
    source: str = ""
    how: str = ""


NO_CASES = CaseSummary()
"""The summary of a message that concerns no case."""


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """One message: its leading fact, the facts that joined it, and the state of their cases.

    `update` says that this destination has had a message on the same matter; `digest` that it is a collection.
    """

    lead: Alert
    others: tuple[Alert, ...] = ()
    standing: CaseSummary = NO_CASES
    update: bool = False
    digest: bool = False

    @property
    def facts(self) -> tuple[Alert, ...]:
        """All facts, the leading one first."""
        return (self.lead, *self.others)
