"""The charged hits of cases, as attribution sees them."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func
from sqlmodel import Session, col, select

from canary.attribute.world import CampaignHit
from canary.model.verdict import HINTS, LEAKS, Reason, Verdict, repeated_fields
from canary.store.codec import reasons_of
from canary.store.tables import CampaignHitRow, CanaryRow, HitRow, MailRow, MailSenderRow

_CHARGED = sorted(verdict.value for verdict in LEAKS | HINTS)
_MOST_REASONS, _MOST_DECOYS = 10_000, 1000
_LIKE_THE_OTHERS = 0.5
"""How sure it is that a mail at a decoy is crime: what the other mails of its campaign are decides."""


def charged() -> ColumnElement[bool]:
    """Select the hits that bear on a case, at addresses that are still there; tentative ones are evidence of nothing."""
    here = (col(CanaryRow.id) == HitRow.canary_id) & col(CanaryRow.tentative).is_(False)
    known = select(CanaryRow.id).where(here).exists()
    return col(HitRow.verdict).in_(_CHARGED) & known


def hits_by_case(session: Session, cases: Collection[int]) -> dict[int, tuple[CampaignHit, ...]]:
    """Return the charged hits of some cases; several mails of one campaign at one address are one.

    What their campaigns did to decoys is among them: only guessing, or a leak of the owner's own, hits these.
    """
    found: dict[int, list[CampaignHit]] = {number: [] for number in cases}
    for case, hit in _read(session, charged() & col(HitRow.case_id).in_(cases)):
        found[case].append(hit)
    decoys = _hits_at_decoys(session, cases)
    return {case: (*hits, *_of_campaigns(decoys, hits)) for case, hits in found.items()}


def every_hit(session: Session) -> tuple[CampaignHit, ...]:
    """Return all charged hits, whatever their case."""
    return tuple(hit for _, hit in _read(session, charged()))


def _hits_at_decoys(session: Session, cases: Collection[int]) -> list[CampaignHit]:
    """Return what the campaigns of cases did to decoys, which belong to no case."""
    of_cases = select(CampaignHitRow.campaign_id).where(
        col(CampaignHitRow.case_id).in_(cases), col(CampaignHitRow.campaign_id) > 0
    )
    query: Any = (
        select(HitRow.canary_id, MailRow.campaign_id, func.min(HitRow.at), func.max(MailRow.identity_domain))
        .join(MailRow, col(MailRow.id) == HitRow.mail_id)
        .where(HitRow.verdict == Verdict.GUESS.value, col(MailRow.campaign_id).in_(of_cases))
        .group_by(col(HitRow.canary_id), col(MailRow.campaign_id))
        .order_by(col(HitRow.canary_id), col(MailRow.campaign_id))
        .limit(_MOST_DECOYS)
    )
    return [
        CampaignHit(str(canary), at, str(campaign), Verdict.SPAM.value, _LIKE_THE_OTHERS, proven=bool(domain))
        for canary, campaign, at, domain in session.execute(query)
    ]


def _of_campaigns(decoys: Collection[CampaignHit], hits: Collection[CampaignHit]) -> list[CampaignHit]:
    campaigns = {hit.campaign for hit in hits}
    return [hit for hit in decoys if hit.campaign in campaigns]


def _read(session: Session, which: ColumnElement[bool]) -> list[tuple[int, CampaignHit]]:
    query: Select[Any] = (
        select(  # type: ignore[call-overload]
            HitRow.case_id, HitRow.canary_id, MailRow.campaign_id, HitRow.verdict, func.min(HitRow.at),
            func.max(HitRow.confidence), func.min(HitRow.mail_id), func.max(MailRow.identity_domain),
            func.min(MailSenderRow.key),
        )
        .outerjoin_from(HitRow, MailRow, col(MailRow.id) == HitRow.mail_id)
        .outerjoin(MailSenderRow, col(MailSenderRow.mail_id) == HitRow.mail_id)
        .where(which)
        .group_by(HitRow.case_id, HitRow.canary_id, MailRow.campaign_id, HitRow.verdict)
        .order_by(HitRow.case_id, func.min(HitRow.id))
    )  # fmt: skip
    repeated = _repeated(session, which)
    return [
        (
            case or 0,
            # A mail without a campaign counts as one of its own, and so does a hit without a mail, by address.
            CampaignHit(
                str(canary), at, str(campaign or f"mail {mail or canary}"), verdict, confidence,
                frozenset(repeated.get((canary, campaign), ())), bool(domain), sender or "", case or 0,
            ),
        )
        for case, canary, campaign, verdict, at, confidence, mail, domain, sender in session.execute(query)
    ]  # fmt: skip


def _repeated(session: Session, which: ColumnElement[bool]) -> dict[tuple[int, int | None], set[str]]:
    """Return which facts of the persona mails repeat, by address and campaign, from the reasons of their verdicts."""
    query: Any = select(HitRow.canary_id, MailRow.campaign_id, HitRow.reasons)
    told = cast(col(HitRow.reasons), String).like(f"%{Reason.PERSONA_NAMED.value}%")
    found: dict[tuple[int, int | None], set[str]] = defaultdict(set)
    for canary, campaign, reasons in session.execute(
        query.join_from(HitRow, MailRow, col(MailRow.id) == HitRow.mail_id).where(which, told).limit(_MOST_REASONS)
    ):
        found[canary, campaign] |= repeated_fields(reasons_of(reasons))
    return found
