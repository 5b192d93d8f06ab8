"""A store with cases in every state: likely leaks, what is watched, settled and explained ones, with awkward names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, select

from canary.model.case import (
    CaseState,
    Explanation,
    Findings,
    LeakWindow,
    Observation,
    Suspect,
    SuspectHits,
    SuspectKind,
    leak_probability,
)
from canary.store.codec import findings_json, suspects_json
from canary.store.counters import recount
from canary.store.tables import (
    CampaignMailRow,
    CampaignRow,
    CanaryRow,
    CaseEventRow,
    CaseRow,
    CaseVendorRow,
    HitRow,
    MailRow,
    SupplierLinkRow,
    SupplierRow,
    VendorRow,
)

LONG = "Northern Lighthouse Outfitters and Expedition Supplies, Ltd."
"""A name of sixty letters."""

NO_MORE: Mapping[str, str] = {}


@dataclass(frozen=True)
class CaseMade:
    """A case to make: the slug of its vendor, its state, and what was found."""

    vendor: str
    state: CaseState
    suspects: tuple[Suspect, ...]
    findings: Findings
    outcome: str = ""
    events: tuple[tuple[str, str], ...] = ()


def nobody(p: float) -> Suspect:
    return Suspect(SuspectKind.NOBODY, "no leak", p, name="No leak")


def party(
    kind: SuspectKind, name: str, p: float, passed_on: float = 0.0, slug: str = "", *, hit: int = 1, held: int = 2
) -> Suspect:
    return Suspect(kind, slug or name.lower(), p, hit, held, name, 40.0 * p, p * passed_on)


def findings(now: datetime, *hits: SuspectHits, why: str = "", hours: float = 0) -> Findings:
    """Findings whose window is so many hours long, months if none are given."""
    begin = now - (timedelta(hours=hours + 3) if hours else timedelta(days=150))
    end = begin + (timedelta(hours=hours) if hours else timedelta(days=90))
    window = LeakWindow(begin - timedelta(minutes=20), end + timedelta(minutes=20), begin, end)
    seen = (Observation("A sending of 20 Mar 2011 hit 1 address of it.", 2.0),)
    against = (Observation("3 addresses that it held kept quiet.", -0.7),)
    return Findings(window, {"given name": 0.9}, (), (Explanation(why, seen, against),) if why else (), now, "", hits)


def every_kind(now: datetime) -> tuple[CaseMade, ...]:
    """One case of each kind that pages have to show."""
    then = now - timedelta(days=40)
    account = f"{LONG}'s account at Silverline Marketing Cloud"
    likely = (
        party(SuspectKind.ACCOUNT, account, 0.91, slug="silverline/long"),
        party(SuspectKind.VENDOR, LONG, 0.05, 0.3, "long"),
        nobody(0.02),
    )
    stolen = (party(SuspectKind.SUPPLIER, "Silverline", 0.87, 0.02, "silverline", hit=4, held=5), nobody(0.04))
    hits = SuspectHits(SuspectKind.SUPPLIER, "silverline", then, 1, 0, 0, 4, 5, timedelta(minutes=40))
    sold = (party(SuspectKind.VENDOR, "Trendy Shoes", 0.97, 0.95, "shoes"), nobody(0.02))
    senders = SuspectHits(SuspectKind.VENDOR, "shoes", then, 20, 14)
    calm = (nobody(0.8), party(SuspectKind.VENDOR, "Bike Parts", 0.15, 0.4, "bikes"))
    return (
        CaseMade("long", CaseState.NEW, likely, findings(now, why=account, hours=5)),
        CaseMade("shop-1", CaseState.INVESTIGATING, stolen, findings(now, hits, why="Silverline"), events=(("proposal", "Mailer Co. sends for Shop 1."),)),
        CaseMade("shoes", CaseState.NEW, sold, findings(now, senders, why="Trendy Shoes")),
        CaseMade("bikes", CaseState.WATCHED, calm, findings(now, why="Bike Parts")),
        CaseMade("shop-2", CaseState.WATCHED, (nobody(0.6), party(SuspectKind.VENDOR, LONG, 0.3, 0.5, "long")), findings(now)),
        CaseMade("shop-3", CaseState.CLOSED, stolen, findings(now, hits), "confirmed"),
        CaseMade("shop-4", CaseState.FALSE_POSITIVE, sold, findings(now, senders), "false-positive"),
        CaseMade("shop-5", CaseState.EXPLAINED, calm, findings(now), events=(("explained", "Mailer Co. sends for Shop 5 (you said so on 3 May)."),)),
        CaseMade("shop-6", CaseState.INVESTIGATING, calm, findings(now, why="Bike Parts")),
        CaseMade("shop-7", CaseState.NEW, (party(SuspectKind.OWNER, "Own side", 0.92, slug="own side", hit=2, held=9), nobody(0.03)), findings(now)),
    )  # fmt: skip


def make(
    session: Session, cases: Sequence[CaseMade], now: datetime, vendors: int = 8, more: Mapping[str, str] = NO_MORE
) -> None:
    """Write vendors, two addresses for each, and the cases with two mails each; `more` are vendors by slug and name."""
    named = {
        "long": LONG,
        "shoes": "Trendy Shoes",
        "bikes": "Bike Parts",
        **{f"shop-{n}": f"Shop {n}" for n in range(vendors)},
        **more,
    }
    began = now - timedelta(days=300)
    rows = {slug: VendorRow(slug=slug, name=name, created_at=began) for slug, name in named.items()}
    session.add_all(rows.values())
    supplier = session.exec(select(SupplierRow).where(SupplierRow.slug == "silverline")).first()
    supplier = supplier or SupplierRow(slug="silverline", name="Silverline", created_at=began)
    session.add(supplier)
    session.flush()
    for slug, row in rows.items():
        for channel in ("signup", "newsletter"):
            session.add(
                CanaryRow(address=f"{slug}-{channel}-x7k2@in.example", domain="in.example", vendor_id=row.id or 0,
                          channel=channel, style="tagged", bits=65, issued_at=began)
            )  # fmt: skip
        if slug in ("long", "shop-1", "shop-3"):
            session.add(
                SupplierLinkRow(
                    vendor_id=row.id or 0, supplier_id=supplier.id or 0, channel="newsletter", origin="declared"
                )
            )
    session.flush()
    for made in cases:
        _case(session, made, rows[made.vendor].id or 0, now)
    session.flush()
    recount(session)


def _case(session: Session, made: CaseMade, vendor: int, now: datetime) -> None:
    first = now - timedelta(days=3)
    case = CaseRow(
        vendor_id=vendor, state=made.state, outcome=made.outcome, opened_at=first, last_hit_at=now - timedelta(hours=5),
        suspects=suspects_json(made.suspects), findings=findings_json(made.findings), leak=leak_probability(made.suspects),
    )  # fmt: skip
    session.add(case)
    session.flush()
    number = case.id or 0
    session.add(CaseVendorRow(case_id=number, vendor_id=vendor))
    session.add(CaseEventRow(case_id=number, at=first, kind="opened", text="First mail from somebody else."))
    for kind, text in made.events:
        session.add(CaseEventRow(case_id=number, at=now - timedelta(hours=1), kind=kind, text=text))
    campaign = CampaignRow(subject="Adobe Reader update", first_at=first, last_at=now, mails=2)
    session.add(campaign)
    session.flush()
    for canary in session.exec(select(CanaryRow).where(CanaryRow.vendor_id == vendor)).all():
        mail = MailRow(
            key=f"{number}-{canary.id}", sha256="0" * 64, size=900, received_at=first, subject="Adobe Reader update", sender="news@bad.example",
            campaign_id=campaign.id, envelope={"rcpt_to": [canary.address]}, identity={"claim": "", "proof": "none", "domain": ""}, proofs={}, parts={},
        )  # fmt: skip
        session.add(mail)
        session.flush()
        session.add(CampaignMailRow(mail_id=mail.id or 0, features=[], links=[]))
        session.add(HitRow(mail_id=mail.id, canary_id=canary.id or 0, at=first, verdict="spam", confidence=0.95,
                           case_id=number, reasons=[{"code": "bulk", "facts": {"signs": ["List-Id"]}}]))  # fmt: skip
        if made.outcome == "confirmed":
            canary.state, canary.burned_at = "burned", first
            session.add(canary)
