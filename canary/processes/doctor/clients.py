"""Whether the addresses of clients are seen, by the mail that came of late."""

import ipaddress
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from canary.net.special_addresses import special_block
from canary.processes.doctor.finding import CheckFailed, Examined, Note
from canary.store.tables import MailRow

MOST = 200
ENOUGH = 3
_RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class SeenClients:
    """From where the newest mails came: the count by public and by private address, this machine's own left out."""

    outside: Counter[str]
    inside: Counter[str]
    last: datetime | None


def clients_since(examined: Examined, since: datetime) -> SeenClients:
    """Read where the newest mails came from."""
    query = select(col(MailRow.envelope), col(MailRow.received_at)).where(col(MailRow.received_at) >= since)
    with examined.reading() as session:
        rows = session.exec(query.order_by(col(MailRow.id).desc()).limit(MOST)).all()
    outside, inside, last = Counter[str](), Counter[str](), None
    for envelope, at in rows:
        address = _address(envelope)
        if address is None or ipaddress.ip_address(address).is_loopback:
            continue
        if special_block(address):
            inside[address] += 1
        else:
            outside[address] += 1
            last = max(at, last) if last else at
    return SeenClients(outside, inside, last)


def _address(envelope: Any) -> str | None:
    found = ((envelope or {}).get("client") or {}).get("ip") or ""
    try:
        return str(ipaddress.ip_address(found))
    except ValueError:
        return None


def clients(examined: Examined) -> str:
    """Say whether mail comes under the addresses of those who send it."""
    seen = clients_since(examined, examined.clock() - _RECENT)
    if seen.outside:
        return f"{seen.outside.total()} of the newest mails came from {len(seen.outside)} addresses outside"
    if seen.inside.total() < ENOUGH:
        return Note("no mail from outside yet; it will show whether the addresses of senders are seen")
    if len(seen.inside) == 1:
        [(gateway, count)] = seen.inside.items()
        raise CheckFailed(
            f"all of {count} mails came from {gateway}, so SPF fails for everybody: something before the listener hides the"
            " senders; with Docker set `userland-proxy` to false or `network_mode: host`, with a proxy set smtp.proxies"
        )
    return Note(f"the newest {seen.inside.total()} mails came from private addresses only")
