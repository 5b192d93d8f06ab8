"""Suspects, findings and states of cases as they may come, and which words accuse somebody."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from canary.model.case import (
    CaseState,
    Explanation,
    Findings,
    LeakWindow,
    Observation,
    Suspect,
    SuspectHits,
    SuspectKind,
)

THEN = datetime(2026, 5, 3, 9, 30, tzinfo=UTC)
NAMES = ("Trendy Shoes", "Play.com", "Silverpop", "Play.com's account at Silverpop", "A" * 60)
_ACCUSING = re.compile(r"\bleak(ed|ing)\b", re.IGNORECASE)
_PARTIES = (SuspectKind.VENDOR, SuspectKind.SUPPLIER, SuspectKind.ACCOUNT, SuspectKind.OWNER, SuspectKind.PUBLISHED)


def accuses(text: str, suspects: Sequence[Suspect]) -> str:
    """Return the words that say something leaked or who most likely did, empty if there are none."""
    if found := _ACCUSING.search(text):
        return found[0]
    lines = [line for line in text.splitlines() if re.search(r"most likely|likeliest", line, re.IGNORECASE)]
    return next((line for line in lines for s in suspects if s.name and s.name in line), "")


def case_states() -> st.SearchStrategy[CaseState]:
    """Every state."""
    return st.sampled_from(CaseState)


@st.composite
def suspect_lists(draw: st.DrawFn) -> tuple[Suspect, ...]:
    """Suspects, the likeliest first, with nobody among them; or none at all."""
    if draw(st.integers(0, 9)) == 0:
        return ()
    p = draw(st.floats(0, 1))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    parties = [draw(_parties(name)) for name in names]
    nobody = Suspect(SuspectKind.NOBODY, "no leak", p, name="No leak")
    return tuple(sorted((nobody, *parties), key=lambda s: -s.p))


@st.composite
def _parties(draw: st.DrawFn, name: str) -> Suspect:
    p = draw(st.floats(0, 1))
    passed = draw(st.none() | st.floats(0, 1).map(lambda share: share * p))
    return Suspect(draw(st.sampled_from(_PARTIES)), name.lower(), p, draw(st.integers(0, 9)), 9, name, passed_on=passed)


_COUNT = st.integers(0, 400)


@st.composite
def case_findings(draw: st.DrawFn) -> Findings:
    """Findings with and without each of their parts."""
    days = sorted(draw(st.lists(st.integers(0, 400), min_size=4, max_size=4)))
    window = LeakWindow(*(THEN + timedelta(days=d) for d in (days[0], days[3], days[1], days[2])))
    kinds = draw(st.lists(st.sampled_from(_PARTIES), max_size=3))
    hits = tuple(_hits(draw, kind) for kind in kinds)
    why = Explanation(draw(st.sampled_from(NAMES)), (Observation("A sending hit 1 address of it.", 1.2),), ())
    return Findings(
        draw(st.sampled_from((None, window))),
        draw(st.sampled_from(({}, {"given name": 0.9, "phone": 0.1}))),
        draw(st.sampled_from(((), (NAMES[:2],)))),
        draw(st.sampled_from(((), (why,)))),
        THEN,
        draw(st.sampled_from(("", "One sending that proves no sender."))),
        hits,
    )


def _hits(draw: st.DrawFn, kind: SuspectKind) -> SuspectHits:
    campaigns, senders, burst, clients, of_clients = (draw(st.integers(0, 400)) for _ in range(5))
    within, name = timedelta(seconds=draw(st.integers(0, 10**7))), draw(st.sampled_from(NAMES)).lower()
    return SuspectHits(
        kind, name, THEN, campaigns, senders, burst, clients, of_clients, within, draw(st.integers(0, 3))
    )
