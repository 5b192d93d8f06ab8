"""Mail that is read where it lies means what it means by SMTP: the same verdicts, and the same said of who is behind it."""

from pathlib import Path

import pytest

from canary.store.database import Database
from tests.ingest import NOW
from tests.landing import DOMAIN, landing
from tests.mailboxes import MAILBOXES, Posted
from tests.parts.test_inlet_parity import CLIENT, HELO, Meanings, by_smtp, furnish, judged, mail_to

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def smtp(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Meanings:
    return by_smtp(tmp_path_factory.mktemp("smtp"), sqlite_template)


@pytest.mark.parametrize("kind", MAILBOXES)
def test_where_its_server_is_trusted_every_mail_means_what_it_means_by_smtp(
    smtp: Meanings, sqlite_store: Database, tmp_path: Path, kind: str
) -> None:
    addresses = furnish(sqlite_store, DOMAIN)
    with MAILBOXES[kind](tmp_path) as box, landing(tmp_path, addresses.values(), clock=lambda: NOW) as land:
        for name, address in addresses.items():
            sender, content = mail_to(name, address)
            box.deliver(name, Posted(sender, address, content, CLIENT, HELO))
        box.reader(land).run_once()
        assert judged(sqlite_store, land.spool, addresses) == smtp
