"""A queue of Amazon SQS and the objects that its messages name, by boto3 (the extra `aws`)."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from canary.inlets.api_client import AnswerTooBig
from canary.inlets.faults import InletFault

AT_ONCE = 10
"""Messages that a queue gives at once, at most."""

_CONNECT_SECONDS, _SPARE_SECONDS = 10, 30
_CURES = {
    "AccessDenied": "allow its key to receive and delete messages of the queue and to read the bucket",
    "InvalidAccessKeyId": "check access_key",
    "InvalidClientTokenId": "check access_key",
    "SignatureDoesNotMatch": "check secret_key",
    "AWS.SimpleQueueService.NonExistentQueue": "check queue",
    "QueueDoesNotExist": "check queue",
    "NoSuchBucket": "check buckets",
}
_GONE = ("NoSuchKey", "404")


@dataclass(frozen=True, slots=True)
class AwsPlace:
    """A queue, and how to log in; without a key as the AWS tools of this machine do."""

    queue: str
    region: str
    key: str = ""
    secret: str = field(default="", repr=False)
    endpoint: str = ""
    wait: int = 10
    visibility: int = 120


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message: what it says, how often it was received, and the handle by which it is deleted."""

    id: str
    body: str
    handle: str
    times: int


class AwsQueue:
    """Receives messages, deletes them, and reads objects; every fault is an InletFault."""

    def __init__(self, place: AwsPlace) -> None:
        """Connect to nothing yet; raises InletFault where boto3 is not installed."""
        try:
            boto3, config = importlib.import_module("boto3"), importlib.import_module("botocore.config")
            self._faults = importlib.import_module("botocore.exceptions")
        except ImportError:
            raise InletFault("boto3 is not installed: pip install 'canary-mail[aws]'", by_settings=True) from None
        self._place = place
        made = config.Config(
            connect_timeout=_CONNECT_SECONDS, read_timeout=place.wait + _SPARE_SECONDS, max_pool_connections=1,
            retries={"mode": "standard", "total_max_attempts": 2}, s3={"addressing_style": "path"},
        )  # fmt: skip
        session = boto3.session.Session(place.key or None, place.secret or None, region_name=place.region)
        with self._in_one_line("boto3"):
            self._sqs, self._s3 = (
                session.client(name, endpoint_url=place.endpoint or None, config=made) for name in ("sqs", "s3")
            )

    def receive(self) -> list[QueuedMessage]:
        """Wait for messages, and return some; nobody else gets them for a while."""
        with self._in_one_line(self._place.queue):
            answer = self._sqs.receive_message(
                QueueUrl=self._place.queue, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=self._place.wait,
                VisibilityTimeout=self._place.visibility, MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )  # fmt: skip
        return [
            QueuedMessage(
                each["MessageId"], each["Body"], each["ReceiptHandle"],
                int(each.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
            )
            for each in answer.get("Messages", [])
        ]  # fmt: skip

    def delete(self, messages: Sequence[QueuedMessage]) -> None:
        """Delete messages for good; where one could not be, it comes again, and that is an InletFault."""
        entries = [{"Id": str(number), "ReceiptHandle": each.handle} for number, each in enumerate(messages)]
        if entries:
            with self._in_one_line(self._place.queue):
                answer = self._sqs.delete_message_batch(QueueUrl=self._place.queue, Entries=entries)
            if failed := answer.get("Failed"):
                raise InletFault(f"{self._place.queue}: {len(failed)} messages could not be deleted: they come again")

    def hold(self, messages: Sequence[QueuedMessage]) -> None:
        """Let nobody else get messages for another while."""
        entries = [
            {"Id": str(number), "ReceiptHandle": each.handle, "VisibilityTimeout": self._place.visibility}
            for number, each in enumerate(messages)
        ]
        if entries:
            with self._in_one_line(self._place.queue):
                self._sqs.change_message_visibility_batch(QueueUrl=self._place.queue, Entries=entries)

    def waiting(self) -> int:
        """Return about how many messages the queue holds."""
        with self._in_one_line(self._place.queue):
            answer = self._sqs.get_queue_attributes(
                QueueUrl=self._place.queue, AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def read(self, bucket: str, name: str, most: int) -> bytes | None:
        """Return an object, None where it is gone; raises AnswerTooBig, before it is read where S3 says its size."""
        with self._in_one_line(f"bucket {bucket}", gone=_GONE) as is_gone:
            answer = self._s3.get_object(Bucket=bucket, Key=name)
            with_size, body = int(answer.get("ContentLength") or 0), answer["Body"]
            try:
                content: bytes = b"" if with_size > most else body.read(most + 1)
            finally:
                body.close()
        if is_gone():
            return None
        if max(with_size, len(content)) > most:
            raise AnswerTooBig(f"bucket {bucket}: a mail has more than {most:,} octets")
        return content

    def close(self) -> None:
        """Close all connections."""
        self._sqs.close()
        self._s3.close()

    @contextmanager
    def _in_one_line(self, what: str, gone: Sequence[str] = ()) -> Iterator[Callable[[], bool]]:
        """Turn what boto3 raises into an InletFault; what is gone is no fault."""
        missing = False
        try:
            yield lambda: missing
        except self._faults.ClientError as fault:
            code = str(fault.response.get("Error", {}).get("Code", ""))[:100]
            if code in gone:
                missing = True
                return
            cure = _CURES.get(code, "")
            raise InletFault(f"{what}: {code}: {cure or 'it is tried again'}", by_settings=bool(cure)) from None
        except self._faults.NoCredentialsError:
            raise InletFault(f"{what}: set access_key and secret_key", by_settings=True) from None
        except (self._faults.BotoCoreError, ValueError, OSError) as fault:
            raise InletFault(f"{what}: cannot be reached ({type(fault).__name__}): it is tried again") from None
