"""Asks an rspamd of ours about a mail (`POST /checkv2`), for two seconds at most whatever the server does."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from canary.model.mail import Envelope, RawMail
from canary.net.http import Unreachable

if TYPE_CHECKING:
    import httpx

SECONDS = 2.0
MAX_MAIL = 8 * 1024 * 1024
MAX_ANSWER = 256 * 1024
MAX_RECIPIENTS = 10

_UNFIT = re.compile(r"[^\x21-\x7e]")


class Unanswered(Exception):
    """The server was reached, and gave no usable answer about this mail."""


@dataclass(frozen=True, slots=True)
class Rspamd:
    """An rspamd server by its address; `password` is sent where one is set."""

    url: str
    password: str | None = None
    seconds: float = SECONDS

    def check(self, raw: RawMail) -> str:
        """Return the answer to a mail; raises Unreachable when nobody is there, Unanswered when the answer is no use."""
        import httpx  # noqa: PLC0415 - large, and not needed before there is a mail to ask about

        if len(raw.content) > MAX_MAIL:
            raise Unanswered(f"the mail has more than {MAX_MAIL >> 20} MB")
        try:
            return asyncio.run(self._check(raw))
        except TimeoutError:
            raise Unanswered(f"no answer within {self.seconds:g} s") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as fault:
            raise Unreachable(f"rspamd at {urlsplit(self.url).hostname}: {type(fault).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise Unanswered(f"{type(fault).__name__}") from None

    async def _check(self, raw: RawMail) -> str:
        import httpx  # noqa: PLC0415

        # One deadline for everything, as a server that sends an octet now and then would outlive any other.
        async with (
            asyncio.timeout(self.seconds),
            httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=self.seconds) as client,
            client.stream(
                "POST",
                f"{self.url.rstrip('/')}/checkv2",
                content=raw.content,
                headers=self._headers(raw.key, raw.envelope),
            ) as response,
        ):
            if response.status_code != 200:
                raise Unanswered(f"status {response.status_code}")
            return await _beginning(response)

    def _headers(self, key: str, envelope: Envelope) -> Sequence[tuple[str, str]]:
        told = [("IP", envelope.client.ip), ("Helo", envelope.client.helo), ("From", envelope.mail_from)]
        told += [("Rcpt", address) for address in envelope.rcpt_to[:MAX_RECIPIENTS]]
        told += [("Queue-Id", key), ("Password", self.password or "")]
        # What strangers wrote must not end a header line.
        fit = ((name, _UNFIT.sub("", value)[:500]) for name, value in told)
        return [(name, value) for name, value in fit if value]


async def _beginning(response: "httpx.Response") -> str:
    read = b""
    async for piece in response.aiter_bytes():
        read += piece
        if len(read) > MAX_ANSWER:
            raise Unanswered(f"an answer of more than {MAX_ANSWER >> 10} KB")
    return read.decode("utf-8", "replace")
