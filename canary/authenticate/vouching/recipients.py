"""To whom a mail was sent, in order of what that is worth: who delivered it, who forwarded it, what is written in it.

A forged address costs nothing: the one who writes an address into a mail knows it, and no more is concluded from that.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from canary.authenticate.forwarder_registry import ForwarderRegistry
from canary.authenticate.message import Field, Message
from canary.authenticate.vouching.side import MAX_FIELDS, ReceivingSide
from canary.mail.received import Hop, read_received
from canary.mail.text import clean

MAX_RECIPIENTS = 100
MAX_INSTANCES = 10
MAX_VALUE = 16_000

DELIVERED = (
    b"delivered-to", b"x-original-to", b"envelope-to", b"x-envelope-to", b"x-delivered-to", b"x-original-delivered-to",
    b"x-rcpt-to", b"x-apparently-to",
)  # fmt: skip
"""What receivers write on top when they deliver."""

FORWARDED = (b"x-forwarded-for", b"x-forwarded-to", b"x-gm-original-to", b"x-original-recipient", b"resent-to")
"""What forwarders write: below the line of the receiver they are theirs, above it the receiver's own."""

WRITTEN = (b"to", b"cc")

_ADDRESS = re.compile(r"[^\s<>()\[\],:;\"@]{1,64}@[a-z0-9][a-z0-9.-]{0,253}", re.IGNORECASE)
_SPACED = re.compile(
    r"(?:^|[,;<\"])\s*([a-z0-9._-]{1,40}) ([a-z0-9._-]{1,40})\"?@([a-z0-9][a-z0-9.-]{0,253})", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Addressees:
    """The addresses of a mail in lower case: as delivered, as forwarded before that, and as written by the sender.

    `spaced` are two words before an @ in any of them: an address whose plus sign was made a blank, or a name and an address.
    """

    delivered: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    spaced: tuple[str, ...] = ()

    def within(self, domains: Collection[str]) -> tuple[tuple[str, ...], ...]:
        """Return those at some domains in groups, what is worth most first; an address stands in the first only."""
        seen: set[str] = set()
        groups = []
        for group in (self.delivered, self.forwarded, self.written, self.spaced):
            groups.append(tuple(a for a in group if a.rpartition("@")[2] in domains and a not in seen))
            seen.update(group)
        return tuple(groups)


def addressees(message: Message, hop: Hop | None, side: ReceivingSide) -> Addressees:
    """Return to whom a mail was sent; `hop` is the host that handed it to our side, with the line that shows it."""
    fields = message.fields[:MAX_FIELDS]
    above = hop.line if hop and hop.line >= 0 else len(fields)
    ours, theirs = fields[:above], fields[above:]
    delivered = [*_named(ours, DELIVERED), *(hop.recipients if hop else _topmost_for(fields))]
    stated = _services(side.forwarders)
    forwarded = [
        *_named(ours, FORWARDED), *_named(theirs, FORWARDED), *_named(fields, stated), *_handed_over(theirs, hop),
    ]  # fmt: skip
    written = _named(message.fields, WRITTEN)
    spaced = _spaced([*delivered, *forwarded, *written])
    return Addressees(_addresses(delivered), _addresses(forwarded), _addresses(written), spaced)


def _named(fields: Collection[Field], names: Collection[bytes]) -> list[str]:
    """Return the values of some headers, in the order of their names."""
    found = [(each.key, each.value) for each in fields if each.key in names]
    return [text_of(value) for name in names for value in [v for key, v in found if key == name][:MAX_INSTANCES]]


def _services(forwarders: ForwarderRegistry) -> tuple[bytes, ...]:
    """Return the headers in which alias services and others state the address; what receivers write too is left out."""
    names = (name.encode() for each in forwarders.forwarders for name in each.recipient)
    return tuple(dict.fromkeys(name for name in names if name not in (*DELIVERED, *FORWARDED)))


def _topmost_for(fields: Collection[Field]) -> tuple[str, ...]:
    """Return whom the last receiver took the mail for, where no line is known to be of our side."""
    line = next((each for each in fields if each.key == b"received"), None)
    return (read_received(text_of(line.value)).recipient,) if line else ()


def _handed_over(theirs: Collection[Field], hop: Hop | None) -> Iterator[str]:
    """Return whom the host took the mail for that handed it to us, by its own line directly below ours."""
    lines = [each for each in theirs if each.key == b"received"][1:2]
    names = {hop.name, hop.client.helo.lower()} - {""} if hop else set()
    for each in lines:
        seen = read_received(text_of(each.value))
        if seen.by in names:
            yield seen.recipient


def _addresses(texts: Collection[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in texts:
        for each in _ADDRESS.findall(_SPACED.sub(" ", text)):
            found.setdefault(each.lower().strip(".'"))
        if len(found) >= MAX_RECIPIENTS:
            break
    return tuple(found)[:MAX_RECIPIENTS]


def _spaced(texts: Collection[str]) -> tuple[str, ...]:
    found = [pair for text in texts for pair in _SPACED.findall(text)][:MAX_RECIPIENTS]
    forms = (form for a, b, domain in found for form in (f"{a} {b}@{domain}", f"{b}@{domain}"))
    return tuple(dict.fromkeys(form.lower().strip(".") for form in forms))


def text_of(value: bytes) -> str:
    """Return a header value as one line of text, within bounds."""
    return clean(" ".join(value[:MAX_VALUE].decode("utf-8", "replace").split()))
