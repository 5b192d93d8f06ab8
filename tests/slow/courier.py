"""A process that delivers what the outbox holds until nothing is left, then ends.

python -m tests.slow.courier STORE_URL RECEIVER_URL SECRET
"""

import sys
import threading
from datetime import UTC, datetime

from canary.alerts.channels.base import Target
from canary.alerts.delivery import DeliveryContext, DeliveryPool
from canary.model.alert import Mode
from canary.net.http import Http
from canary.store.database import Database
from canary.store.queries import outbox


def now() -> datetime:
    return datetime.now(UTC)


def main(store_url: str, url: str, secret: str) -> None:
    store = Database(store_url)
    target = Target("siem", "webhook", url, (secret,), Mode.EVERY)
    desk = DeliveryContext(store, Http(allow_private=True), [target], now, "https://canary.example")
    couriers, pause = DeliveryPool(desk), threading.Event()
    while True:
        couriers.look()
        pause.wait(0.02)
        with store.reading() as session:
            unrouted, names = outbox.waiting(session, now())
        if not (unrouted or names or any(not each.done() for its in couriers.away.values() for each in its)):
            break
    couriers.close()
    desk.http.close()
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
