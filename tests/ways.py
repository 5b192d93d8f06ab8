"""How every route that changes something is used at the least: a new route needs its line here."""

from pathlib import Path

from canary.store import tables
from canary.store.log_key import CARRIED_AS, LogKey
from tests.website import EVIL, NOW, PASSWORD, Site

FRESH = "a new password"

WAYS: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
    ("POST", "/login"): ("/login", {"name": "ada", "password": PASSWORD}),
    ("POST", "/cases/{case_id}/state"): ("/cases/1/state", {"state": "confirmed"}),
    ("POST", "/cases/{case_id}/owner"): ("/cases/1/owner", {"owner": "ada"}),
    ("POST", "/cases/{case_id}/note"): ("/cases/1/note", {"note": EVIL}),
    ("POST", "/cases/{case_id}/aware"): ("/cases/1/aware", {"aware": "2011-03-24"}),
    ("POST", "/cases/{case_id}/statement"): ("/cases/1/statement", {"party": "Play", "text": EVIL, "claim": "no-leak"}),
    ("POST", "/cases/{case_id}/link"): ("/cases/1/link", {"vendor": "play"}),
    ("POST", "/answer/{token}"): ("LINK", {"text": EVIL}),
    ("POST", "/cases/{case_id}/link/revoke"): ("/cases/1/link/revoke", {"link": "1"}),
    ("POST", "/cases/{case_id}/rotate"): ("/cases/1/rotate", {"vendor": "play"}),
    ("POST", "/cases/{case_id}/task"): ("/cases/1/task", {"code": "record"}),
    ("POST", "/cases/{case_id}/letter"): ("/cases/1/letter", {"to": "vendor:play", "text": "Dear {{ to }}"}),
    ("POST", "/cases/{case_id}/split"): ("/cases/1/split", {"what": "vendor:tea"}),
    ("POST", "/cases/{case_id}/merge"): ("/cases/1/merge", {"other": "2"}),
    ("POST", "/cases/{case_id}/undo"): ("/cases/1/undo", {}),
    ("POST", "/senders/questions"): (
        "/senders/questions",
        {"group": f"sender:{EVIL}", "answer": "no", "member": f"play {EVIL}"},
    ),
    ("POST", "/senders"): ("/senders", {"vendor": "play", "sender": EVIL, "answer": "approve"}),
    ("POST", "/vendors/{slug}/family"): ("/vendors/play/family", {"do": "add-domain", "what": "play-mail.example"}),
    ("POST", "/canaries"): ("/canaries", {"vendor": "play"}),
    ("POST", "/new"): ("/new", {"site": "https://www.teahouse.example/"}),
    ("POST", "/canaries/bulk"): ("/canaries/bulk", {"rows": "play,signup,2"}),
    ("POST", "/canaries/adopt"): ("/canaries/adopt", {"rows": "old@example.net,Old Shop"}),
    ("POST", "/canaries/adopt/confirm"): ("/canaries/adopt/confirm", {"rows": "old@example.net,Old Shop"}),
    ("POST", "/canaries/{canary_id}/rotate"): ("/canaries/1/rotate", {}),
    ("POST", "/canaries/{canary_id}/burn"): ("/canaries/1/burn", {}),
    ("POST", "/canaries/{canary_id}/published"): ("/canaries/1/published", {"published": "yes"}),
    ("POST", "/canaries/{canary_id}/confirm"): ("/canaries/3/confirm", {}),
    ("POST", "/canaries/{canary_id}/dismiss"): ("/canaries/4/dismiss", {}),
    ("POST", "/vendors/{slug}/rotate"): ("/vendors/play/rotate", {}),
    ("POST", "/vendors/{slug}/publishes"): ("/vendors/play/publishes", {"publishes": "yes"}),
    ("POST", "/vendors/{slug}/edit"): (
        "/vendors/play/edit",
        {"name": "Playful", "tags": "games", "erasure": "2011-03-01"},
    ),
    ("POST", "/vendors/{slug}/suppliers"): ("/vendors/play/suppliers", {"supplier": "Silverline", "channel": "news"}),
    ("POST", "/vendors/{slug}/suppliers/remove"): (
        "/vendors/play/suppliers/remove",
        {"supplier": "silverline", "channel": "news"},
    ),
    ("POST", "/plan"): ("/plan", {}),
    ("POST", "/vendors/{slug}/remove"): ("/vendors/spare/remove", {}),
    ("POST", "/vendors/{slug}/merge"): ("/vendors/twin/merge", {"into": "play"}),
    ("POST", "/suppliers"): ("/suppliers", {"name": "Letter Works", "domains": "letterworks.example, lw.example"}),
    ("POST", "/suppliers/{slug}/withdraw"): ("/suppliers/letter-works/withdraw", {"domain": "lw.example"}),
    ("POST", "/suppliers/{slug}/edit"): (
        "/suppliers/letter-works/edit",
        {"name": "Lettery", "domains": "letters.example"},
    ),
    ("POST", "/suppliers/{slug}/merge"): ("/suppliers/press/merge", {"into": "letter-works"}),
    ("POST", "/suppliers/{slug}/remove"): ("/suppliers/letter-works/remove", {}),
    ("POST", "/campaigns/{campaign_id}/split"): ("/campaigns/1/split", {"mails": "2"}),
    ("POST", "/campaigns/{campaign_id}/merge"): ("/campaigns/1/merge", {"other": "2"}),
    ("POST", "/alerts/{delivery_id}/retry"): ("/alerts/1/retry", {}),
    ("POST", "/setup/alerts/test"): ("/setup/alerts/test", {"destination": "ops"}),
    ("POST", "/setup/alerts"): (
        "/setup/alerts",
        {"name": "me", "kind": "slack", "url": "https://hooks.slack.example/services/T0/B0/y"},
    ),
    ("POST", "/setup/alerts/remove"): ("/setup/alerts/remove", {"name": "me"}),
    ("POST", "/setup/alerts/mute"): ("/setup/alerts/mute", {"subject": "play", "number": "3", "unit": "days"}),
    ("POST", "/setup/alerts/unmute"): ("/setup/alerts/unmute", {"subject": "vendor:play"}),
    ("POST", "/setup/inlets"): (
        "/setup/inlets",
        {"kind": "imap", "name": "home", "host": "imap.provider.example", "user": "me@inbox.example", "password": "x"},
    ),
    ("POST", "/setup/inlets/test"): ("/setup/inlets/test", {"name": "home"}),
    ("POST", "/setup/inlets/remove"): ("/setup/inlets/remove", {"kind": "imap", "name": "home"}),
    ("POST", "/setup/keeping/retention"): ("/setup/keeping/retention", {"days": "90"}),
    ("POST", "/setup/keeping/decoys"): ("/setup/keeping/decoys", {"count": "4", "every": "0"}),
    ("POST", "/setup/import"): ("/setup/import", {"name": "mail.mbox", "adopt": "example.net"}),
    ("POST", "/setup/start/vendor"): ("/setup/start/vendor", {"name": "Lamp", "domain": "lamp.example"}),
    ("POST", "/setup/start/self-test"): ("/setup/start/self-test", {}),
    ("POST", "/account/password"): ("/account/password", {"present": PASSWORD, "password": FRESH, "again": FRESH}),
    ("POST", "/account/sessions/end"): ("/account/sessions/end", {}),
    ("POST", "/setup/tokens"): ("/setup/tokens", {"name": "x"}),
    ("POST", "/setup/tokens/end"): ("/setup/tokens/end", {"token": "TOKEN"}),
    ("POST", "/setup/users"): ("/setup/users", {"name": "bob"}),
    ("POST", "/setup/users/{user_id}/role"): ("/setup/users/2/role", {"role": "admin"}),
    ("POST", "/setup/users/{user_id}/reset"): ("/setup/users/2/reset", {}),
    ("POST", "/setup/users/{user_id}/end"): ("/setup/users/2/end", {}),
    ("POST", "/setup/users/{user_id}/remove"): ("/setup/users/3/remove", {}),
    ("POST", "/login/once/{token}"): ("ONCE", {}),
    ("POST", "/login/reset/{token}"): ("RESET", {"password": FRESH, "again": FRESH}),
    ("POST", "/logout"): ("/logout", {}),
}
"""A way to use every route that changes something, in an order in which each succeeds."""


