"""The one answer of a case: the sentence, the badge and the clause that pages, alerts, letters and commands say.

Where no leak is likelier than one, no text says that something leaked, and nobody is named as the likeliest source.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from canary.model.case import (
    LIKELY,
    OPEN,
    SETTLED,
    CaseState,
    Findings,
    LeakManner,
    Suspect,
    SuspectHits,
    SuspectKind,
    leak_leads,
    leak_probability,
    percent,
)
from canary.model.party import isolated, possessive

HOW_FROM = 0.8
"""How it happened is said from this probability on, and acted on."""

_NO_SOURCES = (SuspectKind.NOBODY, SuspectKind.PUBLISHED)
_HOW = {LeakManner.LOST: "stolen", LeakManner.PASSED_ON: "passed on"}
_BURST = "as when a stranger signs an address up everywhere"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is believed of a case, in words.

    `leak` is the probability that a leak is behind its hits, `leads` whether that is likelier than not; `headline` is a
    sentence, `badge` a word or two, `short` a clause for lists. `alarm` means that something has to be done: a case is open
    in which a leak leads, or that a person confirmed. `name`, `p`, `how` and `kind` are those of the likeliest source; without a
    leak that leads there is none, and `how` is empty too where it is not clear.
    """

    leak: float
    leads: bool
    headline: str
    badge: str
    short: str
    alarm: bool = False
    name: str = ""
    p: float = 0.0
    how: LeakManner | None = None
    kind: SuspectKind | None = None

    @property
    def manner(self) -> LeakManner | None:
        """How it happened, where that is likely enough to be acted on."""
        return self.how if self.p >= HOW_FROM else None


_NOT_WEIGHED = "Not weighed yet."


def conclude(
    suspects: Sequence[Suspect],
    findings: Findings | None = None,
    state: str = CaseState.NEW,
    *,
    outcome: str = "",
    reason: str = "",
) -> Conclusion:
    """Return the answer of a case in some state; `outcome` is how it was settled, `reason` why it counts as explained."""
    weighed = any(suspect.kind is SuspectKind.NOBODY for suspect in suspects)
    leak = leak_probability(suspects)
    leads = leak_leads(suspects)
    sources = sorted((s for s in suspects if s.kind not in _NO_SOURCES), key=lambda s: -s.p) if leads else []
    headline = _headline(suspects, sources, leak, findings or Findings()) if weighed else _NOT_WEIGHED
    answer = Conclusion(
        leak,
        leads,
        _in_state(headline, state, outcome, reason, leads=leads),
        _badge(state, leads=leads, weighed=weighed),
        _short(sources, leak, state, reason) if weighed else "not weighed yet",
        state in OPEN and (leads or state == CaseState.CONFIRMED),
    )
    if not sources:
        return answer
    top = sources[0]
    return replace(answer, name=spoken_name(top), p=top.p, how=how(top), kind=top.kind)


def how(suspect: Suspect) -> LeakManner | None:
    """Return how a suspect's addresses reached others, where that is likely enough to be said."""
    if suspect.passed_on is None or suspect.p <= 0:
        return None
    share = suspect.passed_on / suspect.p
    if share >= HOW_FROM:
        return LeakManner.PASSED_ON
    return LeakManner.LOST if 1 - share >= HOW_FROM else None


def how_document(suspect: Suspect) -> dict[str, dict[str, float]]:
    """Return the JSON form of how a suspect's addresses reached others, nothing where it is not to be said."""
    if how(suspect) is None or suspect.passed_on is None:
        return {}
    return {
        "how": {LeakManner.LOST.value: suspect.p - suspect.passed_on, LeakManner.PASSED_ON.value: suspect.passed_on}
    }


def suspect_documents(suspects: Sequence[Suspect]) -> list[dict[str, Any]]:
    """Return suspects as commands and the export of a case show them."""
    return [
        {"kind": s.kind.value, "id": s.id, "p": s.p, "hit": s.hit, "held": s.held, "name": s.name, "factor": s.factor, **how_document(s)}
        for s in suspects
    ]  # fmt: skip


