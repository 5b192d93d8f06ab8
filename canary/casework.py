"""From judged mails to campaigns, cases, suspects and alerts: the second half of a conclusion, inside its transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from sqlmodel import Session

from canary.attribute.features import addressee, sending
from canary.judge.suppliers import SupplierBook
from canary.model.alert import Alert
from canary.model.campaign import Sending
from canary.model.canary import Canary
from canary.model.identity import Identity
from canary.model.mail import Client, ParsedMail, RawMail
from canary.model.party import Vendor
from canary.model.proof import Proofs
from canary.model.sender import Learning
from canary.model.verdict import HINTS, Judgement, Verdict
from canary.store import belonging, campaigns, canaries, cases, mails, outbox, senders
from canary.store.bulletins import suspects_of
from canary.store.charge import CASES_LOCK, weigh
from canary.store.counting import Counted, count
from canary.store.database import lock
from canary.store.mails import Hit
from canary.store.senders import Sight
from canary.store.tables import CaseRow

NOBODY = Client("")
OWN = (Verdict.SELF_TEST, Verdict.EXPECTED, Verdict.SUPPLIER)


@dataclass(frozen=True, slots=True)
class Finding:
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
class Judged:
    """One canary's share of a mail: whose address it is, and what the hit means there."""

    canary: Canary
    vendor_id: int
    vendor: Vendor
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Heard:
    """A mail that is kept, under its row id, with what it means at each canary it reached."""

    finding: Finding
    mail_id: int
    judged: Sequence[Judged]

    @property
    def at(self) -> datetime:
        """When it was received."""
        return self.finding.raw.envelope.received

    @property
    def own(self) -> bool:
        """Whether nobody but the vendor sent it, or nobody got it."""
        return all(j.judgement.verdict in OWN for j in self.judged)


@dataclass(frozen=True, slots=True)
class Touched:
    """A hit and the case it belongs to, if any; `opened` says that the hit opened it."""

    heard: Heard
    judged: Judged
    case: CaseRow | None = None
    opened: bool = False
    campaign: int = 0

    @property
    def case_id(self) -> int | None:
        """The row id of the case."""
        return self.case.id if self.case else None


class Docket:
    """The cases that the mails of one transaction touch; `to_weigh` holds those that reached another canary."""

    def __init__(self, session: Session, vendor_ids: Iterable[int]) -> None:
        """Begin with the cases of these vendors."""
        self.session = session
        self.known = belonging.cases_of(session, vendor_ids)
        self.to_weigh: dict[int, CaseRow] = {}
        self._hit: set[tuple[int, int]] = set()
        self._hits: list[Hit] = []
        self._came: list[Counted] = []

    def keep(self, touched: "Touched", campaign: int) -> None:
        """Keep a hit, sooner or later."""
        heard, judged, case = touched.heard, touched.judged, touched.case_id
        verdict, proven = judged.judgement.verdict.value, heard.finding.identity.domain
        self._hits.append(Hit(heard.mail_id, judged.canary.id, heard.at, judged.judgement, case))
        self._came.append(Counted(judged.canary.id, heard.at, verdict, proven, campaign, case or 0))

    def write(self) -> None:
        """Write the hits that were kept so far."""
        mails.keep_hits(self.session, self._hits)
        self._hits = []

    def end(self) -> None:
        """Write the rest, and count all of it at once."""
        self.write()
        count(self.session, self._came)

    def find(self, at: datetime, judged: Judged, campaign: int) -> CaseRow | None:
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
        if cases.is_hit(self.session, number, canary_id):
            return False
        self.to_weigh[number] = case
        return True


