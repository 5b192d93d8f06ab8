"""Messages of a queue that SES fills: a notification with the mail or the place of it in S3, or an event of S3 itself.

docs.aws.amazon.com/ses, "Contents of notifications"; docs.aws.amazon.com/AmazonS3, "Event message structure": the key of
an object is URL-encoded, with `+` for a space. What SNS passes on is in its `Message`, with its `TopicArn`. Who may put
messages into a queue is decided by its policy, so a topic is compared and no signature is checked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from canary.inlets.http.posted_mail import PostRefused, json_object, part_of, text_of
from canary.inlets.http.ses import ReceivedNotice, object_place, read_notice

_LARGEST = 2 * 1024 * 1024
"""A message of SQS has 1 MiB at most."""
_MOST_OBJECTS = 10


class BadMessage(Exception):
    """A message that cannot be read, or names what the settings do not: one line about why."""


@dataclass(frozen=True, slots=True)
class BelievedSources:
    """The topics and buckets that are named in the settings."""

    topics: Collection[str]
    buckets: Collection[str]


def mails_in(body: str, sources: BelievedSources) -> list[ReceivedNotice]:
    """Return the mails that a message is about, without recipients where it names none; raises BadMessage."""
    if len(body) > _LARGEST:
        raise BadMessage(f"it has {len(body):,} characters")
    try:
        return _mails_in(json_object(body), sources)
    except PostRefused as fault:
        raise BadMessage(str(fault)) from None


def _mails_in(document: Mapping[str, Any], sources: BelievedSources) -> list[ReceivedNotice]:
    if "TopicArn" in document:
        if text_of(document, "TopicArn") not in sources.topics:
            raise BadMessage(f"it came by the topic {text_of(document, 'TopicArn')!r}, which is not among topics")
        inner = json_object(text_of(document, "Message", _LARGEST))
        return _of_source(inner, sources, by_topic=True)
    return _of_source(document, sources, by_topic=False)


def _of_source(document: Mapping[str, Any], sources: BelievedSources, *, by_topic: bool) -> list[ReceivedNotice]:
    if text_of(document, "Event") == "s3:TestEvent":
        return []
    if "Records" in document:
        return _events(document["Records"], sources)
    if not by_topic:
        raise BadMessage("it is neither of a topic of SNS nor an event of S3")
    notice = read_notice(document)
    if notice is None:
        return []
    if notice.stored:
        _check_bucket(notice.stored[0], sources)
    return [notice]


def _events(records: object, sources: BelievedSources) -> list[ReceivedNotice]:
    if not isinstance(records, list) or len(records) > _MOST_OBJECTS:
        raise BadMessage("it has no records, or too many")
    found = []
    for record in (each for each in records if isinstance(each, dict)):
        if not text_of(record, "eventName").startswith("ObjectCreated:"):
            continue
        bucket = text_of(part_of(record, "s3", "bucket"), "name")
        name = unquote_plus(text_of(part_of(record, "s3", "object"), "key", 4096))
        _check_bucket(bucket, sources)
        found.append(ReceivedNotice(f"{bucket}/{name}", "", (), stored=object_place(bucket, name)))
    return found


def _check_bucket(bucket: str, sources: BelievedSources) -> None:
    if bucket not in sources.buckets:
        raise BadMessage(f"it names the bucket {bucket!r}, which is not among buckets")
