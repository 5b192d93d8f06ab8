"""What every service that posts mail has in common: a request, what is read in it, and how it is refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol

from canary.model.mail import Client, Trust

NO_CLIENT = Client("")
MOST_RECIPIENTS = 1000
_LONGEST = 320
"""Characters of an address; what is longer is none (RFC 5321 4.5.3.1)."""


class PostRefused(Exception):
    """A request that is refused, with its status and one line about why; `wait` are seconds after which to come again."""

    def __init__(self, status: int, why: str, wait: int | None = None) -> None:
        super().__init__(why)
        self.status, self.why, self.wait = status, why, wait


def forged(why: str) -> PostRefused:
    """Return the refusal of a request that does not prove who sent it."""
    return PostRefused(401, why)


def malformed(why: str) -> PostRefused:
    """Return the refusal of a body that is not what the service sends."""
    return PostRefused(400, why)


def misconfigured(why: str) -> PostRefused:
    """Return the refusal of a mail that did not come whole, by settings at the service: later it may."""
    return PostRefused(503, why, 300)


@dataclass(frozen=True, slots=True)
class PostedRequest:
    """A request; names of `headers` are lower case, `query` is what stands behind the question mark."""

    headers: Mapping[str, str]
    query: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PostedMail:
    """A mail that a service delivers; `id` is what the service calls it, the same when it delivers it again.

    `client` is the one that the service saw, if it says so; `connection` is the same for all that this client asked.
    `receivers` are the hosts that took the mail before, whose lines on top of it are believed.
    """

    id: str
    mail_from: str
    recipients: tuple[str, ...]
    content: bytes
    trust: Trust
    client: Client = NO_CLIENT
    connection: str = ""
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedRecipient:
    """A recipient that a client of a mail server named; `connection` is the same for all that one client asks."""

    address: str
    client: Client
    connection: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A request that brings no mail and is answered 200."""

    why: str = "nothing to store"


Reading = PostedMail | AskedRecipient | Acknowledged


@dataclass(frozen=True, slots=True)
class ServiceManner:
    """How a service is served: `name` is that of the inlet, `answer` is part of every good answer.

    Its path is its name, followed by `suffix` where the service wants a certain end.

    `unwanted` is the status for mail that reaches no canary. Services differ in what they take as an answer for good; 200
    stands where none does, or where a refusal would come too late. One that is `patient` is told of a body that is too big
    by a good answer after all of it, as its own client has to wait for that.
    """

    name: str
    unwanted: int = 200
    answer: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""
    patient: bool = False

    @property
    def path(self) -> str:
        """The path below the common one."""
        return self.name + self.suffix


class PostingService(Protocol):
    """A service that posts mail."""

    manner: ClassVar[ServiceManner]

    def largest(self, mail: int) -> int:
        """Return the octets that a body with a mail of so many octets may have."""

    def admit(self, headers: Mapping[str, str], now: datetime) -> None:
        """Look at the headers alone, before the body is read; raises PostRefused."""

    def read(self, request: PostedRequest, now: datetime) -> Reading:
        """Check who sent a request and read it; raises PostRefused."""


@dataclass(frozen=True, slots=True)
class BasicPassword:
    """A name and a password (RFC 7617), or a bearer token (RFC 6750) where the name is empty."""

    password: str = field(repr=False)
    user: str = ""

    def admit(self, headers: Mapping[str, str]) -> None:
        """Raise PostRefused unless a request has them."""
        if self.user:
            wanted = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        else:
            wanted = f"Bearer {self.password}"
        if not same(headers.get("authorization", ""), wanted):
            raise forged("the password of this inlet is missing or wrong")


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are the same, in a time that says nothing of where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))


def json_object(text: str | bytes) -> dict[str, Any]:
    """Read an object; raises PostRefused."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise malformed("the body is no JSON") from None
    if not isinstance(document, dict):
        raise malformed("the body is no JSON object")
    return document


def part_of(document: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return an object within objects, empty where there is none."""
    found: Any = document
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def text_of(document: Mapping[str, Any], name: str, most: int = 1000) -> str:
    """Return a text of an object, empty where there is none or a longer one."""
    value = document.get(name)
    return value if isinstance(value, str) and len(value) <= most else ""


def octets_of(document: Mapping[str, Any], name: str) -> bytes:
    """Return the octets of a mail that JSON has as text; empty where it has none.

    JSON cannot hold octets that are no UTF-8, so that such a mail came changed.
    """
    value = document.get(name)
    return value.encode("utf-8", "replace") if isinstance(value, str) else b""


def addresses_of(value: object) -> tuple[str, ...]:
    """Return addresses from a list of texts or of objects with an `address`; raises PostRefused for more than may be."""
    listed = value if isinstance(value, list) else [value]
    if len(listed) > MOST_RECIPIENTS:
        raise malformed(f"{len(listed)} recipients; at most {MOST_RECIPIENTS} are read")
    texts = [each.get("address") if isinstance(each, dict) else each for each in listed]
    return tuple(dict.fromkeys(plain for text in texts if isinstance(text, str) and (plain := plain_address(text))))


def plain_address(text: str) -> str:
    """Return an address without its angle brackets, empty for what is none or for the null sender."""
    plain = text.strip().removeprefix("<").removesuffix(">").strip()
    return plain if "@" in plain and len(plain) <= _LONGEST and plain.isprintable() and " " not in plain else ""


def digest(*parts: str | bytes) -> str:
    """Return a digest of parts, in hex, that no other division of the same text has."""
    found = hashlib.sha256()
    for part in parts:
        octets = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        found.update(len(octets).to_bytes(8, "big") + octets)
    return found.hexdigest()
