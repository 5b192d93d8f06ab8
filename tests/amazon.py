"""Amazon SQS and S3 as moto answers for them, and what SES puts there by its documentation."""

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest

from canary.inlets.api_client import origin_of
from canary.settings import Arranged, Settings
from tests.landing import DOMAIN
from tests.patience import PATIENCE
from tests.processes import ROOT

SERVER = ROOT / ".peers/moto/bin/moto_server"
REGION, BUCKET, OTHER = "eu-west-1", "mail-bucket", "another-bucket"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:canary"
KEY = {"aws_access_key_id": "AKIA", "aws_secret_access_key": "secret", "region_name": REGION}


def notice(
    to: str, sender: str, *, content: bytes = b"", stored: str = "", bucket: str = BUCKET, name: str = "m1"
) -> str:
    """A message with a notification of SES that SNS passed on."""
    action = {"type": "SNS", "encoding": "BASE64"}
    if stored:
        action = {"type": "S3", "bucketName": bucket, "objectKey": stored}
    whole: dict[str, Any] = {
        "notificationType": "Received", "receipt": {"recipients": [to], "action": action},
        "mail": {"source": sender, "messageId": name},
    }  # fmt: skip
    if content:
        whole["content"] = base64.b64encode(content).decode()
    return json.dumps({"Type": "Notification", "MessageId": "n1", "TopicArn": TOPIC, "Message": json.dumps(whole)})


def event(name: str, bucket: str = BUCKET, kind: str = "ObjectCreated:Put") -> str:
    """A message with an event of S3."""
    return json.dumps({"Records": [
        {"eventSource": "aws:s3", "eventName": kind,
         "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(name, safe="/"), "size": 1}}}
    ]})  # fmt: skip


@dataclass
class Amazon:
    """A server with two buckets and a queue."""

    url: str
    queue: str = ""
    sqs: Any = field(init=False)
    s3: Any = field(init=False)

    def __post_init__(self) -> None:
        self.sqs, self.s3 = (boto3.client(name, endpoint_url=self.url, **KEY) for name in ("sqs", "s3"))
        for bucket in (BUCKET, OTHER):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def begin(self, name: str) -> None:
        """Go on with an empty queue."""
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def put(self, name: str, content: bytes, bucket: str = BUCKET) -> None:
        self.s3.put_object(Bucket=bucket, Key=name, Body=content)

    def left(self) -> int:
        """The messages that were not deleted."""
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])


def queue_settings(address: str, folder: Path, **more: object) -> Settings:
    """The settings of an inlet that reads this queue."""
    chosen = {
        "queue": address, "region": REGION, "endpoint": origin_of(address), "access_key": "AKIA",
        "secret_key": "secret", "buckets": [BUCKET], "topics": [TOPIC], "poll": 1, "visibility": 2, **more,
    }  # fmt: skip
    return Arranged(domains=(DOMAIN,), data=folder, inlet={"sqs": {"home": chosen}})


@contextmanager
def amazon() -> Iterator[Amazon]:
    """A server on a free port of loopback; skips where moto is not installed."""
    if not SERVER.exists():
        pytest.skip("moto is not installed: .ci/install test-tools")
    process = subprocess.Popen(
        [SERVER, "-H", "127.0.0.1", "-p", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        found = next(match for line in process.stdout if (match := re.search(r"http://127\.0\.0\.1:\d+", line)))
        yield Amazon(found[0])
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)
