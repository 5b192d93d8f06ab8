"""The contents of claimed messages: their facts, and the present state of their cases."""

from collections.abc import Collection, Sequence

from sqlalchemy import distinct, func
from sqlmodel import Session, col, select

from canary.cases.conclusions import conclusion_of, reasons_explained
from canary.model.alert import NO_CASES, Alert, AlertMessage, CaseSummary
from canary.model.case import likeliest
from canary.store.codec import findings_of, suspects_of
from canary.store.queries.outbox import Due
from canary.store.tables import CampaignHitRow, CaseNotificationRow, CaseRow, CaseVendorRow, VendorRow

MOST_CASES = 1000
"""The most cases of one topic that are counted together."""

_COLLECTIONS = ("hourly", "daily", "catch-up")


def read_messages(session: Session, claimed: Sequence[Due]) -> list[AlertMessage]:
    """Return the contents of each claimed message."""
    return [_compile(session, due) for due in claimed]


def _compile(session: Session, due: Due) -> AlertMessage:
    digest = due.topic in _COLLECTIONS or " from " in due.topic
    lead, *others = due.facts
    standing = NO_CASES if digest and others else standing_of(session, due.facts, due.topic)
    return AlertMessage(lead, tuple(others), standing, update=due.ordinal > 0 and not digest, digest=digest)


def standing_of(session: Session, facts: Sequence[Alert], topic: str = "") -> CaseSummary:
    """Return the state of the cases of some facts and their topic; what is believed is that of the first."""
    told = dict.fromkeys(fact.case for fact in facts if fact.case)
    matter = (
        select(CaseNotificationRow.case_id).where(CaseNotificationRow.topic == topic).limit(MOST_CASES)
        if topic and told
        else None
    )
    numbers = list(told | dict.fromkeys(session.exec(matter) if matter is not None else ()))
    first = session.get(CaseRow, numbers[0]) if numbers else None
    if first is None:
        return NO_CASES
    canaries, hits = _counts(session, numbers)
    found, suspects = findings_of(first.findings), suspects_of(first.suspects)
    answer = conclusion_of(first, reasons_explained(session, [first]).get(numbers[0], ""))
    window = found.window if answer.leads else None
    return CaseSummary(
        cases=len(numbers), vendors=_vendors(session, numbers), canaries=canaries, hits=hits,
        suspects=likeliest(suspects), window=(window.from_90, window.to_90) if window else None,
        fields=found.leaked_fields if answer.leads else (), summary=answer.headline, leak=answer.leak,
        source=answer.kind or "", how=answer.manner or "",
    )  # fmt: skip


def _counts(session: Session, cases: Collection[int]) -> tuple[int, int]:
    counts = func.count(distinct(col(CampaignHitRow.canary_id))), func.sum(col(CampaignHitRow.leaks))
    canaries, hits = session.exec(
        select(*counts).where(col(CampaignHitRow.case_id).in_(cases), CampaignHitRow.leaks > 0)
    ).one()
    return canaries, int(hits or 0)


def _vendors(session: Session, cases: Collection[int]) -> tuple[str, ...]:
    query = (
        select(VendorRow.name)
        .join(CaseVendorRow, col(CaseVendorRow.vendor_id) == VendorRow.id)
        .where(col(CaseVendorRow.case_id).in_(cases))
        .distinct()
        .order_by(VendorRow.name)
    )
    return tuple(session.exec(query).all())
