"""The worlds in which pages are looked at: the story of the demo, an awkward one, one vendor alone, and nothing yet."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, col, select

from canary.store.database import Database
from canary.store.queries.users import add_user
from canary.store.tables import CampaignRow, CanaryRow, CaseRow, HitRow, VendorRow
from tests.awkward_world import NAMES, alone
from tests.browser.conftest import NOW, PASSWORD, copied, fill_awkwardly

LISTS = {
    "overview": "/",
    "suppliers": "/suppliers",
    "cases": "/cases",
    "watching": "/watching",
    "mails": "/mail",
    "canaries": "/canaries",
    "senders": "/senders",
    "campaigns": "/campaigns",
    "tray": "/tray",
    "set-aside": "/set-aside",
    "alerts": "/alerts",
    "nodes": "/nodes",
    "search": "/search?q=reader",
    "setup": "/setup",
    "first-steps": "/setup/start",
    "alert-setup": "/setup/alerts",
    "import": "/setup/import",
    "keeping": "/setup/keeping",
    "plan": "/plan",
    "inlets": "/setup/inlets",
    "users": "/setup/users",
    "user": "/setup/users/1",
    "tokens": "/setup/tokens",
    "audit": "/audit",
    "account": "/account",
    "lost": "/nowhere",
}
"""The pages that are there whatever has happened."""

STORY = LISTS | {
    "vendor": "/vendors/playbox",
    "vendor-edit": "/vendors/playbox/edit",
    "vendor-merge": "/vendors/playbox/merge?into=pedalmoor",
    "adoption": "/canaries/adopt",
    "leaking": "/?show=leaking&sort=name",
    "supplier": "/suppliers/silverline",
    "supplier-edit": "/suppliers/silverline/edit",
    "case": "/cases/1",
    "case-letter": "/cases/1/letter",
    "mail": "/mail/{spam}",
    "letter": "/mail/{spam}?html=1",
    "narrowed": "/mail?verdict=spam&vendor=playbox&since=2011-03-01&until=2011-03-31",
    "new": "/new?site=https://www.bikeparts.example/basket",
    "canary": "/canaries/{canary}",
    "burned": "/canaries/{burned}",
    "campaign": "/campaigns/1",
    "family": "/vendors/playbox/family?do=add-domain&what=play-mail.example",
    "effect": "/senders/effect?vendor=playbox&sender=playbox.example",
}
AWKWARD = LISTS | {
    "last-vendors": "/?show=all&sort=name&after=shop-5",
    "case-of-account": "/cases/{account}",
    "case-settled": "/cases/{settled}",
    "supplier-of-many": "/suppliers/silverline",
    "supplier-merge": "/suppliers/awkward-supplier-0/merge?into=silverline",
    "campaign": "/campaigns/{campaign}",
    **{f"vendor-{n}": f"/vendors/awkward-{n}" for n in range(len(NAMES))},
    **{f"supplier-{n}": f"/suppliers/awkward-supplier-{n}" for n in range(len(NAMES))},
    **{f"case-{n}": f"/cases/{{case-{n}}}" for n in range(len(NAMES))},
    "case-letter": "/cases/{case-0}/letter",
    "canary": "/canaries/{long}",
    "found": "/search?q=awkward",
    "found-many": "/search?q=shop",
    "family": "/vendors/awkward-0/family?do=add-domain&what=shop-5.example",
    "effect": "/senders/effect?vendor=awkward-1&sender=till1.example",
}
ALONE = LISTS | {"vendor": "/vendors/only", "canary": "/canaries/1", "issued": "/canaries?vendor=only"}


@dataclass(frozen=True)
class PageWorld:
    """A world: how its store is made from that of the story in another folder, and its pages by name."""

    make: Callable[[Path, Path], Path]
    pages: dict[str, str]


def awkward_store(demo: Path, folder: Path) -> Path:
    """The story of the demo among all that is awkward."""
    fill_awkwardly(copied(demo, folder))
    return folder


def alone_store(_: Path, folder: Path) -> Path:
    """One vendor with one address."""
    return _store(folder, lambda session: alone(session, NOW))


def empty_store(_: Path, folder: Path) -> Path:
    """A user, and nothing else."""
    return _store(folder, lambda _: None)


def _store(folder: Path, write: Callable[[Session], None]) -> Path:
    database = Database(f"sqlite:///{folder}/canary.db")
    database.migrate()
    with database.writing() as session:
        add_user(session, "ada", PASSWORD, "admin", NOW)
        write(session)
    database.close()
    return folder


WORLDS = {
    "demo": PageWorld(copied, STORY),
    "awkward": PageWorld(awkward_store, AWKWARD),
    "alone": PageWorld(alone_store, ALONE),
    "empty": PageWorld(empty_store, LISTS),
}


def addresses(database: Database, pages: dict[str, str]) -> dict[str, str]:
    """Return the paths of pages, with the numbers that they name."""
    with database.reading() as session:
        numbers = {name: session.exec(query.limit(1)).first() for name, query in _NUMBERS.items()}
    return {name: path.format_map(numbers) for name, path in pages.items()}


def _case_of(slug: str):  # type: ignore[no-untyped-def]
    return select(CaseRow.id).join(VendorRow).where(VendorRow.slug == slug)


_NUMBERS = {
    "spam": select(HitRow.mail_id).where(HitRow.verdict == "spam").order_by(col(HitRow.id)),
    "canary": select(CanaryRow.id).where(CanaryRow.state == "active").order_by(col(CanaryRow.issued_at)),
    "burned": select(CanaryRow.id).where(CanaryRow.state == "burned"),
    "long": select(CanaryRow.id).where(col(CanaryRow.address).startswith("aaaaa")),
    "campaign": select(CampaignRow.id),
    "account": _case_of("long"),
    "settled": _case_of("shop-3"),
    **{f"case-{n}": _case_of(f"awkward-{n}") for n in range(len(NAMES))},
}
