"""Mailing lists: many write, and one list sends, which alone knows who reads."""

import re

from canary.authenticate.vouching.forwarding import Carried
from canary.authenticate.vouching.recipients import text_of
from canary.model.domain_names import is_within
from canary.model.proof import Result

_POST = re.compile(r"<mailto:[^@>\s]{1,64}@([a-z0-9.-]{1,253})[>?]", re.IGNORECASE)
_STRICT = ("quarantine", "reject")


def list_domain(carried: Carried) -> str:
    """Return the proven domain of the list that sent a mail, empty if none did or its writer's domain forbids that.

    A newsletter has no address to post to. A list that may not send for the writer's domain proves nothing about itself
    that would excuse that.
    """
    dmarc = carried.proofs.dmarc
    if dmarc.result is Result.FAIL and dmarc.policy in _STRICT:
        return ""
    hosts = [host for name in (b"list-post", b"list-id") for host in _hosts(carried, name)]
    if len(hosts) < 2:
        return ""
    proven = (*carried.proofs.dkim_domains[:10], carried.bouncing)
    return next((domain for domain in proven if "." in domain and all(is_within(host, domain) for host in hosts)), "")


def _hosts(carried: Carried, name: bytes) -> list[str]:
    """Return the one host that a header names; several headers of a name prove nothing."""
    values = [text_of(each.value)[:1000] for each in carried.message.named(name)[:2]]
    if len(values) != 1:
        return []
    found = _POST.search(values[0])
    host = found[1] if found else values[0].rpartition("<")[2].rstrip("> ") if name == b"list-id" else ""
    return [host.lower()] if "." in host else []
