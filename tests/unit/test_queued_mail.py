"""Messages of a queue: the mails that they name, and what is not believed."""

from pathlib import Path

import pytest

from canary.inlets.queued_mail import BadMessage, BelievedSources, mails_in
from canary.inlets.set_aside import SetAsideFolder
from tests.amazon import BUCKET, OTHER, TOPIC, event, notice

SOURCES = BelievedSources((TOPIC,), (BUCKET,))
TO, SENDER = "shop@in.example", "news@shop.example"


def test_a_notification_says_the_envelope_and_where_the_mail_is() -> None:
    [inline] = mails_in(notice(TO, SENDER, content=b"caf\xe9"), SOURCES)
    [stored] = mails_in(notice(TO, SENDER, stored="in/1"), SOURCES)
    assert (inline.recipients, inline.sender, inline.content) == ((TO,), SENDER, b"caf\xe9")
    assert (stored.recipients, stored.stored) == ((TO,), (BUCKET, "in/1"))


def test_an_event_says_where_the_mail_is_and_nothing_of_its_envelope() -> None:
    [found] = mails_in(event("in/a b+\u00e9"), SOURCES)
    assert (found.recipients, found.stored) == ((), (BUCKET, "in/a b+\u00e9"))
    assert mails_in(event("in/1", kind="ObjectRemoved:Delete"), SOURCES) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("{", "no JSON"),
        ("x" * 3_000_000, "3,000,000 characters"),
        ("{}", "neither of a topic"),
        (event("x", OTHER), "'another-bucket', which is not among buckets"),
        (event("../x"), "no object of a bucket"),
        (notice(TO, SENDER, stored="x", bucket=OTHER), "'another-bucket', which is not among buckets"),
        (notice(TO, SENDER, content=b"x").replace(":canary", ":other"), "which is not among topics"),
        (notice("", SENDER, content=b"x"), "no recipient"),
        (notice(TO, SENDER), "no content"),
    ],
)
def test_what_cannot_be_read_or_is_not_ours_is_named(body: str, why: str) -> None:
    with pytest.raises(BadMessage, match=why):
        mails_in(body, SOURCES)


def test_what_is_kept_apart_is_bounded_in_number_and_the_same_again_takes_no_room(tmp_path: Path) -> None:
    folder = SetAsideFolder(tmp_path / "apart", most=2)
    files = [folder.put(name, "body") for name in ("a", "b", "a", "c")]
    assert (files[0] == files[2], files[3], len(list((tmp_path / "apart").iterdir()))) == (True, None, 2)
