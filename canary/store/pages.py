"""What the pages show, as frozen facts; every list is bounded and every query goes by an index."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, case, distinct, func, select
from sqlmodel import Session, col

from canary.model.verdict import LEAKS, Verdict
from canary.store import decoys
from canary.store.cases import OPEN
from canary.store.events import timeline
from canary.store.lines import (
    OWN,
    SERIES,
    SERIES_OF,
    CanaryLine,
    CaseLine,
    HitLine,
    MailPage,
    Overview,
    SuspectLine,
    Tally,
    VendorLine,
    VendorPage,
    Weeks,
)
from canary.store.seals import seals_of
from canary.store.tables import (
    AttemptRow,
    CampaignRow,
    CanaryRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailRow,
    SupplierRow,
    SupplyRow,
    VendorDomainRow,
    VendorRow,
)

PAGE = 50
_WEEK = timedelta(weeks=1)


def overview(session: Session, now: datetime, weeks: int = 52) -> Overview:
    """Read the overview; at most 20 open cases, 500 vendors and 12 hits."""
    end = _end(session, now)
    first = _monday(end) - (weeks - 1) * _WEEK
    query = choose(CaseRow).where(col(CaseRow.state).in_(OPEN)).order_by(col(CaseRow.last_hit_at).desc()).limit(20)
    return Overview(
        cases=case_lines(session, query),
        vendors=_vendor_lines(session, first, weeks),
        hits=latest_hits(session),
        days=_outside_days(session, end),
        canaries=sum(_issued(session).values()),
        attempts=int(session.execute(choose(func.sum(col(AttemptRow.count)))).scalar() or 0),
    )


def vendor_page(session: Session, slug: str, now: datetime) -> VendorPage | None:
    """Read one vendor's page, or None for a slug nobody has."""
    row = session.execute(choose(VendorRow).where(col(VendorRow.slug) == slug)).scalar()
    if row is None:
        return None
    mine = col(CanaryRow.vendor_id) == row.id
    cases = case_lines(
        session,
        choose(CaseRow).join(CaseVendorRow).where(col(CaseVendorRow.vendor_id) == row.id)
        .order_by(col(CaseRow.id).desc()).limit(20),
    )  # fmt: skip
    canaries = _canaries(session, canary_query().where(mine), 200)
    its = mine & (col(HitRow.verdict) != Verdict.GUESS)  # what came to decoys is nobody's
    tally = _tallies(session, col(CanaryRow.vendor_id), its).get(row.id, Tally())
    domains = choose(VendorDomainRow.domain).where(col(VendorDomainRow.vendor_id) == row.id).limit(50)
    passed = choose(SupplierRow.name).join(SupplyRow).where(col(SupplyRow.vendor_id) == row.id).distinct().limit(50)
    return VendorPage(
        slug=row.slug, name=row.name, state=_state(any(c.open for c in cases), tally.asking),
        domains=tuple(session.execute(domains).scalars()), suppliers=tuple(session.execute(passed).scalars()),
        tally=tally, weeks=_weeks(session, its, _end(session, now)), marks=_marks(canaries, cases),
        canaries=canaries, cases=cases,
        hits=read_hits(session, hit_query().where(its).order_by(col(HitRow.at).desc()).limit(25)),
        events=tuple((e.at, e.kind, e.who, e.text) for e in timeline(session, row.id or 0, 50)),
    )  # fmt: skip


def mail_page(session: Session, mail_id: int) -> MailPage | None:
    """Read one mail, or None for an unknown one."""
    row = session.get(MailRow, mail_id)
    if row is None:
        return None
    campaign = session.get(CampaignRow, row.campaign_id) if row.campaign_id else None
    hits = read_hits(session, hit_query().where(col(HitRow.mail_id) == mail_id).order_by(col(HitRow.id)).limit(PAGE))
    return MailPage(row, hits, (campaign.subject, campaign.mails) if campaign else None)


