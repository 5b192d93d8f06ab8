"""A browser, and the story of the demo as a site to look at: replayed once, then copied for each who changes it."""

import asyncio
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from canary.cli.demo import _prepare
from canary.processes.entered import EnteredSettings
from canary.processes.mailbox_trials import MailboxTrials
from canary.settings import Arranged
from canary.store.database import Database
from canary.store.queries.users import add_user, new_token
from canary.web.app import create_app
from canary.web.config import WebConfig
from canary.web.issue_forms import IssueSettings
from tests import awkward_world
from tests.patience import PATIENCE
from tests.receiver import receiving
from tests.website import IdleImports, KeptPlan

NOW = datetime(2011, 4, 2, 9, 30, tzinfo=UTC)
"""A week after the story ends."""

PASSWORD = "correct horse battery"
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass
class Look:
    """A page that is looked at, all that was asked of anybody meanwhile, and every complaint."""

    page: Page
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on(
            "console", lambda line: self.faults.append(line.text) if line.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda fault: self.faults.append(str(fault)))

    def strangers(self, url: str) -> list[str]:
        """What was asked of anybody but us."""
        return [asked for asked in self.asked if not asked.startswith((f"{url}/", "data:"))]


@dataclass
class Shown:
    """A served store that admits everybody."""

    url: str
    database: Database
    now: Callable[[], datetime]

    def enter(self, page: Page) -> None:
        with self.database.writing() as session:
            secret = new_token(session, 1, "login", timedelta(minutes=5), self.now())
        page.goto(f"{self.url}/login/once/{secret}")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{self.url}/")


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """One browser for all tests of a file; while it lives its event loop runs, and no other test can run one."""
    expect.set_options(timeout=1000 * PATIENCE)
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium: `.ci/install browser` installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(chrome: Browser) -> Iterator[BrowserContext]:
    """A browser that knows nothing yet."""
    context = chrome.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(1000 * PATIENCE)
    yield context
    context.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the story of the demo has happened, among all that is awkward if that is asked for."""
    folder = replayed(tmp_path_factory.mktemp("demo"))
    if os.environ.get("CANARY_WORLD") == "awkward":
        fill_awkwardly(folder)
    return folder


def fill_awkwardly(folder: Path) -> None:
    """Put all that is awkward beside what a store holds."""
    store = Database(f"sqlite:///{folder}/canary.db")
    with store.writing() as session:
        awkward_world.fill(session, NOW)
    store.close()


@pytest.fixture(scope="session")
def shown(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The story served as of a week after its end, for all who only look."""
    with served(copied(demo, tmp_path_factory.mktemp("shown"))) as shown:
        yield shown


def replayed(folder: Path) -> Path:
    """Let the story happen in a folder."""
    with receiving() as slack:
        _, story, stage = _prepare(folder, slack.url, 0)
        # In a thread of its own: the browser, if it is there already, has a loop in this one.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: asyncio.run(stage.replay(story))).result()
    with stage.store.writing() as session:
        add_user(session, "ada", PASSWORD, "admin", NOW)
    stage.store.close()
    return folder


def copied(demo: Path, folder: Path) -> Path:
    """Copy the store of the story with its key."""
    for name in ("canary.db", "secret.key"):
        shutil.copy(demo / name, folder / name)
    return folder


@contextmanager
def served(folder: Path) -> Iterator[Shown]:
    """Serve a data folder on a free port."""
    database = Database(f"sqlite:///{folder}/canary.db")
    slack = {"kind": "slack", "url": "https://hooks.slack.example/services/T0/B0/x"}
    home = {"host": "imap.provider.example", "user": "me@inbox.example", "password": "x"}
    arranged = Arranged(
        data=folder,
        domains=("inbox.example",),
        alert={"destinations": {"slack": slack}},
        inlet={"imap": {"home": home}},
    )
    entered = EnteredSettings(arranged, lambda: NOW)
    app = create_app(WebConfig(
        database, lambda: NOW, health=lambda: {"listener": "listening"}, issuing=IssueSettings(("inbox.example",)),
        desk=entered, mailboxes=MailboxTrials(entered, lambda: NOW), imports=IdleImports(), plan=KeptPlan(),
        self_test=lambda _: None,
    ))  # fmt: skip
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    )  # a page that hears of news would hold it up
    listening = server.config.bind_socket()
    listening.listen(64)  # a client that comes before the server does waits in the queue
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield Shown(f"http://127.0.0.1:{listening.getsockname()[1]}", database, lambda: NOW)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listening.close()
        database.close()
