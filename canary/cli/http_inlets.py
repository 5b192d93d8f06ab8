"""HTTP inlets on the command line: whether they answer, and a self-test that is posted to one."""

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from canary.cli.context import CliError, clock
from canary.net.special_addresses import local_address

if TYPE_CHECKING:
    from canary.settings import Settings

_STRANGER = 401


def is_http_inlet(known: "Settings", name: str) -> bool:
    """Whether this is the name of a service that posts mail, as `canary inlet list` shows it."""
    return name in known.ingest.labels


def try_http_inlet(known: "Settings", name: str) -> tuple[str, float | None]:
    """Ask an inlet, and post a self-test where the secret for that is here; raises CliError.

    Return what was found, and the seconds until the self-test was judged.
    """
    path = _path(known, name)
    _is_closed_to_strangers(known, path)
    found = f"{name}: answers at {path} on port {known.ingest.port}, and refuses strangers"
    if known.ingest.raw is None or not path.endswith("/raw"):
        return f"{found}; only the service itself can post a mail to it", None
    seconds = _posted_self_test(known, path)
    return (
        found if seconds is not None else f"{found}; no address to write to yet, `canary issue VENDOR` makes one"
    ), seconds


def _path(known: "Settings", name: str) -> str:
    from canary.processes.ingest_process import service_paths

    return service_paths(known)[name]


def _is_closed_to_strangers(known: "Settings", path: str) -> None:
    status = _post(known, path, b"", {})
    if status != _STRANGER:
        raise CliError(
            f"{path}: answers {status} instead of 401; does another program listen on port {known.ingest.port}?"
        )


def _posted_self_test(known: "Settings", path: str) -> float | None:
    from canary.net.standard_webhooks import sign
    from canary.processes.self_test import self_test_message, until_judged
    from canary.processes.stores import open_store
    from canary.store.queries.canaries import newest_active

    store = open_store(known)
    with store.reading() as session:
        address = newest_active(session)
    store.close()
    if address is None or known.ingest.raw is None:
        return None
    begun = clock()
    message = self_test_message(known, address, begun)
    body, identifier, stamp = message.as_bytes(), f"selftest-{secrets.token_hex(8)}", str(int(begun.timestamp()))
    signature = sign(known.ingest.raw.readable[0], identifier, stamp, body)
    headers = {"webhook-id": identifier, "webhook-timestamp": stamp, "webhook-signature": signature}
    status = _post(known, path, body, {**headers, "canary-envelope": urlencode({"rcpt": address})})
    if status != 200:
        raise CliError(f"{path}: a self-test is answered {status}; see the log of `canary ingest`")
    return (until_judged(known, str(message["Message-ID"]), begun, clock) - begun).total_seconds()


def _post(known: "Settings", path: str, body: bytes, headers: Mapping[str, str]) -> int:
    import httpx

    url = f"http://{local_address(known.ingest.host)}:{known.ingest.port}{path}"
    try:
        return httpx.post(url, content=body, headers=dict(headers), timeout=10, trust_env=False).status_code
    except httpx.HTTPError as fault:
        raise CliError(f"{url}: does not answer ({type(fault).__name__}); is `canary up` running?") from None
