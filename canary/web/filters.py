"""Filters for templates: relative times, defanged links, and what a sender proved, in words."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

from markupsafe import Markup

from canary.attribute.summary import span_words
from canary.model import party
from canary.model.claim import CLAIMS, ClaimCode
from canary.model.identity import Identity, Proof
from canary.model.mail import Envelope, Trust

_LINK = re.compile(r"\bhttp(s?)://([^\s/?#<>\"']{1,253})", re.IGNORECASE)
_STEPS = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"), (60 * 86_400, 86_400, "d"))
# Control characters and the ones that turn the direction of writing: a subject could rewrite the line it is in.
_HIDDEN = (*range(9), 11, 12, *range(14, 32), 127, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = dict.fromkeys(_HIDDEN, "\ufffd")
_PROOF = {
    Proof.DKIM_ALIGNED: "DKIM, aligned", Proof.SPF_ALIGNED: "SPF, aligned", Proof.DKIM: "DKIM", Proof.SPF: "SPF",
}  # fmt: skip
KINDS = {
    "vendor": "vendor", "supplier": "supplier", "account": "account at a supplier", "owner": "your own side",
    "published": "shown in public", "none": "no leak",
}  # fmt: skip
SERIES = {
    "expected": "expected", "supplier": "supplier", "third-party": "third party", "spam": "spam, impersonation",
    "other": "bounces and others",
}  # fmt: skip
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français"}
FEATURES = {
    "text": "text alike", "words": "short text", "subject": "subject", "sender": "named as", "link": "links to",
    "attachment": "file", "dkim": "signed by", "account": "account", "host": "host",
}  # fmt: skip

PLAIN_CLAIMS = tuple(
    (code.value, text)
    for code, text in CLAIMS.items()
    if code not in (ClaimCode.SUPPLIER, ClaimCode.HAPPENED, ClaimCode.STOPPED)
)
"""Claims that need no more than a tick."""


def visible(value: object) -> object:
    """Replace invisible characters that change how text looks; markup made here is left as it is."""
    return value.translate(_UNSEEN) if isinstance(value, str) and not isinstance(value, Markup) else value


def defang(text: str) -> str:
    """Break every web address in a text so that nothing makes it a link."""
    return _LINK.sub(lambda found: f"hxxp{found[1]}://{found[2].replace('.', '[.]')}", text)


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago something was; older than two months: its date."""
    seconds = int((now - at).total_seconds())
    if seconds < 0:
        return day(at)
    return next((f"{seconds // unit} {name} ago" for below, unit, name in _STEPS if seconds < below), day(at))


def day(at: datetime) -> str:
    """Return a date for people."""
    return f"{at.day} {at:%b %Y}"


def exact(at: datetime) -> str:
    """Return a time to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def thousands(count: int) -> str:
    """Return a number with separators between thousands."""
    return f"{count:,}"


def window(earliest: datetime | None, latest: datetime | None) -> str:
    """Return between which days something happened; within a day, to the minute."""
    if earliest is None or latest is None:
        return f"after {day(earliest)}" if earliest else f"before {day(latest)}" if latest else ""
    return span_words(earliest, latest)


def span(since: datetime, until: datetime) -> str:
    """Return from when to when something lasted, in the words of `window`."""
    return span_words(since, until, "{} to {}")


def factor(times: float) -> str:
    """Return how many times likelier something is, rounded as roughly as it is known."""
    if 0.001 <= times < 9.5:
        return f"{times:.1g}"
    if 9.5 <= times < 1e6:
        return thousands(round(times))
    return f"10^{math.floor(math.log10(times))}" if 0 < times < math.inf else f"{times:g}"


def possessive(name: str) -> str:
    """Return whose something is, with the apostrophe of print."""
    return party.possessive(name).replace("'", "\u2019") if "'" not in name else party.possessive(name)


def with_article(noun: str) -> str:
    """Return a noun with `a` or `an`."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def query(wanted: Mapping[str, object]) -> str:
    """Return the query string of a page; empty parameters are left out."""
    asked = urlencode({name: value for name, value in wanted.items() if value not in ("", None)}, quote_via=quote)
    return f"?{asked}" if asked else ""


def size(octets: int) -> str:
    """Return a size in octets for people."""
    if octets < 1024:
        return f"{octets} B"
    return f"{octets / 1024:.1f} KB" if octets < 1 << 20 else f"{octets / (1 << 20):.1f} MB"


def who_sent(identity: Identity, policy: str) -> str:
    """Return in a sentence or two who is proven to have sent a mail, and from whom it only claims to be."""
    claim, domain = identity.claim, identity.domain
    says = f"; the policy of {claim} says {policy}" if policy not in ("", "none") else ""
    if not identity.proven or not domain:
        return (
            f"No sender is proven. It claims to be from {claim}{says}." if claim else "No sender is proven or claimed."
        )
    how = _PROOF[identity.proof]
    if identity.shared:
        return f"A customer of {domain} ({how}); which one is not proven. It claims to be from {claim or 'nobody'}."
    through = f", through account {identity.account} at {identity.esp}" if identity.account else ""
    only = f" It claims to be from {claim}, which is not proven{says}." if claim and not _same(claim, identity) else ""
    return f"{domain} sent it ({how}){through}.{only}"


_CAME = {
    Trust.WIRE: "Our own listener took it from the host that sent it: envelope and host are what we saw.",
    Trust.HOOK: "{inlet} told us of it by its own hook: envelope and host are what that mail server saw.",
    Trust.RECEIVER: "It came by {inlet}: envelope and host are as far as known what the receiver there wrote.",
    Trust.CLAIMED: "It came by {inlet}, and nobody vouches for the envelope: only a signature can prove who sent it.",
}


def how_it_came(envelope: Envelope) -> str:
    """Return in a sentence how a mail came in, and what that means for what is known of it."""
    return _CAME[envelope.trust].format(inlet=envelope.inlet or "an inlet")


def _same(claim: str, identity: Identity) -> bool:
    wholes = (identity.domain, identity.organisation, *identity.domains)
    return any(whole and (claim == whole or claim.endswith(f".{whole}")) for whole in wholes)