def tentative(site: Site) -> None:
    """Let there be four addresses that a program made, and a key of the log."""
    site.database._info[CARRIED_AS] = LogKey(Path(site.database.url.database or "").with_name("log.key"))
    with site.database.writing() as session:
        for n in range(3, 7):
            session.add(tables.CanaryRow(id=n, address=f"p{n}@example.net", domain="example.net", vendor_id=1, style="tagged", bits=65, issued_at=NOW, tentative=True))  # fmt: skip


def ready(site: Site) -> None:
    """Let there be a campaign of two mails, at two vendors of one case, and another one; and tentative addresses."""
    tentative(site)
    with site.database.writing() as session:
        session.get_one(tables.MailRow, 2).campaign_id = 1
        session.get_one(tables.CampaignRow, 1).mails = 2
        session.add(tables.CampaignMailRow(mail_id=2))
        session.add(tables.VendorRow(slug="tea", name="Tea", created_at=NOW))
        session.flush()
        session.add(tables.CanaryRow(id=2, address="t@example.net", domain="example.net", vendor_id=2, style="tagged", bits=65, issued_at=NOW))  # fmt: skip
        session.add(tables.CaseVendorRow(case_id=1, vendor_id=2))
        session.flush()
        session.add(
            tables.HitRow(mail_id=2, canary_id=2, at=NOW, verdict="spam", confidence=0.9, case_id=1, reasons=[])
        )
        session.add(tables.CampaignRow(subject="other", first_at=NOW, last_at=NOW, mails=0))


