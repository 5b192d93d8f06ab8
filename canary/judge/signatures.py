"""What verified signatures of somebody cover: a header that they cover cannot have been changed or added on the way."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import reduce
from operator import and_

from canary.model.mail import ParsedMail
from canary.model.proof import Proofs, Result

MAX_SIGNATURES = 10


@dataclass(frozen=True, slots=True)
class _Signature:
    """What a DKIM-Signature header says it covers; only to be used once its key is known to have verified."""

    domain: str
    selector: str
    headers: Counter[str]

    def made_with(self, domain: str, selector: str) -> bool:
        """Whether the header names this key; results read from another receiver may have no selector."""
        return self.domain == domain.lower() and selector in ("", self.selector)


def covered_headers(mail: ParsedMail, proofs: Proofs, domains: Collection[str]) -> Counter[str]:
    """Count the instances of each header, in lower case, that verified signatures of some domains cover."""
    covered, written = Counter[str](), _written(mail)
    for key in {(d.domain, d.selector) for d in proofs.dkim if d.result is Result.PASS and d.domain in domains}:
        covered |= _in_all([signature.headers for signature in written if signature.made_with(*key)])
    return covered


def _written(mail: ParsedMail) -> list[_Signature]:
    values = [value for key, value in mail.headers if key.lower() == "dkim-signature"]
    # Verifiers check so many; among more, the one that verified could be hidden behind copies that claim to cover more.
    return [_signature(value) for value in values] if len(values) <= MAX_SIGNATURES else []


def _signature(value: str) -> _Signature:
    tags = dict(tag.split("=", 1) for tag in reversed("".join(value[:16_384].split()).split(";")) if "=" in tag)
    return _Signature(tags.get("d", "").lower(), tags.get("s", ""), Counter(tags.get("h", "").lower().split(":")))


def _in_all(counters: list[Counter[str]]) -> Counter[str]:
    """Keep what all signatures of one key cover, as it is not known here which of them verified."""
    return reduce(and_, counters) if counters else Counter()
