"""From judged mails to campaigns, cases, suspects and alerts: the second half of a conclusion, inside its transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlmodel import Session

from canary.attribute.campaigns.features import addressee, sending
from canary.campaigns import membership
from canary.canaries import lifecycle
from canary.cases import answers, belonging, records
from canary.cases.answers import SenderSight
from canary.cases.charge import CASES_LOCK, assess_and_record
from canary.judge.providers import ProviderRegistry
from canary.model.alert import Alert
from canary.model.campaign import CampaignSending
from canary.model.canary import Canary
from canary.model.identity import Identity
from canary.model.mail import Client, ParsedMail, RawMail
from canary.model.party import Vendor
from canary.model.proof import Proofs
from canary.model.sender import Learning
from canary.model.verdict import HINTS, Judgement, Verdict
from canary.store.codec import suspects_of
from canary.store.counters import CountedHit, count
from canary.store.database import lock
from canary.store.queries import mails, outbox
from canary.store.queries.mails import Hit
from canary.store.tables import CaseRow

NOBODY = Client("")
OWN = (Verdict.SELF_TEST, Verdict.EXPECTED, Verdict.SUPPLIER)


@dataclass(frozen=True, slots=True)
class AuthenticatedMail:
    """What one mail says and what was proven about it, before anybody's address comes into it.

    `client` is the host that brought the mail to our border.
    """

    raw: RawMail
    mail: ParsedMail
    proofs: Proofs
    identity: Identity
    answers: Mapping[str, object]
    client: Client = NOBODY


@dataclass(frozen=True, slots=True)
class JudgedHit:
    """One canary's share of a mail: whose address it is, and what the hit means there."""

    canary: Canary
    vendor_id: int
    vendor: Vendor
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A mail that is kept, under its row id, with what it means at each canary it reached."""

    finding: AuthenticatedMail
    mail_id: int
    judged: Sequence[JudgedHit]

    @property
    def at(self) -> datetime:
        """When it was received."""
        return self.finding.raw.envelope.received

    @property
    def own(self) -> bool:
        """Whether nobody but the vendor sent it, or nobody got it."""
        return all(j.judgement.verdict in OWN for j in self.judged)


@dataclass(frozen=True, slots=True)
class AssignedHit:
    """A hit and the case it belongs to, if any; `opened` says that the hit opened it."""

    heard: StoredMail
    judged: JudgedHit
    case: CaseRow | None = None
    opened: bool = False
    campaign: int = 0

    @property
    def case_id(self) -> int | None:
        """The row id of the case."""
        return self.case.id if self.case else None


class CaseAssigner:
    """The cases that the mails of one transaction touch; `to_weigh` holds those that reached another canary."""

    def __init__(self, session: Session, vendor_ids: Iterable[int]) -> None:
        """Begin with the cases of these vendors."""
        self.session = session
        self.known = belonging.cases_of(session, vendor_ids)
        self.to_weigh: dict[int, CaseRow] = {}
        self._hit: set[tuple[int, int]] = set()
        self._hits: list[Hit] = []
        self._came: list[CountedHit] = []

    def keep(self, touched: "AssignedHit", campaign: int) -> None:
        """Keep a hit, sooner or later."""
        heard, judged, case = touched.heard, touched.judged, touched.case_id
        verdict, proven = judged.judgement.verdict.value, heard.finding.identity.domain
        self._hits.append(Hit(heard.mail_id, judged.canary.id, heard.at, judged.judgement, case))
        self._came.append(CountedHit(judged.canary.id, heard.at, verdict, proven, campaign, case or 0))

    def write(self) -> None:
        """Write the hits that were kept so far."""
        mails.keep_hits(self.session, self._hits)
        self._hits = []

    def end(self) -> None:
        """Write the rest, and count all of it at once."""
        self.write()
        count(self.session, self._came)

    def find(self, at: datetime, judged: JudgedHit, campaign: int) -> CaseRow | None:
        """Return which of the vendor's cases takes a hit; a hint finds open ones only."""
        mine = self.known.get(judged.vendor_id, [])
        if not judged.judgement.leak:
            return belonging.newest_open(mine)
        if len(mine) > 1 or belonging.newest_open(mine) is None:
            self.write()  # the hits of the campaign that came just before count as well
        return belonging.settle_in(self.session, mine, at, campaign, judged.canary.id)

    def first(self, case: CaseRow, canary_id: int) -> bool:
        """Tell whether this is the first leak hit of a canary in a case."""
        number = case.id or 0
        if (number, canary_id) in self._hit:
            return False
        self._hit.add((number, canary_id))
        if records.is_hit(self.session, number, canary_id):
            return False
        self.to_weigh[number] = case
        return True