def canary_list(session: Session, after: int = 0) -> tuple[tuple[CanaryLine, ...], int | None]:
    """Read canaries in order of issue from a key on, and the key of the next page if there is one."""
    query = canary_query().where(col(CanaryRow.id) > after).order_by(None).order_by(col(CanaryRow.id))
    found = _canaries(session, query, PAGE + 1)
    return found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None


def canary_page(session: Session, number: int) -> tuple[CanaryLine, tuple[HitLine, ...]] | None:
    """Read one issued address and the newest of what came to it, or None where none of that number was issued."""
    found = _canaries(session, canary_query().where(col(CanaryRow.id) == number), 1)
    if not found:
        return None
    query = hit_query().where(col(HitRow.canary_id) == number).order_by(col(HitRow.id).desc()).limit(25)
    return found[0], read_hits(session, query)


def latest_hits(session: Session, most: int = 12) -> tuple[HitLine, ...]:
    """Read the newest hits."""
    return read_hits(session, hit_query().order_by(col(HitRow.at).desc(), col(HitRow.id).desc()).limit(most))


def figures(session: Session) -> dict[str, dict[str, int]]:
    """Count hits by verdict, cases by state and attempts by kind, for the metrics."""
    hits = choose(HitRow.verdict, func.count()).group_by(col(HitRow.verdict))
    cases = choose(CaseRow.state, func.count()).group_by(col(CaseRow.state))
    tried = choose(AttemptRow.kind, func.sum(col(AttemptRow.count))).group_by(col(AttemptRow.kind))
    named: dict[str, Select[Any]] = {"hits": hits, "cases": cases, "attempts": tried}
    return {name: {key: int(count) for key, count in session.execute(query)} for name, query in named.items()}


def _end(session: Session, now: datetime) -> datetime:
    # A chart of an old world ends where the world ends; one that is alive ends today.
    newest = session.execute(choose(func.max(col(HitRow.at)))).scalar()
    return newest if newest and now - newest > timedelta(days=28) else now


def choose(*columns: Any) -> Select[Any]:
    """Select columns."""
    # SQLModel types a column as its value, which SQLAlchemy's own typing of select does not take.
    return select(*columns)


def _monday(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=at.weekday())


def _state(leaking: bool, asking: int) -> str:
    return "leaking" if leaking else "asking" if asking else "quiet"


def case_lines(session: Session, query: Select[Any]) -> tuple[CaseLine, ...]:
    """Read the cases that a query chooses, as lines of a list."""
    rows: list[CaseRow] = list(session.execute(query).scalars())
    ids = [row.id for row in rows]
    owners = choose(VendorRow.id, VendorRow).where(col(VendorRow.id).in_({row.vendor_id for row in rows}))
    names = dict(_pairs(session, owners))
    of_case = col(HitRow.case_id)
    members = choose(CaseVendorRow.case_id, func.count()).group_by(col(CaseVendorRow.case_id))
    vendors = dict(_pairs(session, members.where(col(CaseVendorRow.case_id).in_(ids))))
    hits = dict(_pairs(session, choose(of_case, func.count()).where(of_case.in_(ids)).group_by(of_case)))
    sent = choose(of_case, func.count(distinct(col(MailRow.campaign_id)))).join(MailRow)
    campaigns = dict(_pairs(session, sent.where(of_case.in_(ids)).group_by(of_case)))
    return tuple(
        CaseLine(
            row.id or 0, row.state, names[row.vendor_id].name, names[row.vendor_id].slug, row.opened_at,
            row.last_hit_at, _suspects(row.suspects), vendors.get(row.id, 0), campaigns.get(row.id, 0),
            hits.get(row.id, 0),
        )
        for row in rows
    )  # fmt: skip


def _pairs(session: Session, query: Select[Any]) -> list[tuple[Any, Any]]:
    return [(row[0], row[1]) for row in session.execute(query)]


