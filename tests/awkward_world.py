"""A store of all that pages find awkward: long names, right-to-left and Chinese ones, 200 vendors, 60 questions, settled cases."""

from datetime import datetime, timedelta

from sqlmodel import Session, select

from canary.model.alert import Alert
from canary.model.case import CaseState, Suspect, SuspectKind
from canary.model.node import NodeRole
from canary.store.counters import recount
from canary.store.queries import nodes, outbox
from canary.store.queries.audit import audit
from canary.store.queries.users import Label, new_token
from canary.store.tables import (
    CampaignRow,
    CanaryRow,
    DeliveryRow,
    SenderRow,
    SupplierDomainRow,
    SupplierLinkRow,
    SupplierRow,
    UserRow,
    VendorDomainRow,
    VendorEventRow,
    VendorRow,
)
from tests.case_world import LONG, CaseMade, every_kind, findings, make, nobody, party

HEBREW = "חנות הספרים הגדולה של תל אביב ויפו, סניף ראשי ומשלוחים בע״מ"
ARABIC = "شركة التوابل والشاي الشرقية المحدودة للتجارة والتوزيع في بغداد"
CHINESE = "株式会社東京山手線前珈琲店通信販売事業部お客様窓口係" * 2
MIXED = 'ABC ספרים 123 & "Söhne" <b>(חיפה)</b>'
UNBROKEN = ("Rindfleischetikettierungsüberwachungsaufgaben" * 2)[:60]
NAMES = (HEBREW, ARABIC, CHINESE[:60], MIXED, UNBROKEN)
"""Names as people do enter them, each of at most some sixty letters."""

VENDORS, QUESTIONS = 200, 60
FAR = f"a-very-long-label-of-a-domain-that-no-line-holds.{'of-a-company-with-many-words' * 2}.example"


def awkward_cases(now: datetime) -> tuple[CaseMade, ...]:
    """One case of each kind, and one for each awkward name, with each of them as a suspect of another kind."""
    kinds = (SuspectKind.VENDOR, SuspectKind.SUPPLIER, SuspectKind.ACCOUNT, SuspectKind.VENDOR, SuspectKind.VENDOR)
    states = (CaseState.NEW, CaseState.INVESTIGATING, CaseState.NOTIFIED, CaseState.CLOSED, CaseState.WATCHED)
    named = tuple(
        CaseMade(
            f"awkward-{number}", state, _suspects(kind, name, f"awkward-{number}", 0.3 if state is CaseState.WATCHED else 0.8),
            findings(now, why=name), "confirmed" if state is CaseState.CLOSED else "", (("note", f"{name} {UNBROKEN}"),),
        )
        for number, (kind, state, name) in enumerate(zip(kinds, states, NAMES, strict=True))
    )  # fmt: skip
    return every_kind(now) + named


def _suspects(kind: SuspectKind, name: str, slug: str, p: float) -> tuple[Suspect, ...]:
    first, nothing = party(kind, name, p, 0.9, slug), nobody(0.9 - p)
    second = party(SuspectKind.VENDOR, LONG, 0.1)
    return (first, second, nothing) if p > 0.5 else (nothing, first, second)


def fill(session: Session, now: datetime) -> None:
    """Write it beside whatever is there; there must be a user already."""
    named = {f"awkward-{number}": name for number, name in enumerate(NAMES)}
    make(session, awkward_cases(now), now, VENDORS, named)
    ids = {row.slug: row.id or 0 for row in session.exec(select(VendorRow)).all()}
    for number, name in enumerate(NAMES):
        _surround(session, number, ids[f"awkward-{number}"], name, now)
    for number in range(QUESTIONS):
        key = f"till{number}.example" if number else f"{UNBROKEN.lower()}.example via platform"
        session.add(_sender(ids[f"awkward-{number % 5}" if number < 5 else f"shop-{number}"], key, "pending", now))
    _people(session, now)
    campaign = session.exec(select(CampaignRow)).first()
    if campaign:
        campaign.subject = f"{HEBREW} {UNBROKEN} {CHINESE}"
    session.flush()
    recount(session)


def alone(session: Session, now: datetime) -> None:
    """Write one vendor with one address that nobody has written to."""
    session.add(VendorRow(id=1, slug="only", name=CHINESE[:60], created_at=now))
    session.flush()
    session.add(
        CanaryRow(id=1, address="only-x7k2@in.example", domain="in.example", vendor_id=1, channel="signup", style="tagged",
                  bits=65, issued_at=now)
    )  # fmt: skip


def _surround(session: Session, number: int, vendor: int, name: str, now: datetime) -> None:
    """Give a vendor a supplier of the same name, domains, senders, a timeline and alerts."""
    supplier = SupplierRow(slug=f"awkward-supplier-{number}", name=name, created_at=now)
    session.add(supplier)
    session.flush()
    session.add_all((
        SupplierDomainRow(domain=f"{number}.{FAR}", supplier_id=supplier.id or 0, created_at=now),
        SupplierLinkRow(vendor_id=vendor, supplier_id=supplier.id or 0, channel="newsletter", account=UNBROKEN, origin="declared"),
        VendorDomainRow(vendor_id=vendor, domain=f"{number}.{FAR}", created_at=now),
        _sender(vendor, f"{number}.{FAR}", "learned", now), _sender(vendor, f"amazonses/{UNBROKEN}", "denied", now),
        VendorEventRow(vendor_id=vendor, at=now, kind="sender-learned", text=f"{FAR} {name}"),
        CanaryRow(address=f"{'a' * 50}-{number}@{FAR}", domain=FAR, vendor_id=vendor, channel=UNBROKEN.lower()[:60], style="tagged",
                  bits=65, issued_at=now - timedelta(days=9)),
    ))  # fmt: skip
    fact = Alert(
        id=f"awkward-{number}",
        kind="case-opened",
        at=now,
        case=1,
        vendor=name,
        vendors=(f"awkward-{number}",),
        subject=CHINESE,
    )
    outbox.put(session, fact, quiet=True)
    session.flush()
    fault = f"https://hooks.{FAR}/services: 404 Not Found: {UNBROKEN}"
    state = ("dead", "sent", "waiting", "muted", "sent")[number]
    session.add(
        DeliveryRow(outbox_id=fact.id, destination="team-" + UNBROKEN[:30], state=state, due_at=now, fault=fault)
    )


def _sender(vendor: int, key: str, state: str, now: datetime) -> SenderRow:
    asked, question = (now, f"sender:{key}") if state == "pending" else (None, "")
    return SenderRow(
        vendor_id=vendor, key=key, state=state, proof="dkim", count=12_345, first_at=now - timedelta(days=400), last_at=now,
        asked_at=asked, question=question, plausibility=0.5,
    )  # fmt: skip


def _people(session: Session, now: datetime) -> None:
    session.add_all(
        UserRow(name=name[:60], role=role, created_at=now) for name, role in ((UNBROKEN, "viewer"), (ARABIC, "analyst"))
    )
    new_token(
        session,
        1,
        "api",
        timedelta(days=9),
        now,
        Label(UNBROKEN, "viewer", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "curl/8"),
    )
    audit(session, now, UNBROKEN, "canary-issued", HEBREW, f"{FAR} {CHINESE}")
    nodes.report(
        session,
        (NodeRole(FAR, f"/srv/{UNBROKEN}/data", role, "0.1.0", now, now, 1_234_567) for role in ("worker", "smtp-2")),
        now,
    )
