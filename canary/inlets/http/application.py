"""The application of all HTTP inlets: bounds a request, has its service read it, and answers when the mail is durable.

2xx is answered for what is on the disk, and for what nobody wants. 401 is for one who does not prove who he is, 400 for
what cannot be read, 413 for too much, 429 for too often; 503, with a time to come again, for every fault of ours.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from canary.inlets.http.post_counts import PostCounts
from canary.inlets.http.posted_mail import (
    Acknowledged,
    AskedRecipient,
    PostedMail,
    PostedRequest,
    PostingService,
    PostRefused,
    Reading,
    ServiceManner,
    digest,
)
from canary.inlets.http.probes import AskedRecipients
from canary.inlets.intake import Intake, IntakeResult
from canary.model.attempt import AttemptKind
from canary.model.mail import Envelope
from canary.model.rate import Allowance
from canary.spool.receipts import Receipt, ReceiptUsed
from canary.spool.spool_file import SpoolFault, SpoolFull

log = logging.getLogger("canary.inlets")

PREFIX = "/ingest/"
_LARGEST_QUERY = 64 * 1024
_COME_AGAIN = 60
"""Seconds after which one may try again who met a fault of ours."""

_LINES = 60
"""Refusals that are logged in a minute."""

Scope = Mapping[str, Any]
Receive = Callable[[], Any]
Send = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class PostLimits:
    """The most that is accepted: octets of one mail, of all bodies held at once, and mails of one service a minute (0: any)."""

    mail: int
    memory: int
    rate: int


class InletApplication:
    """Serves `/ingest/<service>` for each service, as plain ASGI, and `/healthz`."""

    def __init__(
        self, services: Mapping[str, PostingService], intake: Intake, limits: PostLimits, clock: Callable[[], datetime]
    ) -> None:
        """Serve these services by their paths below `/ingest/`."""
        self._intake, self._limits, self._clock = intake, limits, clock
        self._asked, self._lines = AskedRecipients(), Allowance(_LINES)
        self._rates = dict[str, Allowance]()
        self.counts = PostCounts(())
        self.serve(services)
        self._held = 0

    def serve(self, services: Mapping[str, PostingService], *, whole: bool = True) -> None:
        """Serve these from now on; where they are not `whole`, there may be others, which have to come again."""
        names = tuple(each.manner.name for each in services.values())
        self._services, self._whole = dict(services), whole
        self._rates = {name: self._rates.get(name) or Allowance(self._limits.rate) for name in names}
        self.counts.services = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        try:
            status, answer, wait = *await self._answer(scope, receive), None
        except PostRefused as refused:
            status, answer, wait = refused.status, {"error": refused.why}, refused.wait
            if service := self._services.get(scope["path"].removeprefix(PREFIX)):
                self.counts.refuse(service.manner.name, refused)
            # Anybody can be refused as often as he likes.
            if not self._lines.wait(asyncio.get_running_loop().time()):
                log.warning("%r is answered %d: %s", scope["path"][:80], status, refused.why)
        except _ClientGone:
            return
        except Exception:
            log.exception("a request failed")
            status, answer, wait = 503, {"error": "a fault of ours; come again"}, _COME_AGAIN
        await _send(send, status, answer, wait)

    def note_probes(self) -> None:
        """Record as probes the recipients whose mail did not follow; to be called from time to time."""
        for asked in self._asked.overdue(self._clock()):
            self._intake.note_attempt(AttemptKind.PROBE, asked.address, asked.client.ip)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, str]]:
        if scope["path"] == "/healthz":
            return 200, {"status": "ok"}
        name = scope["path"].removeprefix(PREFIX)
        service = self._services.get(name)
        if service is None and not self._whole:
            raise PostRefused(503, "it is not known now which inlets there are", _COME_AGAIN)
        if service is None or not scope["path"].startswith(PREFIX):
            raise PostRefused(404, "no inlet has this address; see docs/inlets.md")
        if scope["method"] != "POST":
            raise PostRefused(405, "mail is posted here")
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in reversed(scope["headers"])}
        service.admit(headers, self._clock())
        if len(scope["query_string"]) > _LARGEST_QUERY:
            raise PostRefused(413, "the query is too long")
        query = scope["query_string"].decode("latin-1")
        async with self._body(receive, headers, service) as body:
            if body is None:
                log.warning("%s: a body of more than %d octets is not read", service.manner.name, self._most(service))
                return await self._settle(service.manner, Acknowledged("too big"))
            reading = await asyncio.to_thread(service.read, PostedRequest(headers, query, body), self._clock())
            return await self._settle(service.manner, reading)

    def _most(self, service: PostingService) -> int:
        return service.largest(self._limits.mail)

    @asynccontextmanager
    async def _body(
        self, receive: Receive, headers: Mapping[str, str], service: PostingService
    ) -> AsyncIterator[bytes | None]:
        """Read a body within its limits, and hold its place in memory; None is one that is too big for a patient service."""
        declared, most = headers.get("content-length", ""), self._most(service)
        if declared.isdecimal() and int(declared[:20]) > most and not service.manner.patient:
            raise PostRefused(413, f"the body has more than {most} octets")
        held, pieces = 0, list[bytes]()
        try:
            more = True
            while more:
                piece, more = await _next_piece(receive)
                if held > most:
                    continue
                held, self._held = held + len(piece), self._held + len(piece)
                if held > most and not service.manner.patient:
                    raise PostRefused(413, f"the body has more than {most} octets")
                if self._held > self._limits.memory:
                    raise PostRefused(503, "too much comes at once", _COME_AGAIN)
                pieces.append(piece)
                if held > most:
                    pieces.clear()
            yield b"".join(pieces) if held <= most else None
        finally:
            self._held -= held

    async def _settle(self, manner: ServiceManner, reading: Reading) -> tuple[int, dict[str, str]]:
        """Do what was read asks for, and say so."""
        answer = dict(manner.answer)
        match reading:
            case Acknowledged(why):
                return 200, {"status": why, **answer}
            case AskedRecipient():
                await self._note(reading)
                return 200, {"status": "noted", **answer}
            case PostedMail():
                status, said = await self._store(manner, reading)
                return status, {"status": said, **answer}

    async def _note(self, asked: AskedRecipient) -> None:
        """Note a recipient that a client of another server named: one of ours that was never issued is guessed."""
        with _spool_faults():
            reached = await self._intake.reaches(asked.address)
        if reached:
            self._asked.add(asked, self._clock())
        elif asked.address.rpartition("@")[2].lower() in self._intake.policy.domains:
            self._intake.note_attempt(AttemptKind.GUESS, asked.address, asked.client.ip)

    async def _store(self, manner: ServiceManner, mail: PostedMail) -> tuple[int, str]:
        rate = self._rates.get(manner.name)  # one that was removed while its mail came has none
        wait = rate.wait(asyncio.get_running_loop().time()) if rate else 0
        if wait:
            raise PostRefused(429, "more mails than may come in a minute", wait)
        self._asked.deliver(mail.connection, mail.recipients)
        envelope = Envelope(
            mail.mail_from, mail.recipients, mail.client, self._clock(), mail.trust, manner.name, mail.receivers
        )
        receipt = Receipt(digest(manner.name, mail.id), digest(mail.mail_from, *mail.recipients, mail.content))
        with _spool_faults():
            result = await self._intake.accept(envelope, mail.content, receipt=receipt)
        self.counts.count(manner.name, kept=result is IntakeResult.KEPT)
        if result is IntakeResult.KEPT:
            return 200, "stored"
        if result is IntakeResult.TOO_BIG:
            log.warning("%s: a mail of %d octets is too big and not stored", manner.name, len(mail.content))
            return (200 if manner.unwanted == 200 else 413), f"a mail may have {self._limits.mail} octets"
        return manner.unwanted, "no canary is written to"


class _ClientGone(Exception):
    """The client closed the connection before its request was whole."""


@contextmanager
def _spool_faults() -> Iterator[None]:
    """Turn what the spool cannot do into an answer."""
    try:
        yield
    except ReceiptUsed as fault:
        raise PostRefused(409, str(fault)) from None
    except SpoolFull:
        raise PostRefused(503, "no space for mail now", _COME_AGAIN) from None
    except SpoolFault:
        raise PostRefused(503, "mail cannot be stored now", _COME_AGAIN) from None


async def _next_piece(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _ClientGone
    return message.get("body", b""), message.get("more_body", False)


async def _send(send: Send, status: int, answer: Mapping[str, str], wait: int | None) -> None:
    body = json.dumps(answer).encode() + b"\n"
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if wait is not None:
        headers.append((b"retry-after", str(wait).encode()))
    if status >= HTTPStatus.BAD_REQUEST:
        # What is left of a body that was not read must not be taken for the next request.
        headers.append((b"connection", b"close"))
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b'Basic realm="canary"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
