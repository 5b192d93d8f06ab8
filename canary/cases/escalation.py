"""Which changes of a case call for another alert: a table of what may have changed since the last one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from canary.model.case import SuspectKind, percent

VENDORS = (2, 5, 20, 100)
CANARIES = (10, 100, 1_000, 10_000)
SURE = (0.8, 0.95, 0.99)
"""Probabilities of the top suspect that are worth an alert, and only when rising, so that alerts do not swing."""

LEADS = 0.5
"""A suspect overtakes another only when it is likelier than not."""

_PLAIN = ("vendors", "canaries", "top", "name", "p")
_PARTIES = (SuspectKind.VENDOR, SuspectKind.SUPPLIER, SuspectKind.ACCOUNT, SuspectKind.OWNER)


@dataclass(frozen=True, slots=True)
class NotifiedState:
    """The state of a case now, or the most that alerts have said about it; `top` is the likeliest suspect as `kind:id`.

    `tops` are earlier top suspects.
    """

    vendors: int = 1
    canaries: int = 1
    fields: tuple[str, ...] = ()
    top: str = ""
    name: str = ""
    p: float = 0.0
    tops: tuple[str, ...] = ()

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "NotifiedState":
        """Read what was stored."""
        fields, tops = (tuple(map(str, kept.get(name, ()))) for name in ("fields", "tops"))
        return replace(cls(**{name: kept[name] for name in _PLAIN if name in kept}), fields=fields, tops=tops)

    def after(self, before: "NotifiedState") -> "NotifiedState":
        """Return what people know after an alert about this as well."""
        same = before.top == self.top
        return NotifiedState(
            max(before.vendors, self.vendors), max(before.canaries, self.canaries),
            tuple(sorted({*before.fields, *self.fields})), self.top, self.name,
            max(before.p, self.p) if same else self.p, tuple(sorted({*before.tops, before.top, self.top} - {""})),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """A change: the kind of alert, what identifies it, and a sentence."""

    kind: str
    mark: str
    text: str


def changes(before: NotifiedState, now: NotifiedState) -> Iterator[Change]:
    """Yield the changes of a case that are worth an alert."""
    for kind, look in ESCALATIONS.items():
        found = look(before, now)
        if found is not None:
            yield Change(kind, *found)


_Found = tuple[str, str] | None


def _vendors(before: NotifiedState, now: NotifiedState) -> _Found:
    if _crossed(VENDORS, before.vendors, now.vendors) is None:
        return None
    second = before.vendors < 2 and now.vendors == 2
    return str(now.vendors), "A second vendor was hit" if second else f"By now {now.vendors} vendors were hit"


def _overtaken(before: NotifiedState, now: NotifiedState) -> _Found:
    parties = all(told.top.partition(":")[0] in _PARTIES for told in (before, now))
    if not parties or now.top in (before.top, *before.tops) or now.p < LEADS:
        return None
    return now.top, f"{now.name} is now the likeliest source ({percent(now.p)}), no longer {before.name}"


def _fields(before: NotifiedState, now: NotifiedState) -> _Found:
    fresh = sorted(set(now.fields) - set(before.fields))
    if not fresh:
        return None
    named = ", ".join(name.replace("_", " ") for name in fresh)
    return "+".join(fresh), f"More than the address leaked: mail shows what only the vendor was told ({named})"


def _certain(before: NotifiedState, now: NotifiedState) -> _Found:
    known = before.p if before.top == now.top else 0.0
    level = _crossed(SURE, known, now.p)
    if level is None or now.top.partition(":")[0] not in _PARTIES:
        return None
    return f"{now.top}:{level}", f"{now.name} is the source with {percent(now.p)}"


def _grown(before: NotifiedState, now: NotifiedState) -> _Found:
    level = _crossed(CANARIES, before.canaries, now.canaries)
    return None if level is None else (str(level), f"{now.canaries:,} addresses were hit")


def _crossed(levels: Sequence[float], before: float, now: float) -> float | None:
    """Return the highest level that was not reached before and is now."""
    return next((level for level in reversed(levels) if before < level <= now), None)


ESCALATIONS: dict[str, Callable[[NotifiedState, NotifiedState], _Found]] = {
    "second-vendor": _vendors,
    "top-suspect": _overtaken,
    "fields-leaked": _fields,
    "certainty": _certain,
    "case-grown": _grown,
}
"""By the kind of alert."""
