"""How many mails a second one worker brings from its spool to the store, and where the time goes."""

import asyncio
import secrets
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from canary.authenticate.lookup import ZoneLookup
from canary.model.mail import Client, Envelope
from canary.pipeline import Parts, run_pending
from canary.receive.spool import Spool
from canary.run import Stopwatch, supplier_book
from canary.store import canaries, vendors
from canary.store.canaries import Order
from canary.store.database import Database

MAILS = 500
BODY = b"Ten offers for you this week, and a word on boots. " * 100
ZONE = {"shop.example": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]}}


def clock() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Database(f"sqlite:///{folder}/canary.db")
        store.migrate()
        with store.writing() as session:
            vendors.add_vendor(session, "Shop", ["shop.example"], clock())
            address = canaries.issue(session, Order("shop", "in.example"), secrets.randbelow, clock()).address
        for name, sender, ip in (("expected", "b@shop.example", "192.0.2.1"), ("spam", "b@bad.example", "203.0.113.1")):
            _measure(store, Path(folder) / f"{name}.db", name, Envelope(sender, (address,), Client(ip), clock()))
        store.close()


def _measure(store: Database, path: Path, name: str, envelope: Envelope) -> None:
    spool, watch = Spool(path, reserve_bytes=0, max_backlog=MAILS), Stopwatch()
    spool.start(clock)
    content = f"From: News <{envelope.mail_from}>\r\nSubject: Offers\r\n\r\n".encode() + BODY
    parts = Parts(store, lambda: ZoneLookup(ZONE), supplier_book(), clock, watch.passed)

    async def run() -> float:
        await asyncio.gather(*(spool.keep(envelope, content) for _ in range(MAILS)))
        began = time.perf_counter()
        while await run_pending(parts, spool):
            pass
        return time.perf_counter() - began

    seconds = asyncio.run(run())
    print(f"{name}: {MAILS / seconds:.0f} mails/s of {len(content)} octets")
    for stage, (count, spent) in watch.spent.items():
        print(f"    {stage:13} {spent / count * 1000:6.2f} ms")
    spool.close()


if __name__ == "__main__":
    main()