def join_campaigns(session: Session, heard: Sequence[StoredMail], book: ProviderRegistry) -> dict[int, int]:
    """Let each mail of an outsider join its campaign, by mail id; the vendor's own mail is no campaign."""
    strange = [h for h in heard if not h.own]
    if not strange:
        return {}
    shown = [_shown(h, book) for h in strange]
    lock(session, CASES_LOCK)
    rows = mails.rows(session, [h.mail_id for h in strange])
    for h, one in zip(strange, shown, strict=True):
        membership.join_campaign(session, rows[h.mail_id], one)
    # Asked at the end, as a mail may show two campaigns to be one.
    return {mail_id: row.campaign_id or 0 for mail_id, row in rows.items()}


def _shown(heard: StoredMail, book: ProviderRegistry) -> CampaignSending:
    finding = heard.finding
    to = addressee(finding.mail, ((j.canary, j.vendor) for j in heard.judged))
    return sending(finding.mail, finding.proofs, finding.identity, finding.client, to, book)


def attribute(session: Session, heard: Sequence[StoredMail], led: Mapping[int, int]) -> list[AssignedHit]:
    """Bring charged hits to their cases, keep all hits, and weigh anew the cases that reached another canary."""
    charged = {j.vendor_id for h in heard for j in h.judged if _counts(j)}
    docket = CaseAssigner(session, charged)
    touched = []
    for h in heard:
        for j in h.judged:
            campaign = led.get(h.mail_id, 0)
            touched.append(take(docket, h, j, campaign))
            docket.keep(touched[-1], campaign)
    docket.end()
    for case in docket.to_weigh.values():
        assess_and_record(session, case)
    return touched


def take(docket: CaseAssigner, heard: StoredMail, judged: JudgedHit, campaign: int) -> AssignedHit:
    """Find the case that a charged hit belongs to, opening one if need be.

    A hint (backscatter, probe) joins a case that is open and never opens one.
    """
    if not _counts(judged):
        return AssignedHit(heard, judged)
    case, opened = docket.find(heard.at, judged, campaign), False
    if case is None and judged.judgement.leak:
        case, opened = _new_case(docket, heard, judged, campaign)
    if case is None:
        return AssignedHit(heard, judged)
    case.last_hit_at = max(case.last_hit_at, heard.at)
    if judged.judgement.leak and case.state in records.OPEN and docket.first(case, judged.canary.id):
        lifecycle.mark_burned_by_leak(docket.session, judged.canary.id, heard.at)
    return AssignedHit(heard, judged, case, opened, campaign)


def _new_case(docket: CaseAssigner, heard: StoredMail, judged: JudgedHit, campaign: int) -> tuple[CaseRow, bool]:
    """Let a vendor join the case of the same campaign at another vendor, or open one for it; tell which."""
    session, vendor_id = docket.session, judged.vendor_id
    docket.write()  # the hits of the campaign that came just before count as well
    shared = records.case_of_common_supplier(session, campaign, vendor_id) if campaign else None
    case = shared or records.open_case(session, vendor_id, heard.at)
    docket.known.setdefault(vendor_id, []).insert(0, case)
    if records.add_to_case(session, case, heard.at, vendor_id) and shared:
        records.add_event(session, case, heard.at, "joined", f"{judged.vendor.name} was hit by the same campaign.")
    return case, shared is None


def _counts(judged: JudgedHit) -> bool:
    """Whether a hit bears on a case."""
    return judged.judgement.leak or judged.judgement.verdict in HINTS


def queue_alerts(session: Session, touched: Sequence[AssignedHit], learning: Learning) -> None:
    """Put what is worth telling into the outbox, that a case was opened or a new sender wrote; learn who sends for whom."""
    for each in touched:
        if each.case is not None and each.opened:
            outbox.put(session, _alert(each.heard.finding, each.judged, each.case, each.campaign))
    answers.record_senders(
        session, [_sight(each.heard, each.judged) for each in touched if each.judged.vendor_id], learning
    )


def _sight(heard: StoredMail, judged: JudgedHit) -> SenderSight:
    mail, who = heard.finding.mail, heard.finding.identity
    return SenderSight(
        judged.vendor_id, judged.vendor, judged.canary, judged.judgement, who, heard.mail_id, heard.at,
        mail.sender.address, mail.subject,
    )  # fmt: skip


def _alert(finding: AuthenticatedMail, judged: JudgedHit, case: CaseRow, campaign: int) -> Alert:
    # The id follows from the mail and the address, so that a mail concluded again after a crash says the same.
    stable = uuid5(NAMESPACE_URL, f"canary:case-opened:{finding.raw.key}:{judged.canary.address}")
    return Alert(
        id=str(stable),
        kind="case-opened",
        at=finding.raw.envelope.received,
        case=case.id or 0,
        vendor=judged.vendor.name,
        verdict=judged.judgement.verdict.value,
        confidence=judged.judgement.confidence,
        canary=judged.canary.address,
        sender=finding.identity.domain or finding.mail.sender.address,
        subject=finding.mail.subject[:300],
        reasons=tuple(reason.text for reason in judged.judgement.reasons),
        suspects=suspects_of(case),
        vendors=(judged.vendor.slug,),
        campaign=campaign,
    )
