"""Which recipients are accepted: the pure decision behind every RCPT, and the limits on clients."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from enum import StrEnum

from canary.model.plus_sign import plus_readings

_ESCAPE = re.compile(r"\\(.)")

# RFC 5321 4.5.1 and RFC 2142 5: the one who runs a domain can be reached, canaries or not.
ROLES = frozenset({"postmaster", "abuse"})


class Ruling(StrEnum):
    """What a recipient is: ours, never issued, at a foreign domain, or not an address at all."""

    ACCEPT = "accept"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"
    MALFORMED = "malformed"


class Event(StrEnum):
    """What is counted against a session and its network; named like the limit that bounds it, where there is one."""

    CONNECTIONS = "connections"
    CONNECTIONS_PER_NETWORK = "connections_per_network"
    CONNECTION_RATE = "connection_rate"
    MAIL_RATE = "mail_rate"
    UNKNOWN_RATE = "unknown_rate"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"
    ERRORS = "errors"
    COMMANDS = "commands"
    RECIPIENTS = "recipients"
    SIZE = "size"
    MEMORY = "memory"
    DISCARD = "discard"
    SPOOL = "spool"
    ROLES = "roles"
    IDLE = "idle"
    IDLE_WHEN_FULL = "idle_when_full"
    SESSION = "session"
    FAULT = "fault"


class Refusal(Exception):
    """A command that is refused; its text is the whole reply, its event what is counted against the client."""

    def __init__(self, reply: str, event: Event | None = None) -> None:
        super().__init__(reply)
        self.event = event or (Event.SIZE if reply[:3] == "552" else Event.ERRORS if reply[0] == "5" else None)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one mail, one session, one network or all of them may take (octets, seconds, counts).

    `commands` counts those since the last kept mail; `discard` is what is read of a mail that is too big;
    `memory` is for all mails not yet stored; `unknown` counts the refused recipients of a session; rates are
    per network and minute, and 0 sets none; `idle_when_full` is how long a client that sends no mail keeps a place that
    others wait for; `tarpit` is waited for each earlier refusal.
    """

    size: int = 25 * 1024 * 1024
    recipients: int = 100
    errors: int = 20
    unknown: int = 100
    commands: int = 1000
    connections: int = 2500
    connections_per_network: int = 100
    connection_rate: int = 0
    mail_rate: int = 0
    unknown_rate: int = 0
    idle: float = 300.0
    idle_when_full: float = 30.0
    session: float = 1800.0
    memory: int = 128 * 1024 * 1024
    discard: int = 1024 * 1024 * 1024
    tarpit: float = 0.0


def take_token(due: float, now: float, allowed: int, seconds: float = 60.0) -> float | None:
    """Uses one of an allowance of so many a minute, or in other seconds; returns it, or None when it is used up.

    The allowance is the time at which it will be whole again (at first 0).
    """
    if not allowed:
        return due
    rest = max(due, now) + seconds / allowed
    return rest if rest <= now + seconds + 1e-6 else None


def network_to_evict(places: Mapping[str, int], newcomer: str) -> str:
    """The network that gives up one of its places to a newcomer's when all are taken, or none (empty).

    Only one that has two more can, so that places go from those who have most to those who have least, never back.
    """
    most = max(places, key=lambda name: places[name], default="")
    return most if places.get(most, 0) >= places.get(newcomer, 0) + 2 else ""


def delay(limits: Limits, refusals: int) -> float:
    """The seconds that a negative reply is delayed: more for each refusal before, and 30 at most."""
    return min(30.0, limits.tarpit * refusals)


def unquoted(address: str) -> str:
    """The address with a quoted local part written plainly, which is the same mailbox (RFC 5321 4.1.2)."""
    if address[:1] != '"':
        return address
    local, at, domain = address.rpartition("@")
    if len(local) < 2 or local[-1] != '"':
        return address
    return _ESCAPE.sub(r"\1", local[1:-1]) + at + domain


def folded(address: str) -> str:
    """The address in lower case, by ASCII alone: a Kelvin sign is not a k."""
    if address.isascii():
        return address.lower()
    return address.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def is_for_role(wanted: str, issued: Container[str]) -> bool:
    """Whether an accepted recipient, folded to lower case, is accepted as a role alone and was never issued."""
    role = wanted == "postmaster" or wanted.rpartition("@")[0] in ROLES
    return role and wanted not in issued


def rule(wanted: str, domains: frozenset[str], issued: Container[str]) -> Ruling:
    """Decides on an unquoted recipient, given our domains and the issued addresses, all folded to lower case."""
    local, at, domain = wanted.rpartition("@")
    if not at:
        return Ruling.ACCEPT if wanted == "postmaster" else Ruling.MALFORMED
    if not local or not domain:
        return Ruling.MALFORMED
    if domain not in domains:
        return Ruling.FOREIGN
    if wanted in issued or local in ROLES or any(reading in issued for reading in plus_readings(wanted)):
        return Ruling.ACCEPT
    return Ruling.UNKNOWN
