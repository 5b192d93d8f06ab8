"""A test of one destination, sent at once, bypassing the outbox."""

from canary.alerts.channels.base import Delivery, DeliveryError
from canary.alerts.delivery import DeliveryContext
from canary.model.alert import AlertMessage, fact_id, sample_alert
from canary.net.http import AddressRefused, Unreachable
from canary.net.masking import mask_of


def test_send(desk: DeliveryContext, name: str) -> str:
    """Send a test to a destination; return what went wrong, if anything."""
    target, now = desk.target(name), desk.clock()
    if target is None:
        return "no such destination"
    fact = sample_alert(fact_id("test", name, now.isoformat()), now)
    try:
        desk.channels[target.kind].send(desk.http, Delivery(AlertMessage(fact), target, now, desk.url))
    except (DeliveryError, AddressRefused, Unreachable) as fault:
        return mask_of((target.url,), target.secrets)(str(fault))
    return ""