def spoken_name(suspect: Suspect) -> str:
    """Return a suspect's name within a sentence."""
    if suspect.kind is SuspectKind.OWNER:
        return "your own side"
    return suspect.name.replace("Harvested", "harvested", 1) if suspect.kind is SuspectKind.PUBLISHED else suspect.name


def span_words(since: datetime, until: datetime, form: str = "between {} and {}") -> str:
    """Return between which days something happened, with the year once where that is enough; within a day, to the minute."""
    last = f"{until.day} {until:%b %Y}"
    first = f"{since.day} {since:%b}" if since.year == until.year else f"{since.day} {since:%b %Y}"
    if abs(until - since) >= timedelta(days=1):
        return form.format(first, last)
    if since.date() != until.date():
        return form.format(f"{first} {since:%H:%M}", f"{last} {until:%H:%M} UTC")
    minutes = f"{since:%H:%M}", f"{until:%H:%M}"
    return f"{form.format(*minutes)} UTC on {last}" if len(set(minutes)) > 1 else f"on {last} at {minutes[0]} UTC"


def what_would_settle(suspects: Sequence[Suspect], findings: Findings) -> tuple[str, ...]:
    """Return what would make a case of what is watched, or explain it: the owner's word, then what may come."""
    senders = any(hits.senders for hits in findings.hits)
    shared = any(suspect.kind is SuspectKind.SUPPLIER and suspect.held > 1 for suspect in suspects)
    return (
        "Your word on whose mail it is: the vendor\u2019s, or not.",
        "Further senders that have nothing to do with each other, at the same address."
        if senders
        else "Another campaign at the address, or the same one at another address of the vendor.",
        *(("The same campaign at an address of another vendor with the same supplier.",) if shared else ()),
        "Time: every day on which the other addresses stay quiet speaks against a leak.",
    )


def _headline(suspects: Sequence[Suspect], sources: Sequence[Suspect], leak: float, findings: Findings) -> str:
    return _leak_sentence(sources, leak, findings) if leak > LIKELY else _calm_sentence(suspects, leak)


def _leak_sentence(sources: Sequence[Suspect], leak: float, findings: Findings) -> str:
    named = [suspect for suspect in sources if suspect.p > LIKELY][:2]
    if len(named) > 1:
        return f"Most likely two leaks: {' and '.join(_clause(s) for s in named)}."
    if named:
        return f"Most likely {_clause(named[0])}{_unclear(named[0])}{_evidence(named[0], findings)}."
    first = " or ".join(f"{isolated(spoken_name(s))} ({percent(s.p)})" for s in sources[:2])
    return f"A leak is likely ({percent(leak)}); from whom is open: {first or 'no source stands out'}."


def _calm_sentence(suspects: Sequence[Suspect], leak: float) -> str:
    shown = next((s for s in suspects if s.kind is SuspectKind.PUBLISHED and s.p > LIKELY), None)
    why = f": {spoken_name(shown)}" if shown else ""
    return f"Probably no leak ({percent(1 - leak)}){why}."


def _clause(suspect: Suspect) -> str:
    """How a suspect is named, as likely as it is."""
    words = _CLAUSES.get(suspect.kind, {}).get(how(suspect)) or "from {name}"
    these = "this address" if suspect.hit == 1 else "these addresses"
    name = isolated(spoken_name(suspect))
    return f"{words.format(name=name, names=possessive(name), these=these)} ({percent(suspect.p)})"


_PARTY: dict[LeakManner | None, str] = {
    LeakManner.PASSED_ON: "{name} passed {these} on",
    LeakManner.LOST: "{names} list was stolen",
}
_CLAUSES: dict[SuspectKind, dict[LeakManner | None, str]] = {
    SuspectKind.VENDOR: _PARTY,
    SuspectKind.SUPPLIER: _PARTY,
    SuspectKind.ACCOUNT: {LeakManner.LOST: "taken from {name}"},
}


