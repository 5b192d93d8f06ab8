"""Mail that SES leaves in a queue and a bucket, read without any open port, from a server that answers for Amazon."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canary.inlets.faults import InletFault
from canary.inlets.sqs import SqsReader
from canary.model.mail import Trust
from canary.processes.remote_mailboxes import remote_readers
from canary.processes.remote_trial import looked_into_remotely
from canary.spool.spool import Spool
from canary.store.database import Database
from tests.amazon import OTHER, REGION, Amazon, amazon, event, notice, queue_settings
from tests.landing import Landing, landing, mail, mailbox_side
from tests.slow.test_mailbox_kill import read, subjects

pytestmark = pytest.mark.slow

TO, SENDER = "shop.k7q2@in.example", "u@bad.example"
LINE = (
    f"Return-Path: <{SENDER}>\r\nReceived: from out.bad.example (out.bad.example [192.0.2.7])\r\n"
    f" by inbound-smtp.{REGION}.amazonaws.com with SMTP id 1 for {TO};\r\n Sun, 01 Mar 2026 12:00:00 +0000 (UTC)\r\n"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Amazon]:
    with amazon() as found:
        yield found


@pytest.fixture
def queue(server: Amazon, request: pytest.FixtureRequest) -> Amazon:
    server.begin(str(abs(hash(request.node.name))))
    return server


@pytest.fixture
def land(tmp_path: Path) -> Iterator[Landing]:
    with landing(tmp_path, max_size=20_000) as found:
        yield found


def reader(land: Landing, there: Amazon, **more: Any) -> SqsReader:
    [found] = remote_readers(
        queue_settings(there.queue, land.folder, **more), land.desk, lambda _: lambda _done, _all: None, (),
        lambda receivers: mailbox_side(*receivers),
    )  # fmt: skip
    assert isinstance(found, SqsReader)
    return found


def letter(subject: str = "hello", top: str = LINE, **more: str) -> bytes:
    return mail(TO, subject, top=top, sender=SENDER, **more)


def test_mail_is_read_from_bucket_and_queue_octet_for_octet_and_its_messages_are_deleted(
    land: Landing, queue: Amazon
) -> None:
    contents = [letter(f"mail {number}") + bytes(range(128, 256)) for number in range(3)]
    queue.put("in/a b+c", contents[0])
    queue.send(event("in/a b+c"))
    queue.put("in/2", contents[1])
    queue.send(notice(TO, SENDER, stored="in/2", name="m2"))
    queue.send(notice(TO, SENDER, content=contents[2], name="m3"))
    queue.send(notice(TO, SENDER, content=contents[2], name="m3"))
    queue.send('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "mail-bucket"}')
    queue.send(event("in/2", kind="ObjectRemoved:Delete"))
    reader(land, queue).run_once()
    found = sorted(land.mails, key=lambda mail: mail.content)
    assert [mail.content for mail in found] == contents
    for each in found:
        envelope = each.envelope
        assert (envelope.rcpt_to, envelope.mail_from, envelope.client.ip) == ((TO,), SENDER, "192.0.2.7")
        assert (envelope.trust, envelope.inlet) == (Trust.RECEIVER, "home")
    assert queue.left() == 0


def test_what_is_none_of_ours_or_not_there_is_kept_apart_after_some_tries_and_said_once(
    land: Landing, queue: Amazon, caplog: pytest.LogCaptureFixture
) -> None:
    queue.put("x", letter(), OTHER)
    bad = [
        event("x", OTHER), event("not-there"), event("../x"), "{", "[" * 100_000, '{"Records": 3}',
        notice(TO, SENDER, stored="x", bucket=OTHER), notice(TO, SENDER, content=b"a").replace(":canary", ":other"),
    ]  # fmt: skip
    for body in bad:
        queue.send(body)
    reader(land, queue, tries=2, visibility=1).run_once()
    assert (land.mails, queue.left()) == ([], len(bad))
    caplog.clear()
    while queue.left():
        reader(land, queue, tries=2, visibility=1).run_once()
    apart = list((land.folder / "inlets/unreadable/home").iterdir())
    assert sorted(file.read_text() for file in apart) == sorted(bad)
    said = [line for line in caplog.messages if "cannot be read" in line]
    assert len(said) == len(bad)
    assert any("another-bucket" in line for line in said)


def test_a_mail_that_is_too_big_is_not_read_and_does_not_come_again(
    land: Landing, queue: Amazon, caplog: pytest.LogCaptureFixture
) -> None:
    queue.put("big", letter(text="x" * 30_000))
    queue.send(event("big"))
    reader(land, queue).run_once()
    assert (land.mails, queue.left()) == ([], 0)
    assert "more than 20000 octets is not read" in caplog.text


def test_what_is_wrong_with_the_queue_is_one_line_and_a_look_into_it_says_what_waits(
    land: Landing, queue: Amazon
) -> None:
    with pytest.raises(InletFault, match="check queue"):
        reader(land, queue, queue=f"{queue.queue}x").run_once()
    queue.send(event("in/1"))
    said: list[str] = []
    looked_into_remotely(queue_settings(queue.queue, land.folder), "home", lambda _: None, said.append)
    assert said == ["home: 1 messages wait in the queue"]


def test_killed_between_receiving_and_deleting_no_mail_is_lost_and_none_counted_twice(
    sqlite_store: Database, tmp_path: Path, queue: Amazon
) -> None:
    for number in range(14):
        queue.put(f"in/{number}", letter(f"mail {number}"))
        queue.send(event(f"in/{number}"))
    for step in ("<InletDesk.hand_over", ">InletDesk.hand_over"):
        while (ended := read(tmp_path, f"sqs:{queue.queue}", step)) == 0:
            assert queue.left() == 14  # what died had received some, and nobody gets these for a while
        assert ended == -signal.SIGKILL
    while queue.left():
        assert read(tmp_path, f"sqs:{queue.queue}") == 0
    spool = Spool(tmp_path / "mailboxes.db", reserve_bytes=0, max_backlog=1000)
    assert subjects(sqlite_store, spool) == {f"mail {number}": 1 for number in range(14)}
    spool.close()
