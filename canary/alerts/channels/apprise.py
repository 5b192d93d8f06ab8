"""Every service that Apprise can reach (the extra `apprise`): the address is one of Apprise's own.

Apprise connects by itself: a private host in the address is refused as everywhere, but the address that was checked
is not pinned, and why a message failed is unknown, so that every failure is tried again.
"""

import importlib
from typing import Any

from canary.alerts.channels.base import Channel, Delivery, DeliveryError, cut
from canary.alerts.compose import notice
from canary.net.http import Http, Unreachable


def send(http: Http, post: Delivery) -> None:
    """Hand the message to Apprise; raises DeliveryError or AddressRefused."""
    service = _service(post)
    _guard(http, getattr(service, "host", None), getattr(service, "port", None))
    told = notice(post.bulletin, post.url)
    body = cut("\n".join((*told.lines, told.link)), 4000)
    if not service.notify(title=cut(told.title, 200), body=body, body_format="text"):
        raise DeliveryError("Apprise could not send it; its log may say why", permanent=False)


def _service(post: Delivery) -> Any:
    try:
        # Imported when it is used: it takes longer than all the rest of a worker.
        library = importlib.import_module("apprise")
    except ModuleNotFoundError:
        raise DeliveryError("Apprise is not installed: pip install 'canary-mail[apprise]'", permanent=True) from None
    service = library.Apprise.instantiate(post.target.url)
    if service is None:
        raise DeliveryError(f"destination {post.target.name}: no address that Apprise can read", permanent=True)
    return service


def _guard(http: Http, host: object, port: object) -> None:
    if isinstance(host, str) and host:
        try:
            http.guard.resolve(host, port if isinstance(port, int) else 443)
        except Unreachable:
            return  # in the addresses of many services a token takes the place of the host


CHANNEL = Channel(send)
