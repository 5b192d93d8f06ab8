"""The HTTP inlets in a loop of their own, with a real spool and real sockets, and posts as services make them."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID

from canary.canaries.address_cache import AddressCache
from canary.http_inlet_settings import HttpInletSettings
from canary.inlets.http.application import InletApplication, PostLimits
from canary.inlets.http.sns import signed_text
from canary.inlets.intake import Intake, IntakePolicy
from canary.inlets.ledger import InletLedger, InletState
from canary.model.attempt import Attempt
from canary.model.mail import RawMail
from canary.net.standard_webhooks import sign
from canary.processes.ingest_process import inlet_server, posting_services
from canary.spool.spool import Spool
from tests.patience import PATIENCE
from tests.sink import CANARY, Store

T = TypeVar("T")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SENDER = "news@play.example"
MAIL = (
    f"From: Play <{SENDER}>\r\nTo: <{CANARY}>\r\nSubject: hello\r\nMessage-ID: <1@play.example>\r\n\r\nn\u00e9ws\r\n"
).encode()
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
SIGNING_KEY = "key-0123456789abcdef"
PASSWORD = "a-long-enough-password"
REGION = "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:canary-mail"
CERTIFICATE = f"https://sns.{REGION}.amazonaws.com/SimpleNotificationService-{'0' * 32}.pem"
RESEND_TOKEN = "re_0123456789abcdef"
SENDGRID = ec.generate_private_key(ec.SECP256R1())


def public_key() -> str:
    key = SENDGRID.public_key()
    return base64.b64encode(
        key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).decode()


SETTINGS: dict[str, Any] = {
    "port": 0,
    "raw": {"secrets": [SECRET]},
    "mailgun": {"secrets": [SIGNING_KEY]},
    "ses": {"topics": [TOPIC]},
    "sendgrid": {"public_key": public_key()},
    "postmark": {"password": PASSWORD},
    "resend": {"secrets": [SECRET], "token": RESEND_TOKEN},
    "forward_email": {"secrets": [SIGNING_KEY]},
    "stalwart": {"user": "", "password": PASSWORD},
}


@dataclass
class Clock:
    """A clock that can be moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


