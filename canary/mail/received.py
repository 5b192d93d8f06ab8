"""The trusted hop: which host handed the mail to the first machine we trust, read from the trace of Received lines.

Every line below the trusted boundary can be forged, so the walk starts at our own end and continues only while the
host that a trusted machine saw is itself trusted: by configuration, or in a stored mail because it is on our own
network. An address of such a network is never the outside client.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from canary.model.mail import Client, ParsedMail

MAX_RECEIVED = 100  # RFC 5321 6.3: more than this is a loop
MAX_LINE = 2000
MAX_ADDRESS = 80

_OWN_NETWORKS = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10",
    )
)  # fmt: skip
"""Addresses that nobody outside can have (RFC 1918, 6598, 4193, 3927)."""

_INTERNAL = re.compile(r"[^.]*|[0-9a-f.:]+|.*\.(?:internal|local|lan|localdomain|home\.arpa)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Trusted:
    """What belongs to us by configuration: networks of machines, and names of those that write the topmost line."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: tuple[str, ...] = ()

    def machine(self, ip: str) -> bool:
        """Whether the machine at this address is trusted; a host that hands on to itself always is."""
        address = _address(ip)
        return address is not None and (address.is_loopback or any(address in network for network in self.networks))

    def writer(self, host: str) -> bool:
        """Whether this host, or the domain it is in, is trusted to have written the topmost line."""
        return any(f".{host.lower()}".endswith(f".{name}") for name in self.hosts)


@dataclass(frozen=True, slots=True)
class Received:
    """One Received line (RFC 5321 4.4): the host that handed over, the host that wrote it, and when.

    `name` is the reverse name that the writer looked up, `recipient` for whom it took the mail. `inside` means that the
    mail was passed on within the writing host, so that it wrote the next line too; `local` that it came by LMTP.
    """

    ip: str = ""
    helo: str = ""
    by: str = ""
    tls: bool = False
    inside: bool = False
    at: datetime | None = None
    name: str = field(default="", compare=False)
    recipient: str = field(default="", compare=False)
    local: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Hop:
    """The host that handed the mail to us; `at` and `line` (position among all headers) are of the line that shows it.

    `name` is its reverse name where that line has one, `recipients` are those that the trusted lines name. Headers above `line` were written inside the trusted boundary; `line` is -1 where the peer itself is meant.
    """

    client: Client
    at: datetime | None = None
    line: int = -1
    name: str = field(default="", compare=False)
    recipients: tuple[str, ...] = field(default=(), compare=False)


def read_trusted(names: Iterable[str]) -> Trusted:
    """Sort configured names into networks and hosts; raises `ValueError` for what is neither."""
    networks, hosts = [], []
    for name in names:
        try:
            networks.append(ip_network(name.strip()))
        except ValueError as error:
            if not re.fullmatch(r"(?=.*[a-z])[a-z0-9.-]+", name.strip(), re.IGNORECASE):
                raise ValueError(f'trusted "{name}": {error}; write a network or a host name') from None
            hosts.append(name.strip(" .").lower())
    return Trusted(tuple(networks), tuple(hosts))


def trusted_hop(mail: ParsedMail, trusted: Trusted, peer: Client | None = None) -> Hop | None:
    """Return the host that handed the mail to the trusted boundary; None where no trusted line names it.

    With a `peer` (the host that spoke to us) the walk starts behind it if it is trusted; without one (an archive)
    the topmost line must be written by a trusted host.
    """
    if peer is not None and not trusted.machine(peer.ip):
        return None if is_private(peer.ip) else Hop(peer)
    lines = [(at, value) for at, (name, value) in enumerate(mail.headers) if name.lower() == "received"]
    named, passed = peer is None, list[Received]()
    for at, value in lines[:MAX_RECEIVED]:
        seen = read_received(value)
        if named and not (trusted.writer(seen.by) or (passed and is_internal(seen.by))):
            return None
        passed.append(seen)
        if trusted.machine(seen.ip) or (seen.inside and not seen.ip):
            named = False
        elif seen.ip and not is_private(seen.ip):
            return hop_of(seen, at, passed)
        elif peer is not None or not (seen.ip or seen.local):
            return None
        else:
            # On our own network, though nobody named it: the next line is that machine's only if it bears such a name.
            named = True
    return None


def hop_of(seen: Received, at: int, passed: Iterable[Received] = ()) -> Hop:
    """Return the host that a line shows, with the recipients of that line and of those above it."""
    recipients = tuple(dict.fromkeys(each.recipient for each in passed if each.recipient))
    return Hop(Client(seen.ip, helo=seen.helo, tls="TLS" if seen.tls else None), seen.at, at, seen.name, recipients)


def is_private(ip: str) -> bool:
    """Whether an address is of a network that nobody outside is on, so that it is never the outside client's."""
    return len(ip) <= MAX_ADDRESS and _is_private(ip)


