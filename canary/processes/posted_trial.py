"""Trying an HTTP inlet: whether it answers and refuses strangers, and a self-test that is posted to one."""

import secrets
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from urllib.parse import urlencode

import httpx

from canary.net.special_addresses import local_address
from canary.net.standard_webhooks import sign
from canary.processes.ingest_process import service_paths
from canary.processes.self_test import self_test_message, until_judged
from canary.processes.spools import clock
from canary.processes.stores import open_store
from canary.processes.trial_fault import TrialFailed
from canary.settings import Settings
from canary.store.queries.canaries import newest_active

_STRANGER = 401
_PAUSE = 0.5


def posted_self_test(
    known: Settings, name: str, note: Callable[[str], None], found_there: Callable[[str], None], tries: int
) -> tuple[str, float | None]:
    """Ask an inlet, and post a self-test where the secret for that is here; raises OSError in one line.

    It is asked so many times, twice a second, until it answers. Return what was found, and the seconds until the self-test was judged.
    """
    path = service_paths(known)[name]
    _check_closed_to_strangers(known, path, tries)
    found = f"{name}: answers at {path} on port {known.ingest.port}, and refuses strangers"
    found_there(found)
    if known.ingest.raw is None or not path.endswith("/raw"):
        note("Only the service itself can post a mail to it: let it send one to one of your addresses")
        return found, None
    return found, _posted(known, path)


def _check_closed_to_strangers(known: Settings, path: str, tries: int) -> None:
    for left in reversed(range(tries)):
        try:
            status = _post(known, path, b"", {})
        except TrialFailed:
            if not left:
                raise
            status = 0
        if status == _STRANGER:
            return
        if left:
            threading.Event().wait(_PAUSE)
    raise TrialFailed(
        f"{path}: answers {status} instead of 401; does another program listen on port {known.ingest.port}?"
    )


def _posted(known: Settings, path: str) -> float | None:
    with closing(open_store(known)) as store, store.reading() as session:
        address = newest_active(session)
    if address is None or known.ingest.raw is None:
        return None
    begun = clock()
    message = self_test_message(known, address, begun)
    body, identifier, stamp = message.as_bytes(), f"selftest-{secrets.token_hex(8)}", str(int(begun.timestamp()))
    signature = sign(known.ingest.raw.readable[0], identifier, stamp, body)
    headers = {"webhook-id": identifier, "webhook-timestamp": stamp, "webhook-signature": signature}
    status = _post(known, path, body, {**headers, "canary-envelope": urlencode({"rcpt": address})})
    if status != httpx.codes.OK:
        raise TrialFailed(f"{path}: a self-test is answered {status}; see the log of `canary ingest`")
    return (until_judged(known, str(message["Message-ID"]), begun, clock) - begun).total_seconds()


def _post(known: Settings, path: str, body: bytes, headers: Mapping[str, str]) -> int:
    url = f"http://{local_address(known.ingest.host)}:{known.ingest.port}{path}"
    try:
        return httpx.post(url, content=body, headers=dict(headers), timeout=10, trust_env=False).status_code
    except httpx.HTTPError as fault:
        raise TrialFailed(f"{url}: does not answer ({type(fault).__name__}); is `canary up` running?") from None
