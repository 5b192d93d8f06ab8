"""One mail as it came, and what can be read in it without trusting it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

TOO_COSTLY = "too-costly"
"""The oddity of a mail that was not read, as that took more than the limits allow."""
SET_ASIDE = "set-aside"
"""The oddity of a mail that was not read, as work on it had not ended three times."""


class Trust(StrEnum):
    """How far the envelope of a mail is to be trusted, from most to least.

    `wire`: the connection was taken here; `hook`: a mail server's own hook told envelope and client; `receiver`: the
    mailbox or service of a trusted receiver, with the envelope by its word or its headers; `claimed`: nobody vouches.
    """

    WIRE = "wire"
    HOOK = "hook"
    RECEIVER = "receiver"
    CLAIMED = "claimed"

    @property
    def sees_client(self) -> bool:
        """Whether the client is always the outside host that brought the mail, as somebody on our side saw it."""
        return self in (Trust.WIRE, Trust.HOOK)


@dataclass(frozen=True, slots=True)
class Client:
    """The host that connected to us: address, port, the name it gave, and TLS (version and cipher) if any."""

    ip: str
    port: int = 0
    helo: str = ""
    tls: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The SMTP transaction around a mail; `mail_from` is empty for the null sender (RFC 5321 4.5.5).

    `inlet` names the way in by which it came, empty for our own listener. `receivers` are the hosts of the receiver that
    this inlet trusts: what they wrote on top of the mail is believed (Received, Authentication-Results), and of nobody else.
    """

    mail_from: str
    rcpt_to: tuple[str, ...]
    client: Client
    received: datetime
    trust: Trust = Trust.WIRE
    inlet: str = ""
    receivers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RawMail:
    """A mail as received; `key` identifies it in spool and store, `content` is what came, octet for octet."""

    key: str
    envelope: Envelope
    content: bytes


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the text: name and type as claimed, size in octets, SHA-256 in hex."""

    name: str
    type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Enclosed:
    """Fields inside a mail: those of a report (RFC 3464, RFC 5965) or of the mail that it returns.

    `type` is the content type of the part, `fields` its (name, value) pairs in order, those of all groups together.
    """

    type: str
    fields: tuple[tuple[str, str], ...]

    def field(self, name: str) -> str:
        """The first value of a field, or an empty string."""
        wanted = name.lower()
        return next((value for key, value in self.fields if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What a mail says itself: its text and links without those of the mails that it encloses."""

    text: str
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name and an address, as a header claims them."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The lower-case domain of the address, empty if there is none."""
        return self.address.rpartition("@")[2].lower() if "@" in self.address else ""


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """What a mail says; every field is bounded, unproven and possibly hostile.

    `headers` holds (name, decoded value) in order of appearance; `oddities` names what was malformed. `text` and `links`
    are those of all parts; `own` is None where they are the mail's own.
    """

    headers: tuple[tuple[str, str], ...] = ()
    subject: str = ""
    senders: tuple[Mailbox, ...] = ()
    recipients: tuple[Mailbox, ...] = ()
    date: datetime | None = None
    message_id: str = ""
    type: str = "text/plain"
    text: str = ""
    html: str = ""
    links: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    oddities: tuple[str, ...] = field(default=())
    enclosed: tuple[Enclosed, ...] = ()
    own: OwnWords | None = None

    @property
    def own_words(self) -> OwnWords:
        """The text and links that are not those of an enclosed mail."""
        return self.own or OwnWords(self.text, self.links)

    @property
    def sender(self) -> Mailbox:
        """The first From mailbox, or an empty one."""
        return self.senders[0] if self.senders else Mailbox("", "")

    def header(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    def has(self, *names: str) -> bool:
        """Whether any of these headers is present."""
        wanted = {name.lower() for name in names}
        return any(key.lower() in wanted for key, _ in self.headers)