@lru_cache(maxsize=4096)  # the same few hosts bring most mail
def _is_private(ip: str) -> bool:
    address = _address(ip)
    return address is not None and any(address in network for network in _OWN_NETWORKS)


def is_internal(host: str) -> bool:
    """Whether a host has a name, or a bare address, that means nothing outside its own network."""
    return _INTERNAL.fullmatch(host) is not None


def read_received(value: str) -> Received:
    """Read one Received line in the shapes of Postfix, Exim, Sendmail, Exchange, Gmail, Yahoo and qmail."""
    text, _, date = " ".join(value[:MAX_LINE].split()).rpartition(";")
    tokens = list(_tokens(text or date))
    source = _clause(tokens, "from")
    protocol = "".join(_clause(tokens, "with")[:1]).lower()
    return Received(
        # A client that can smuggle a second "by" into its HELO would choose its address, so such a line proves nothing.
        ip=_ip(source) if [token.lower() for token in tokens].count("by") == 1 else "",
        helo=_helo(source),
        by="".join(_clause(tokens, "by")[:1]).lower().strip("[]."),
        tls="tls" in text.lower() or protocol in ("esmtps", "esmtpsa", "smtps", "lmtps"),
        inside=not source and not _LOCAL.search(text),
        at=_date(date),
        name=_name(source),
        recipient=_recipient(tokens),
        local=protocol.startswith("lmtp"),
    )


_WORDS = ("from", "by", "via", "with", "id", "for")
_LOCAL = re.compile(r"from userid|\(from |with local\b|invoked by uid 0\b", re.IGNORECASE)
_SAID = re.compile(r"\b(?:helo|ehlo)[= ]([^\s()]+)", re.IGNORECASE)
_CLAIM = re.compile(r"\b(?:helo|ehlo|ident)[= ][^\s()]*+", re.IGNORECASE)


def _tokens(text: str) -> Iterator[str]:
    """Split into words and whole comments; a comment keeps its outer parenthesis, inner ones are dropped."""
    depth, comment = 0, list[str]()
    for token in re.findall(r"[()]|[^\s()]+", text):
        if token in "()":
            depth = max(0, depth + (1 if token == "(" else -1))
            if depth == 0 and comment:
                yield "(" + " ".join(comment)
                comment = []
        elif depth:
            comment.append(token)
        else:
            yield token


def _clause(tokens: list[str], word: str) -> list[str]:
    """Return what follows a word of the trace syntax, up to the next such word."""
    lower = [token.lower() for token in tokens]
    start = lower.index(word) + 1 if word in lower else len(lower)
    end = next((at for at in range(start, len(lower)) if lower[at] in _WORDS), len(lower))
    return tokens[start:end]


def _ip(source: list[str]) -> str:
    """Return the one address that the writer saw; what the client claims (HELO, ident) is left out.

    An address outside a comment is the writer's only in the style of Exim, where the comments hold `name=value`.
    """
    comments = [token[1:] for token in source if token.startswith("(")]
    seen = {ip for comment in comments if (ip := _last_ip(_CLAIM.sub("", comment).split()))}
    if not seen and all("=" in comment for comment in comments):
        seen = {_last_ip([token for token in source if token.startswith("[")])}
    return seen.pop() if len(seen) == 1 else ""


def _last_ip(words: list[str]) -> str:
    """Return the last address among words, bracketed ones before bare ones."""
    bracketed = [word.partition("]")[0] for word in words if word.startswith("[")]
    addresses = [address for word in bracketed or words if (address := _address(word))]
    return str(addresses[-1]) if addresses else ""


def _name(source: list[str]) -> str:
    """Return the reverse name that the writer verified: before the address in a comment, or first where `helo=` follows.

    Sendmail says of a name that does not lead back that it may be forged; qmail verifies none.
    """
    comments = [token[1:] for token in source if token.startswith("(") and "may be forged" not in token]
    before = [_CLAIM.sub("", comment).split() for comment in comments]
    named = [words[0] for words in before if len(words) > 1 and words[1].startswith("[")]
    if not named and any("helo=" in comment for comment in comments):
        named = source[:1]
    name = named[0].rpartition("@")[2].rstrip(".").lower() if named else ""
    return name[:255] if "." in name and name[0].isalnum() and not is_internal(name) else ""


def _recipient(tokens: list[str]) -> str:
    found = "".join(_clause(tokens, "for")[:1]).strip("<>;")
    return found if "@" in found and len(found) <= 320 else ""


def _helo(source: list[str]) -> str:
    said = next(filter(None, (_SAID.search(token) for token in source if token.startswith("("))), None)
    return (said[1] if said else "".join(source[:1]))[:255]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    bare = re.sub(r"(?i)^\[?(?:ipv6:)?", "", text[:100]).rstrip("]").partition("%")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text.strip()[:100])
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