def link(session: Session, heard: Sequence[Heard], book: SupplierBook) -> dict[int, int]:
    """Let each mail of an outsider join its campaign, by mail id; the vendor's own mail is no campaign."""
    strange = [h for h in heard if not h.own]
    if not strange:
        return {}
    shown = [_shown(h, book) for h in strange]
    lock(session, CASES_LOCK)
    rows = mails.rows(session, [h.mail_id for h in strange])
    for h, one in zip(strange, shown, strict=True):
        campaigns.join_campaign(session, rows[h.mail_id], one)
    # Asked at the end, as a mail may show two campaigns to be one.
    return {mail_id: row.campaign_id or 0 for mail_id, row in rows.items()}


def _shown(heard: Heard, book: SupplierBook) -> Sending:
    finding = heard.finding
    to = addressee(finding.mail, ((j.canary, j.vendor) for j in heard.judged))
    return sending(finding.mail, finding.proofs, finding.identity, finding.client, to, book)


def attribute(session: Session, heard: Sequence[Heard], led: Mapping[int, int]) -> list[Touched]:
    """Bring charged hits to their cases, keep all hits, and weigh anew the cases that reached another canary."""
    charged = {j.vendor_id for h in heard for j in h.judged if _counts(j)}
    docket = Docket(session, charged)
    touched = []
    for h in heard:
        for j in h.judged:
            campaign = led.get(h.mail_id, 0)
            touched.append(take(docket, h, j, campaign))
            docket.keep(touched[-1], campaign)
    docket.end()
    for case in docket.to_weigh.values():
        weigh(session, case)
    return touched


def take(docket: Docket, heard: Heard, judged: Judged, campaign: int) -> Touched:
    """Find the case that a charged hit belongs to, opening one if need be.

    A hint (backscatter, probe) joins a case that is open and never opens one.
    """
    if not _counts(judged):
        return Touched(heard, judged)
    case, opened = docket.find(heard.at, judged, campaign), False
    if case is None and judged.judgement.leak:
        case, opened = _new_case(docket, heard, judged, campaign)
    if case is None:
        return Touched(heard, judged)
    case.last_hit_at = max(case.last_hit_at, heard.at)
    if judged.judgement.leak and case.state in cases.OPEN and docket.first(case, judged.canary.id):
        canaries.mark_hit(docket.session, judged.canary.id, heard.at)
    return Touched(heard, judged, case, opened, campaign)


def _new_case(docket: Docket, heard: Heard, judged: Judged, campaign: int) -> tuple[CaseRow, bool]:
    """Let a vendor join the case of the same campaign at another vendor, or open one for it; tell which."""
    session, vendor_id = docket.session, judged.vendor_id
    docket.write()  # the hits of the campaign that came just before count as well
    shared = cases.case_of_common_supplier(session, campaign, vendor_id) if campaign else None
    case = shared or cases.open_case(session, vendor_id, heard.at)
    docket.known.setdefault(vendor_id, []).insert(0, case)
    if cases.add_to_case(session, case, heard.at, vendor_id) and shared:
        cases.note(session, case, heard.at, "joined", f"{judged.vendor.name} was hit by the same campaign.")
    return case, shared is None


def _counts(judged: Judged) -> bool:
    """Whether a hit bears on a case."""
    return judged.judgement.leak or judged.judgement.verdict in HINTS


def decide(session: Session, touched: Sequence[Touched], learning: Learning) -> None:
    """Put what is worth telling into the outbox, that a case was opened or a new sender wrote; learn who sends for whom."""
    for each in touched:
        if each.case is not None and each.opened:
            outbox.put(session, _alert(each.heard.finding, each.judged, each.case, each.campaign))
    senders.take(session, [_sight(each.heard, each.judged) for each in touched if each.judged.vendor_id], learning)


def _sight(heard: Heard, judged: Judged) -> Sight:
    mail, who = heard.finding.mail, heard.finding.identity
    return Sight(
        judged.vendor_id, judged.vendor, judged.canary, judged.judgement, who, heard.mail_id, heard.at,
        mail.sender.address, mail.subject,
    )  # fmt: skip


def _alert(finding: Finding, judged: Judged, case: CaseRow, campaign: int) -> Alert:
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