def add_spares(site: Site) -> None:
    """Let there be vendors without any address, which can be removed and merged; a supplier; a case looked into."""
    with site.database.writing() as session:
        session.get_one(tables.CaseRow, 1).state = "investigating"
        session.add(tables.SupplierRow(slug="press", name="Press", created_at=NOW))
        session.add_all(tables.VendorRow(slug=name, name=name.title(), created_at=NOW) for name in ("spare", "twin"))


CALLS: dict[tuple[str, str], tuple[str, dict[str, object] | None]] = {
    ("POST", "/cases/{case_id}/state"): ("/cases/1/state", {"state": "confirmed", "note": "looking"}),
    ("POST", "/vendors"): ("/vendors", {"name": "Tea House", "domains": ["tea.example"], "tags": ["food"]}),
    ("PATCH", "/vendors/{slug}"): ("/vendors/play", {"domains": ["play.example"], "grace_days": 3}),
    ("DELETE", "/vendors/{slug}"): ("/vendors/spare", None),
    ("POST", "/vendors/{slug}/merge"): ("/vendors/tea-house/merge", {"into": "play"}),
    ("POST", "/vendors/{slug}/suppliers"): ("/vendors/play/suppliers", {"supplier": "Silverline", "channel": "news"}),
    ("POST", "/vendors/{slug}/suppliers/withdraw"): (
        "/vendors/play/suppliers/withdraw",
        {"supplier": "silverline", "channel": "news"},
    ),
    ("POST", "/suppliers"): ("/suppliers", {"name": "Letter Works", "domains": ["letterworks.example"]}),
    ("POST", "/suppliers/{slug}/withdraw"): ("/suppliers/letter-works/withdraw", {"domains": ["letterworks.example"]}),
    ("PATCH", "/suppliers/{slug}"): ("/suppliers/letter-works", {"name": "Lettery", "domains": ["letters.example"]}),
    ("POST", "/suppliers/{slug}/merge"): ("/suppliers/press/merge", {"into": "letter-works"}),
    ("DELETE", "/suppliers/{slug}"): ("/suppliers/letter-works", None),
    ("POST", "/canaries"): ("/canaries", {"vendor": "play", "count": 3}),
    ("POST", "/canaries/{canary_id}/rotate"): ("/canaries/1/rotate", None),
    ("POST", "/canaries/{canary_id}/burn"): ("/canaries/1/burn", None),
    ("POST", "/canaries/{canary_id}/confirm"): ("/canaries/5/confirm", {}),
    ("POST", "/canaries/{canary_id}/dismiss"): ("/canaries/6/dismiss", None),
    ("PATCH", "/canaries/{canary_id}"): ("/canaries/1", {"published": True}),
    ("POST", "/cases/{case_id}/notes"): ("/cases/1/notes", {"text": EVIL}),
    ("POST", "/cases/{case_id}/owner"): ("/cases/1/owner", {"owner": "ada"}),
    ("POST", "/cases/{case_id}/links"): ("/cases/1/links", {"vendor": "play", "days": 7}),
    ("DELETE", "/cases/{case_id}/links/{link}"): ("/cases/1/links/1", None),
    ("POST", "/questions/answer"): ("/questions/answer", {"group": f"sender:{EVIL}", "vendors_own": False}),
    ("POST", "/senders/approve"): ("/senders/approve", {"vendor": "play", "sender": EVIL}),
    ("POST", "/senders/deny"): ("/senders/deny", {"vendor": "play", "sender": EVIL}),
    ("POST", "/senders/undo"): ("/senders/undo", {"vendor": "play", "sender": EVIL}),
    ("POST", "/alerts/test"): ("/alerts/test", {"destination": "ops"}),
    ("POST", "/alerts/{delivery_id}/retry"): ("/alerts/1/retry", None),
}
"""The same for the calls of the API, below /api/v1."""
