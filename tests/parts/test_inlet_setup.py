"""Inlets that are entered in the browser: their page, their secrets, and that they are in use at once."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select, text

from canary.http_inlet_settings import HttpInletSettings
from canary.inlets.ledger import Phase
from canary.processes.entered import EnteredSettings
from canary.processes.entered_sections import MAILBOXES as ENTERED_MAILBOXES
from canary.processes.entered_sections import SECTIONS
from canary.processes.entered_sections import SERVICES as ENTERED_SERVICES
from canary.processes.followed_settings import FollowedSettings
from canary.processes.ingest_process import ServicesInForce, service_paths
from canary.processes.mailbox_health import entered_mark, open_ledger
from canary.processes.mailbox_process import RunningMailboxes, mailboxes_in_force, open_desk
from canary.processes.mailbox_trials import MailboxTrials
from canary.processes.roles import all_roles, waiting_roles
from canary.processes.spools import clock
from canary.processes.stores import open_store, prepare_store
from canary.settings import Arranged, Settings
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac
from canary.store.tables import AuditRow
from canary.web.app import create_app
from canary.web.config import WebConfig
from canary.web.inlet_forms import MAILBOXES as MAILBOX_FORMS
from canary.web.inlet_forms import SERVICES as SERVICE_FORMS
from canary.web.inlet_forms import InletForm
from tests.ingest import SETTINGS as SERVICES
from tests.ingest import TOPIC, Ingest, raw
from tests.patience import PATIENCE
from tests.processes import eventually
from tests.website import NOW, Site, filled, serve_app

HOME = {
    "kind": "imap", "name": "home", "host": "imap.provider.example", "user": "me@inbox.example", "password": "verysecret",
    "folders": "INBOX, Lists", "receivers": "mx.provider.example",
}  # fmt: skip
WRITTEN = {"work": {"host": "imap.work.example", "user": "me@work.example", "password": "verysecret"}}
Report = Callable[[str], None]


class Provider:
    """Stands where mailboxes are tested: waits to be let go on, then answers or fails."""

    def __init__(self) -> None:
        self.may_answer, self.fault, self.tried = threading.Event(), "", list[str]()

    def __call__(self, settings: Settings, name: str, _: Report, report: Report) -> tuple[str, float | None]:
        password = settings.inlet.imap[name].password if name in settings.inlet.imap else None
        self.tried.append(password.get_secret_value() if password else "")
        report(f"{name}: logged in; 3 mails in INBOX")
        assert self.may_answer.wait(PATIENCE)
        if self.fault:
            raise OSError(self.fault)
        return f"{name}: logged in; 3 mails in INBOX", 2.5


@contextmanager
def served(folder: Path, **more: Any) -> Iterator[tuple[Site, EnteredSettings, Provider]]:
    (folder / "canary.db").write_bytes(filled())
    database = Database(f"sqlite:///{folder}/canary.db", decoy_mac=DecoyMac(folder / "decoy.key"))
    settings = Arranged(data=folder, domains=("example.net",), inlet={"imap": WRITTEN}, **more)
    entered, provider = EnteredSettings(settings, lambda: NOW), Provider()
    trials = MailboxTrials(entered, lambda: NOW, provider)
    app = create_app(WebConfig(database, lambda: NOW, desk=entered, mailboxes=trials))
    with serve_app(Site("", app, database, NOW)) as site:
        yield site, entered, provider
        provider.may_answer.set()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Site, EnteredSettings, Provider]]:
    with served(tmp_path) as found:
        yield found


def post(site: Site, path: str, role: str = "admin", /, **form: str) -> httpx.Response:
    with site.logged_in(role) as client:
        return client.post(path, data=form)


def page(site: Site, path: str = "/setup/inlets") -> str:
    with site.logged_in() as client:
        return client.get(path).text


def after_test(site: Site, until: str) -> str:
    """What is shown of a test, asked for again as the page does until it says something."""
    eventually(lambda: until in page(site, "/setup/inlets/tested?name=home"))
    return page(site, "/setup/inlets/tested?name=home")


def test_a_mailbox_that_is_entered_is_in_force_tested_and_seen_working(
    place: tuple[Site, EnteredSettings, Provider],
) -> None:
    site, entered, provider = place
    answer = post(site, "/setup/inlets", **HOME)
    assert answer.headers["location"] == "/setup/inlets?tested=home#tested"
    assert "hx-get" in after_test(site, "A self-test lies in it")
    provider.may_answer.set()
    assert "hx-get" not in after_test(site, "read and judged after\n    2.5 s")
    with site.database.reading() as session:
        found = entered.current(session).settings.inlet.imap["home"]
    assert (found.folders, found.trusted) == (("INBOX", "Lists"), ("mx.provider.example",))
    assert provider.tried == ["verysecret"]


def test_no_password_is_on_a_page_or_readable_in_the_store(place: tuple[Site, EnteredSettings, Provider]) -> None:
    site, _, _ = place
    post(site, "/setup/inlets", **HOME)
    with site.database.reading() as session:
        rows = str(session.connection().execute(text("SELECT * FROM entered")).all())
    shown = page(site) + page(site, "/setup/inlets?edit=home")
    assert ("me@inbox.example" in shown, "verysecret" in shown + rows) == (True, False)


def test_what_went_wrong_is_one_line_and_leads_to_the_form(place: tuple[Site, EnteredSettings, Provider]) -> None:
    site, _, provider = place
    provider.fault = "home: imap.provider.example: does not let me@inbox.example log in: correct user and password"
    provider.may_answer.set()
    post(site, "/setup/inlets", **HOME)
    shown = after_test(site, "did not work")
    assert (provider.fault in shown, "/setup/inlets?edit=home#form" in shown) == (True, True)


def test_what_the_settings_file_says_is_shown_and_not_changed(place: tuple[Site, EnteredSettings, Provider]) -> None:
    site, _, _ = place
    shown = page(site)
    assert ("written in canary.toml" in shown, "edit=work" in shown) == (True, False)
    for kind in ("imap", "maildir"):
        answer = post(site, "/setup/inlets", **{**HOME, "kind": kind, "name": "work", "path": "/srv/mail"})
        assert answer.status_code == 422
        assert "inlet.imap.work" in answer.text


def test_a_password_stays_as_it_was_but_goes_to_no_other_server(place: tuple[Site, EnteredSettings, Provider]) -> None:
    site, entered, _ = place
    post(site, "/setup/inlets", **HOME)
    assert post(site, "/setup/inlets", **{**HOME, "password": "", "folders": ""}).status_code == 303
    with site.database.reading() as session:
        found = entered.current(session).settings.inlet.imap["home"]
    assert (found.folders, found.password and found.password.get_secret_value()) == (("INBOX",), "verysecret")
    answer = post(site, "/setup/inlets", **{**HOME, "password": "", "host": "imap.thief.example"})
    assert (answer.status_code, "enter it again, as host is another one now" in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"port": "many"}, "port &#39;many&#39;: give a number"),
        ({"host": ""}, "host: Field required"),
        ({"security": "none"}, "would send the password in clear"),
        ({"name": "Home!"}, "use a to z"),
        ({"kind": "pigeon"}, "choose imap, maildir, jmap"),
        ({"kind": "maildir"}, "path: Field required"),
        ({"kind": "jmap", "url": "http://mail.example/", "poll": "often"}, "poll &#39;often&#39;: give a number"),
        ({"kind": "graph", "tenant": "a b"}, "tenant: String should match"),
        ({"provider": "google", "client_id": "c", "refresh_token": "r"}, "set either password"),
        ({"kind": "ingest/raw", "secrets": "verysecret-verysecret"}, "base64 key after whsec_"),
        ({"kind": "ingest/ses", "topics": "mine"}, "arn:aws:sns:"),
        ({"kind": "ingest/ses", "topics": TOPIC, "secret_key": "verysecret"}, "belong together"),
    ],
)
def test_what_cannot_be_is_one_line(
    place: tuple[Site, EnteredSettings, Provider], given: dict[str, str], line: str
) -> None:
    answer = post(place[0], "/setup/inlets", **{**HOME, **given})
    assert (answer.status_code, line in answer.text, "verysecret" in answer.text) == (422, True, False)


def test_a_mailbox_is_removed_by_administrators_only(place: tuple[Site, EnteredSettings, Provider]) -> None:
    site, entered, _ = place
    post(site, "/setup/inlets", **HOME)
    assert post(site, "/setup/inlets/remove", "analyst", kind="imap", name="home").status_code == 403
    assert post(site, "/setup/inlets/remove", kind="imap", name="home").status_code == 303
    with site.database.reading() as session:
        assert list(entered.current(session).settings.inlet.imap) == ["work"]


MAILBOXES: dict[str, dict[str, str]] = {
    "imap": {"host": "imap.provider.example", "user": "me", "provider": "google", "client_id": "c",
             "refresh_token": "verysecret", "move_to": "Leaks", "mark_seen": "yes", "folders": "INBOX, Lists"},
    "jmap": {"url": "https://api.fastmail.com/jmap/session", "password": "verysecret", "folders": "Inbox, Shops"},
    "graph": {"user": "me@inbox.example", "tenant": "inbox.example", "client_id": "c", "client_secret": "verysecret"},
    "sqs": {"queue": "https://sqs.eu-west-1.amazonaws.com/1/q", "region": "eu-west-1", "buckets": "mine, yours",
            "access_key": "AKIA", "secret_key": "verysecret"},
}  # fmt: skip


def test_what_the_settings_file_offers_for_a_mailbox_is_entered_and_kept_when_it_is_changed(
    place: tuple[Site, EnteredSettings, Provider],
) -> None:
    site, entered, provider = place
    provider.may_answer.set()
    secret = dict.fromkeys(("provider", "refresh_token", "password", "client_secret", "secret_key"), "")
    for kind, form in MAILBOXES.items():
        changed = {**form, **secret, "client_id": form["client_id"] if kind == "graph" else ""}
        for given in (form, changed):
            assert post(site, "/setup/inlets", kind=kind, name=f"my-{kind}", **given).status_code == 303
        shown = page(site, f"/setup/inlets?edit=my-{kind}")
        assert (f"Change my-{kind}" in shown, "verysecret" in shown) == (True, False)
    inlets = in_force(site, entered).inlet
    mail = inlets.imap["my-imap"]
    assert (mail.password, mail.move_to, mail.mark_seen, mail.oauth and mail.oauth.provider, len(inlets.names)) == (
        None, "Leaks", True, "google", 5,
    )  # fmt: skip
    assert inlets.secrets.count("verysecret") == 5
    post(site, "/setup/inlets", **{**HOME, "name": "my-imap"})
    assert in_force(site, entered).inlet.imap["my-imap"].oauth is None


def in_force(site: Site, entered: EnteredSettings) -> Settings:
    with site.database.reading() as session:
        return entered.current(session).settings


def test_every_inlet_that_can_be_entered_has_a_form_with_its_fields() -> None:
    assert list(MAILBOX_FORMS) == list(ENTERED_MAILBOXES)
    assert list(SERVICE_FORMS) == list(ENTERED_SERVICES)
    whole = Arranged(ingest={name: values for name, values in SERVICES.items() if name != "port"})
    assert service_paths(whole) == {name: about.posts for name, about in SERVICE_FORMS.items()}
    for section, about in {**MAILBOX_FORMS, **SERVICE_FORMS}.items():
        kind = SECTIONS[section]
        assert {f.within or f.name for f in about.fields if f.is_secret} == kind.secret
        assert {f.within or f.name for f in about.fields} <= set(kind.model.model_fields) - kind.fixed
        assert {f.name for f in about.fields} <= set(InletForm.model_fields)


GIVEN = {name.replace("_", "-"): values for name, values in SERVICES.items() if name != "port"}


def test_a_service_that_posts_is_entered_changed_tested_and_removed(
    place: tuple[Site, EnteredSettings, Provider],
) -> None:
    site, entered, provider = place
    provider.may_answer.set()
    with site.logged_in("admin") as client:
        for name, values in GIVEN.items():
            kind, form = f"ingest/{name}", {k: ", ".join(v) if isinstance(v, list) else v for k, v in values.items()}
            hidden = {key for key in form if key in ("secrets", "password", "token")}
            for given in (form, {key: value for key, value in form.items() if key not in hidden}):
                answer = client.post("/setup/inlets", data={"kind": kind, **given})
                assert answer.headers["location"] == f"/setup/inlets?tested=ingest%2F{name}#tested"
            wanted = HttpInletSettings.model_validate({name.replace("-", "_"): values})
            assert in_force(site, entered).ingest == wanted
            shown = client.get(f"/setup/inlets?edit={kind}").text
            assert (f"Change {kind}" in shown, any(form[key] in shown for key in hidden)) == (True, False)
            with site.database.reading() as session:
                found = session.exec(select(AuditRow).where(AuditRow.subject == kind)).all()
            assert [row.action for row in found] == ["setting-entered"] * 2
            assert client.post("/setup/inlets/remove", data={"kind": kind}).status_code == 303
            assert in_force(site, entered).ingest.services == ()


def test_a_service_of_the_settings_file_is_shown_and_not_changed(tmp_path: Path) -> None:
    with served(tmp_path, ingest={"raw": SERVICES["raw"]}) as (site, _, _):
        shown = page(site, "/setup/inlets?edit=ingest/raw")
        assert ("Change ingest/raw" in shown, SERVICES["raw"]["secrets"][0] in shown) == (False, False)
        answer = post(site, "/setup/inlets", kind="ingest/raw", secrets=SERVICES["raw"]["secrets"][0])
        assert (answer.status_code, "ingest.raw: is written in canary.toml" in answer.text) == (422, True)
        assert post(site, "/setup/inlets/remove", kind="ingest/raw").status_code == 404


def test_a_service_is_served_as_soon_as_it_is_entered_and_no_more_once_it_is_removed(tmp_path: Path) -> None:
    settings = Arranged(data=tmp_path, domains=("example.net",))
    none: dict[str, Any] = dict.fromkeys(SERVICES.keys() - {"port"})
    with Ingest(tmp_path, **none) as ingest:
        followed = FollowedSettings(settings, ENTERED_SERVICES)
        services = ServicesInForce(ingest.application, followed, ingest.fetch)

        def answer() -> int:
            ingest.run(services.look())
            return ingest.post(raw()).status_code

        assert ingest.post(raw()).status_code == 404
        before = answer()
        enter(settings, "ingest/raw", SERVICES["raw"], "")
        entered = answer()
        (tmp_path / "settings.key").rename(tmp_path / "elsewhere")
        ingest.run(services.look())
        enter(settings, "ingest/sendgrid", SERVICES["sendgrid"], "")
        broken = answer()
        (tmp_path / "elsewhere").rename(tmp_path / "settings.key")
        remove(settings, "ingest/raw", "")
        removed = answer()
        followed.close()
    assert (before, entered, broken, removed) == (503, 200, 503, 404)
    assert entered_mark(tmp_path, "ingest").exists()


def test_the_role_of_the_mailboxes_waits_for_the_first_one(tmp_path: Path) -> None:
    settings = Arranged(data=tmp_path, domains=("in.example",))
    assert ("mailboxes" in all_roles(settings), waiting_roles(settings)) == (
        False,
        {name: entered_mark(tmp_path, name) for name in ("mailboxes", "ingest")},
    )
    enter(settings, "imap", {"host": "imap.example", "user": "me", "password": "x"})
    assert [entered_mark(tmp_path, name).exists() for name in ("mailboxes", "ingest")] == [True, False]


def enter(settings: Settings, section: str, given: dict[str, object], name: str = "local") -> None:
    store = open_store(settings)
    prepare_store(settings, store)
    with store.writing() as session:
        EnteredSettings(settings, clock).enter(session, section, name, given, "ann")
    store.close()


def test_a_mailbox_is_read_as_soon_as_it_is_entered_and_no_more_once_it_is_removed(tmp_path: Path) -> None:
    nowhere = {"url": "http://127.0.0.1:1/session", "password": "x"}
    settings = Arranged(data=tmp_path, domains=("in.example",), inlet={"jmap": {"post": nowhere}})
    maildir = tmp_path / "Maildir"
    for part in ("new", "cur", "tmp"):
        (maildir / part).mkdir(parents=True)

    async def live() -> list[set[str]]:
        follow, seen = mailboxes_in_force(settings), []
        async with open_desk(settings) as desk:
            reading = RunningMailboxes(desk, lambda _: {})
            for change in (
                lambda: None,
                lambda: enter(settings, "maildir", {"path": str(maildir)}),
                lambda: remove(settings),
            ):
                await asyncio.to_thread(change)
                await reading.change_to(await asyncio.to_thread(follow))
                seen.append({thread.name for thread in threading.enumerate() if thread.name.startswith("inlet ")})
                await asyncio.to_thread(looked, settings) if "inlet local" in seen[-1] else None
            await reading.end()
        return seen

    assert asyncio.run(live()) == [{"inlet post"}, {"inlet post", "inlet local"}, {"inlet post"}]


def looked(settings: Settings) -> None:
    ledger = open_ledger(settings)
    eventually(lambda: ledger.state("local").phase is Phase.WATCHING)
    ledger.close()


def remove(settings: Settings, section: str = "maildir", name: str = "local") -> None:
    store = open_store(settings)
    with store.writing() as session:
        EnteredSettings(settings, clock).remove(session, section, name, "ann")
    store.close()
