"""What a trusted host found out before it passed a mail on, as its seal in a chain of ARC keeps it (RFC 8617)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from canary.authenticate.arc import MAX_INSTANCES
from canary.authenticate.lookup import dns_name
from canary.authenticate.message import Field, Message
from canary.authenticate.results.field import read_field
from canary.authenticate.results.trusted import proofs_stated
from canary.model.domain_names import is_within
from canary.model.proof import ArcResult, Proofs, Result

_INSTANCE = re.compile(rb"(?:^|[;\s])i\s{0,9}=\s{0,9}([0-9]{1,2})\b")
_DOMAIN = re.compile(rb"(?:^|[;\s])d\s{0,9}=\s{0,9}([A-Za-z0-9._-]{1,253})")


@dataclass(frozen=True, slots=True)
class SealedResults:
    """What a host sealed, and the domain that it sealed as."""

    domain: str
    proofs: Proofs


def sealed_results(message: Message, arc: ArcResult, trusted: Collection[str]) -> SealedResults | None:
    """Return the results of the first trusted sealer after whom only trusted ones touched the mail; else None.

    Those who seal later can change the mail, and leave the earlier seals as they are; so all later ones must be trusted.
    """
    if arc.result is not Result.PASS or not trusted:
        return None
    seals, results = _by_instance(message, b"arc-seal"), _by_instance(message, b"arc-authentication-results")
    found = None
    for instance in range(max(seals, default=0), 0, -1):
        domain = _sealer(seals.get(instance))
        if not any(_is_trusted(domain, each) for each in trusted) or instance not in results:
            break
        stated = read_field(_INSTANCE.sub(b"", results[instance].value, count=1).lstrip(b" \t\r\n;"))
        found = SealedResults(domain, proofs_stated([stated], domain))
    return found


def _by_instance(message: Message, name: bytes) -> Mapping[int, Field]:
    found = ((_INSTANCE.search(each.value[:2000]), each) for each in message.named(name)[:MAX_INSTANCES])
    return {int(match[1]): each for match, each in found if match}


def _sealer(seal: Field | None) -> str:
    match = _DOMAIN.search(seal.value[:2000]) if seal else None
    return dns_name(match[1].decode()) if match else ""


def _is_trusted(domain: str, name: str) -> bool:
    name = name.lower()
    return bool(domain) and (is_within(domain, name) or (domain.count(".") > 0 and is_within(name, domain)))