class Ingest:
    """All services on a free port of loopback, until the block ends; `web` is what can be fetched by https."""

    def __init__(
        self,
        folder: Path,
        store: Store | None = None,
        *,
        limits: PostLimits | None = None,
        max_backlog: int = 100_000,
        intake: type[Intake] = Intake,
        **settings: object,
    ) -> None:
        self.clock, self.web, self.fetched = Clock(), dict[str, bytes](), list[tuple[str, Mapping[str, str]]]()
        self.store = store or Store()
        self.spool = Spool(folder / "ingest.db", reserve_bytes=0, max_backlog=max_backlog)
        self.book = AddressCache(self.store.fetch, self.spool)
        chosen = HttpInletSettings.model_validate({**SETTINGS, **settings})
        self.settings = chosen
        policy = IntakePolicy(frozenset({"example.net"}), (limits or _LIMITS).mail)
        self.application = InletApplication(
            posting_services(chosen, self.fetch),
            intake(self.spool, self.book, policy, self.clock),
            limits or _LIMITS,
            self.clock,
        )
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)

    @staticmethod
    def settings_of(service: str) -> dict[str, Any]:
        """The settings of a service here."""
        return dict(SETTINGS[service])

    def fetch(self, url: str, headers: Mapping[str, str]) -> bytes:
        self.fetched.append((url, headers))
        if url not in self.web:
            raise OSError("the answer is 404")
        return self.web[url]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    async def _start(self) -> str:
        await self.book.start()
        self.stop = asyncio.Event()
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.server = inlet_server(self.application, self.settings, self.stop, ready.set_result)
        self.serving = asyncio.create_task(self.server.serve())
        return await ready

    async def _end(self) -> None:
        self.server.force_exit = True  # without a look each tenth of a second whether clients have gone
        self.stop.set()
        await self.serving
        await self.book.stop()

    def __enter__(self) -> Self:
        self.thread.start()
        self.spool.start(self.clock)
        self.url = self.run(self._start())
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False, verify=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.client.close()
        self.run(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.loop.close()
        self.spool.close()

    def post(self, post: "Post") -> httpx.Response:
        return self.client.post(post.path, content=post.body, headers=dict(post.headers))

    def send_and_leave(self, octets: bytes) -> None:
        """Send the begin of a request, and reset the connection."""
        address = urlsplit(self.url)
        with socket.create_connection((address.hostname, address.port), timeout=PATIENCE) as client:
            client.sendall(octets)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def probes_after(self, time: timedelta) -> None:
        """Let time pass, and the probes of that time be noted."""
        self.clock.now += time

        async def note() -> None:
            self.application.note_probes()

        self.run(note())

    def state(self, service: str) -> InletState:
        """How it goes with a service, as it is noted."""
        ledger = InletLedger(self.spool.path.with_name("ledger.db"))
        self.application.counts.write(ledger, self.clock())
        found = ledger.state(f"ingest/{service}")
        ledger.close()
        return found

    def mails(self) -> list[RawMail]:
        return self.spool.waiting(1000, NOW + timedelta(days=1))

    def attempts(self) -> list[Attempt]:
        """All attempts noted so far: stops the spool's writer first, which writes them all."""
        self.spool.close()
        return [attempt for _, attempt in self.spool.attempts(1000)]


_LIMITS = PostLimits(mail=1024 * 1024, memory=64 * 1024 * 1024, rate=0)


@dataclass(frozen=True)
class Post:
    """A request as a service makes it."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Words:
    """What a post is about."""

    content: bytes = MAIL
    to: str = CANARY
    sender: str = SENDER
    id: str = "a0b1c2d3-0001"
    ip: str = "192.0.2.7"
    at: datetime = NOW
    secret: str = ""


def raw(words: Words = Words(), *, client: bool = True) -> Post:
    said = [
        ("rcpt", words.to),
        ("from", words.sender),
        *([("ip", words.ip), ("helo", "out.play.example")] if client else []),
    ]
    return signed_raw(f"/ingest/raw?{urlencode(said)}", words)


def signed_raw(path: str, words: Words = Words()) -> Post:
    stamp = str(int(words.at.timestamp()))
    headers = {
        "content-type": "message/rfc822",
        "webhook-id": words.id,
        "webhook-timestamp": stamp,
        "webhook-signature": sign(words.secret or SECRET, words.id, stamp, words.content),
    }
    return Post(path, headers, words.content)


def mailgun(words: Words = Words()) -> Post:
    stamp = str(int(words.at.timestamp()))
    key = (words.secret or SIGNING_KEY).encode()
    fields = {
        "recipient": words.to, "sender": words.sender, "timestamp": stamp, "token": words.id,
        "signature": hmac.new(key, (stamp + words.id).encode(), hashlib.sha256).hexdigest(), "subject": "hello",
    }  # fmt: skip
    body, kind = multipart({**{name: value.encode() for name, value in fields.items()}, "body-mime": words.content})
    return Post("/ingest/mailgun/mime", {"content-type": kind}, body)


def multipart(fields: Mapping[str, bytes]) -> tuple[bytes, str]:
    parts = [
        b'--b0undary\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + b"\r\n"
        for name, value in fields.items()
    ]
    return b"".join(parts) + b"--b0undary--\r\n", "multipart/form-data; boundary=b0undary"


RSA = rsa.generate_private_key(65537, 2048)


def certificate(key: rsa.RSAPrivateKey = RSA, begin: datetime = NOW - timedelta(days=1)) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def sns(
    message: dict[str, str], *, version: str = "2", key: rsa.RSAPrivateKey = RSA, certificate_url: str = CERTIFICATE
) -> Post:
    used = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = base64.b64encode(key.sign(signed_text(message), PKCS1v15(), used)).decode()
    whole = {"SigningCertURL": certificate_url, **message, "SignatureVersion": version, "Signature": signature}
    headers = {
        "content-type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": message["Type"],
        "x-amz-sns-message-id": message["MessageId"],
    }
    return Post("/ingest/ses", headers, json.dumps(whole).encode())


def ses(
    words: Words = Words(),
    *,
    topic: str = TOPIC,
    client: bool = True,
    encoded: str | None = None,
    stored: str = "",
    **signing: Any,
) -> Post:
    """A notification with the mail; or `stored`, with the name of its object in the bucket `mail-bucket`."""
    action = {"type": "SNS", "topicArn": topic, "encoding": "BASE64"}
    if stored:
        action = {"type": "S3", "topicArn": topic, "bucketName": "mail-bucket", "objectKey": stored}
    received = (
        f"Received: from out.play.example (out.play.example [{words.ip}])\r\n by inbound-smtp.{REGION}.amazonaws.com"
        f" with SMTP id 1 for {words.to};\r\n Sun, 01 Mar 2026 12:00:00 +0000 (UTC)\r\n"
    ).encode()
    content = (received if client else b"") + words.content
    notice = {
        "notificationType": "Received",
        "receipt": {
            "timestamp": "2026-03-01T12:00:00.000Z", "recipients": [words.to],
            "action": action,
        },
        "mail": {"source": words.sender, "messageId": "m1", "destination": [words.to]},
        **({} if stored else {"content": base64.b64encode(content).decode() if encoded is None else encoded}),
    }  # fmt: skip
    message = {
        "Type": "Notification", "MessageId": words.id, "TopicArn": topic, "Subject": "Amazon SES Email Receipt",
        "Message": json.dumps(notice), "Timestamp": words.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }  # fmt: skip
    return sns(message, **signing)


def subscription(url: str, topic: str = TOPIC) -> Post:
    return sns({
        "Type": "SubscriptionConfirmation", "MessageId": "s1", "TopicArn": topic, "Token": "abc",
        "Message": "You have chosen to subscribe", "SubscribeURL": url, "Timestamp": NOW.isoformat(),
    })  # fmt: skip


def sendgrid(words: Words = Words(), key: ec.EllipticCurvePrivateKey = SENDGRID) -> Post:
    envelope = json.dumps({"to": [words.to], "from": words.sender}).encode()
    body, kind = multipart({
        "email": words.content, "envelope": envelope, "sender_ip": words.ip.encode(), "SPF": b"pass", "dkim": b"none",
    })  # fmt: skip
    stamp = str(int(words.at.timestamp()))
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    return Post("/ingest/sendgrid", {
        "content-type": kind, "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": stamp,
    }, body)  # fmt: skip


def postmark(words: Words = Words()) -> Post:
    document = {
        "OriginalRecipient": words.to, "MessageID": words.id, "Subject": "hello", "RawEmail": words.content.decode(),
        "Headers": [{"Name": "Return-Path", "Value": f"<{words.sender}>"}],
    }  # fmt: skip
    password = base64.b64encode(f"canary:{words.secret or PASSWORD}".encode()).decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {password}"}
    return Post("/ingest/postmark", headers, json.dumps(document).encode())


def resend(words: Words = Words(), kind: str = "email.received") -> Post:
    event = {
        "type": kind, "created_at": words.at.isoformat(),
        "data": {"email_id": words.id, "from": f"Play <{words.sender}>", "to": [words.to], "subject": "hello"},
    }  # fmt: skip
    body, stamp = json.dumps(event).encode(), str(int(words.at.timestamp()))
    signature = sign(words.secret or SECRET, "evt_1", stamp, body)
    return Post("/ingest/resend", {"svix-id": "evt_1", "svix-timestamp": stamp, "svix-signature": signature}, body)


def forward_email(words: Words = Words()) -> Post:
    document = {
        "recipients": [words.to], "raw": words.content.decode(),
        "session": {
            "recipient": words.to, "sender": words.sender, "remoteAddress": words.ip,
            "hostNameAppearsAs": "out.play.example",
        },
    }  # fmt: skip
    body = json.dumps(document).encode()
    key = (words.secret or SIGNING_KEY).encode()
    return Post("/ingest/forward-email", {"x-webhook-signature": hmac.new(key, body, "sha256").hexdigest()}, body)


def stalwart(words: Words = Words(), stage: str = "data", port: int = 4321) -> Post:
    header, _, body = words.content.decode("utf-8", "replace").partition("\r\n\r\n")
    fields = [field.partition(":") for field in header.replace("\r\n ", "\0").split("\r\n")]
    message = {
        "headers": [[name, value.replace("\0", "\r\n ") + "\r\n"] for name, _, value in fields],
        "contents": body, "size": len(words.content),
    }  # fmt: skip
    document: dict[str, object] = {
        "context": {
            "stage": stage, "client": {"ip": words.ip, "port": port, "ptr": None, "helo": "out.play.example"},
            "server": {"port": 25, "ip": "192.0.2.1"}, "protocol": {"version": 1},
            **({"queue": {"id": words.id}} if stage == "data" else {}),
        },
        "envelope": {"from": {"address": words.sender}, "to": [{"address": words.to}]},
        **({"message": message} if stage == "data" else {}),
    }  # fmt: skip
    headers = {"content-type": "application/json", "authorization": f"Bearer {words.secret or PASSWORD}"}
    return Post("/ingest/stalwart", headers, json.dumps(document).encode())


SERVICES: dict[str, Callable[[Words], Post]] = {
    "raw": raw, "mailgun": mailgun, "ses": ses, "sendgrid": sendgrid, "postmark": postmark, "resend": resend,
    "forward-email": forward_email, "stalwart": stalwart,
}  # fmt: skip
"""A good post of each service."""


def prepare_web(ingest: Ingest, words: Words = Words()) -> None:
    """Let be fetched what the services want to."""
    shown = {"raw": {"download_url": "https://files.resend.example/raw"}}
    ingest.web = {
        CERTIFICATE: certificate(),
        f"https://api.resend.com/emails/receiving/{words.id}": json.dumps(shown).encode(),
        "https://files.resend.example/raw": words.content,
    }
