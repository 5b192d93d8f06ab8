"""The text of a DMARC policy record (RFC 9989 sections 4.7 and 4.8)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from canary.authenticate.dns_answer import Record

_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@$&'()*+;=%-]+(?:![0-9]+[kmgt]?)?", re.IGNORECASE)

POLICIES = ("none", "quarantine", "reject")
MAX_RECORD = 16 * 1024


@dataclass(frozen=True, slots=True)
class Policy:
    """A record that is marked as one; `p` is empty when the record does not ask for DMARC at all (4.10.1)."""

    p: str = ""
    sp: str = ""
    np: str = ""
    psd: str = "u"
    testing: bool = False
    strict: frozenset[str] = field(default=frozenset())

    def for_domain(self, *, below: bool, exists: bool) -> str:
        """Return the policy for the domain of the record, or for one below it that exists or does not (4.7)."""
        if not below:
            return self._applied(self.p)
        return self._applied((not exists and self.np) or self.sp or self.p)

    def _applied(self, policy: str) -> str:
        """Return the policy itself, or the next weaker one while its owner is testing (4.7, tag t)."""
        return POLICIES[max(0, POLICIES.index(policy) - self.testing)]


def select_policy(records: Sequence[Record]) -> Policy | None:
    """Return the one policy among the TXT records of a name, None for none or several (4.10 step 2)."""
    texts = [r.decode("ascii", "replace") for r in records if isinstance(r, bytes) and len(r) <= MAX_RECORD]
    found = [text for text in texts if _VERSION.match(text)]
    return _read(found[0]) if len(found) == 1 else None


def _read(text: str) -> Policy:
    tags = _tags(text)
    p, sp, np = (_policy(tags, name) for name in ("p", "sp", "np"))
    if not p or sp is None or np is None:
        # Such a record counts as p=none for those who want reports, and as no record for all others (4.10.1).
        p, sp, np = ("none" if _wants_reports(tags) else ""), "", ""
    return Policy(
        p=p,
        sp=sp,
        np=np,
        psd=_word(tags, "psd", "ynu", "u"),
        testing=_word(tags, "t", "yn", "n") == "y",
        strict=frozenset(name for name in ("adkim", "aspf") if _word(tags, name, "rs", "r") == "s"),
    )


def _tags(text: str) -> dict[str, str]:
    """Return the tags in lower case; anything else is ignored, and of two equal tags the first counts (4.8)."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        tags.setdefault(name.strip(" \t").lower(), value.strip(" \t"))
    return tags


def _policy(tags: dict[str, str], name: str) -> str | None:
    """Return a policy tag's value, empty without the tag, None for a value that is not a policy."""
    value = tags.get(name, "").lower()
    return value if value in POLICIES or name not in tags else None


def _word(tags: dict[str, str], name: str, allowed: str, default: str) -> str:
    value = tags.get(name, default).lower()
    return value if len(value) == 1 and value in allowed else default


def _wants_reports(tags: dict[str, str]) -> bool:
    return any(_URI.fullmatch(uri.strip(" \t")) for uri in tags.get("rua", "").split(","))