def _unclear(suspect: Suspect) -> str:
    asked = suspect.kind in (SuspectKind.VENDOR, SuspectKind.SUPPLIER) and suspect.passed_on is not None
    return "; whether sold or stolen is not clear yet" if asked and how(suspect) is None else ""


def _evidence(suspect: Suspect, findings: Findings) -> str:
    """What speaks for a suspect in a few words, after a colon."""
    hits = next((h for h in findings.hits if (h.kind, h.id) == (suspect.kind, suspect.id)), None)
    text = next(_facts_of(hits, how(suspect)), "") if hits else ""
    return f": {text}" if text else ""


def _facts_of(hits: SuspectHits, manner: LeakManner | None) -> Iterator[str]:
    """Yield what can be said of hits, the most telling first."""
    since = f"since {hits.first:%B %Y}"
    passed = manner is LeakManner.PASSED_ON and hits.senders
    if hits.kind is SuspectKind.OWNER and hits.decoys:
        yield f"mail came to {_count(hits.decoys, 'decoy')}, which nobody was given"
    if hits.clients > 1 and not passed:
        whose = "your" if hits.kind is SuspectKind.OWNER else "its"
        what = "vendors" if hits.kind is SuspectKind.OWNER else "clients"
        yield f"one campaign hit {hits.clients} of {whose} {hits.of_clients} {what} {_within(hits.within)}"
    if hits.senders and manner is not LeakManner.LOST:
        yield f"{_count(hits.senders, 'unrelated sender')} {since}"
    if hits.burst:
        yield f"{hits.burst:,} senders within a day, {_BURST}"
    yield f"{_count(hits.campaigns, 'campaign')} {since}"


def _count(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def _within(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes < 1:
        return "within a minute"
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= 2 * size or size == 1:
            return f"within {_count(-(-minutes // size), name)}"
    return ""


def _short(sources: Sequence[Suspect], leak: float, state: str, reason: str) -> str:
    if state == CaseState.EXPLAINED:
        return f"explained: {reason.rstrip('.')}" if reason else "explained"
    if leak <= LIKELY:
        return f"probably no leak ({percent(1 - leak)})"
    if not sources or sources[0].p <= LIKELY:
        return f"a leak, {percent(leak)}; from whom is open"
    manner = how(sources[0])
    return f"{isolated(spoken_name(sources[0]))} {percent(sources[0].p)}" + (f", {_HOW[manner]}" if manner else "")


def _badge(state: str, *, leads: bool, weighed: bool) -> str:
    if state not in OPEN:
        return state.replace("-", " ")
    return "leak likely" if leads else "probably no leak" if weighed else "not weighed yet"


def ended(state: str, outcome: str = "") -> str:
    """Return how a case ended, as the beginning of a sentence."""
    decided = outcome if state == CaseState.CLOSED and outcome else state
    return _ENDS.get(decided) or f"Settled as {decided.replace('-', ' ')}"


_ENDS = {CaseState.EXPLAINED.value: "Explained", CaseState.CLOSED.value: "Closed without an outcome"}


def _in_state(headline: str, state: str, outcome: str, reason: str, *, leads: bool) -> str:
    """Add what people, or the weighing, decided about a case; where that differs, the sentence is by the mail alone."""
    decided = outcome if state == CaseState.CLOSED and outcome else state
    if state not in SETTLED and decided not in (CaseState.EXPLAINED, CaseState.CONFIRMED):
        return headline
    because = f": {reason.rstrip('.')}" if reason and decided == CaseState.EXPLAINED else ""
    prefix = f"{ended(state, outcome)}{because}."
    if headline == _NOT_WEIGHED:
        return prefix
    differs = leads if decided in _SPEAKS_AGAINST else not leads
    return f"{prefix} By the mail alone: {headline[:1].lower()}{headline[1:]}" if differs else f"{prefix} {headline}"


_SPEAKS_AGAINST = (CaseState.DENIED, CaseState.FALSE_POSITIVE, CaseState.EXPLAINED)