def _suspects(kept: Iterable[Mapping[str, Any]]) -> tuple[SuspectLine, ...]:
    return tuple(
        SuspectLine(
            str(s.get("kind", "")), str(s.get("id", "")), str(s.get("name") or s.get("id", "")), float(s.get("p", 0)),
            int(s.get("hit", 0)), int(s.get("held", 0)),
        )
        for s in kept
    )  # fmt: skip


def hit_query() -> Select[Any]:
    """Select the columns of a `HitLine`."""
    return (
        choose(
            HitRow.id, HitRow.mail_id, HitRow.at, HitRow.verdict, HitRow.confidence, HitRow.case_id, CanaryRow.address,
            _of_decoy(VendorRow.name), _of_decoy(VendorRow.slug), func.coalesce(MailRow.subject, ""), func.coalesce(MailRow.sender, ""),
            func.coalesce(MailRow.identity_domain, ""), HitRow.reasons,
        )
        .select_from(HitRow)
        .join(CanaryRow, col(CanaryRow.id) == HitRow.canary_id)
        .outerjoin(VendorRow, col(VendorRow.id) == CanaryRow.vendor_id)
        .outerjoin(MailRow, col(MailRow.id) == HitRow.mail_id)
    )  # fmt: skip


def _of_decoy(column: Any) -> ColumnElement[Any]:
    # Only decoys are guessed: whatever vendor their rows name was never given them.
    return case((col(HitRow.verdict) == Verdict.GUESS, None), else_=column)


def read_hits(session: Session, query: Select[Any]) -> tuple[HitLine, ...]:
    """Read the hits that a query on `hit_query` chooses."""
    return tuple(HitLine(*row) for row in session.execute(query))


def canary_query() -> Select[Any]:
    """Select canaries with their vendor's name and slug, by channel and generation."""
    order = (col(CanaryRow.channel), col(CanaryRow.generation), col(CanaryRow.id))
    return choose(CanaryRow, VendorRow.name, VendorRow.slug).outerjoin(VendorRow).order_by(*order)


def _issued(session: Session) -> Counter[int | None]:
    """Count the addresses issued to each vendor."""
    owner = col(CanaryRow.vendor_id)
    return Counter(dict(_pairs(session, choose(owner, func.count()).group_by(owner)))) - decoys.by_vendor(session)


def _canaries(session: Session, query: Select[Any], most: int) -> tuple[CanaryLine, ...]:
    """Read issued addresses, stepping over decoys."""
    tell = seals_of(session).tell
    found = session.execute(query.execution_options(yield_per=most))
    rows = list(islice((row for row in found if not tell(row[0])), most))
    found.close()
    tallies = _tallies(session, col(HitRow.canary_id), col(HitRow.canary_id).in_([row[0].id for row in rows]))
    return tuple(
        CanaryLine(
            c.id, c.address, vendor, slug, c.channel, c.generation, c.issued_at, c.state, c.bits,
            tallies.get(c.id, Tally()),
        )
        for c, vendor, slug in rows
    )  # fmt: skip


def _tallies(session: Session, by: Any, where: ColumnElement[bool]) -> dict[Any, Tally]:
    query = choose(by, HitRow.verdict, func.count(), func.min(col(HitRow.at)), func.max(col(HitRow.at))).select_from(
        HitRow
    )
    query = query.join(CanaryRow).where(where).group_by(by, col(HitRow.verdict))
    found: dict[Any, list[tuple[str, int, datetime, datetime]]] = {}
    for key, verdict, count, first, last in session.execute(query):
        found.setdefault(key, []).append((verdict, count, first, last))
    return {key: _tally(groups) for key, groups in found.items()}


def _tally(groups: Sequence[tuple[str, int, datetime, datetime]]) -> Tally:
    return Tally(
        own=sum(count for verdict, count, _, _ in groups if SERIES_OF.get(verdict) in OWN),
        outside=sum(count for verdict, count, _, _ in groups if verdict in LEAKS),
        asking=sum(count for verdict, count, _, _ in groups if verdict == Verdict.NEW_SENDER),
        first_outside=min((first for verdict, _, first, _ in groups if verdict in LEAKS), default=None),
        last=max(last for _, _, _, last in groups),
    )


def _vendor_lines(session: Session, first: datetime, weeks: int) -> tuple[VendorLine, ...]:
    known = choose(VendorRow).order_by(col(VendorRow.name)).limit(500)
    rows: list[VendorRow] = list(session.execute(known).scalars())
    owner = col(CanaryRow.vendor_id)
    issued, of_vendors = _issued(session), col(HitRow.verdict) != Verdict.GUESS
    tallies = _tallies(session, owner, owner.is_not(None) & of_vendors)
    leaking = choose(CaseVendorRow.vendor_id).join(CaseRow).where(col(CaseRow.state).in_(OPEN))
    open_at = set(session.execute(leaking).scalars())
    counts = _daily(session, (col(HitRow.at) >= first) & of_vendors)
    lines = [
        VendorLine(
            row.slug, row.name, _state(row.id in open_at, tallies.get(row.id, Tally()).asking), issued.get(row.id, 0),
            tallies.get(row.id, Tally()), _by_week(counts.get(row.id, {}), first.date(), weeks),
        )
        for row in rows
    ]  # fmt: skip
    rank = ("leaking", "asking", "quiet")
    return tuple(sorted(lines, key=lambda line: (rank.index(line.state), -line.tally.outside, line.name.casefold())))


def _daily(session: Session, where: ColumnElement[bool]) -> dict[int | None, Counter[tuple[date, str]]]:
    day, owner = func.date(col(HitRow.at)), col(CanaryRow.vendor_id)
    query = choose(owner, day, HitRow.verdict, func.count()).select_from(HitRow).join(CanaryRow).where(where)
    found: dict[int | None, Counter[tuple[date, str]]] = {}
    for vendor, when, verdict, count in session.execute(query.group_by(owner, day, col(HitRow.verdict))):
        found.setdefault(vendor, Counter())[date.fromisoformat(str(when)), SERIES_OF.get(verdict, "other")] += count
    return found


def _by_week(counts: Mapping[tuple[date, str], int], first: date, weeks: int) -> Weeks:
    rows = {name: [0] * weeks for name in SERIES}
    for (day, name), count in counts.items():
        at = (day - first).days // 7
        if 0 <= at < weeks:
            rows[name][at] += count
    return Weeks(first, {name: tuple(numbers) for name, numbers in rows.items()})


def _weeks(session: Session, where: ColumnElement[bool], end: datetime, longest: int = 156) -> Weeks | None:
    start = _monday(end) - (longest - 1) * _WEEK
    counts: Counter[tuple[date, str]] = Counter()
    for daily in _daily(session, where & (col(HitRow.at) >= start)).values():
        counts.update(daily)
    if not counts:
        return None
    oldest = min(day for day, _ in counts)
    first = max(start.date(), oldest - timedelta(days=oldest.weekday()))
    return _by_week(counts, first, max(12, (end.date() - first).days // 7 + 1))


def _outside_days(session: Session, end: datetime) -> tuple[tuple[date, int], ...]:
    first, day = (_monday(end) - 52 * _WEEK), func.date(col(HitRow.at))
    query = choose(day, func.count()).where(col(HitRow.verdict).in_(LEAKS), col(HitRow.at) >= first).group_by(day)
    counts = {date.fromisoformat(str(when)): count for when, count in session.execute(query)}
    days = [first.date() + timedelta(days=n) for n in range((end.date() - first.date()).days + 1)]
    return tuple((when, counts.get(when, 0)) for when in days)


def _marks(canaries: Sequence[CanaryLine], cases: Sequence[CaseLine]) -> tuple[tuple[datetime, str], ...]:
    issued = {c.issued_at.date(): (c.issued_at, "issued") for c in canaries}
    opened = [(case.opened_at, f"case {case.id}") for case in cases]
    return tuple(sorted([*issued.values(), *opened]))[:60]
