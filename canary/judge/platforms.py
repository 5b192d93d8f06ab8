"""Shops, couriers, payment services and so on that write for merchants: how each is recognised, and where it names them.

A platform is recognised where it wrote from a domain of its own and proved one. What it states about the merchant
counts only where nobody can have changed it on the way. Some of these places its users fill in as they like, so that
anybody can name anybody there: such a place is `free`, and what stands there ties a mail to a vendor and proves nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from canary.judge.fraud import credential_signs
from canary.judge.names import forms_of, under
from canary.judge.organisation import is_domain, normal, same_organisation
from canary.judge.safe_regex import read_shape
from canary.judge.senders import known_as
from canary.judge.signatures import MAX_SIGNATURES, covered_headers
from canary.mail.text import link_host
from canary.model.domain_names import nearest
from canary.model.identity import Identity
from canary.model.mail import Envelope, ParsedMail
from canary.model.party import Vendor
from canary.model.proof import Proofs, Result
from canary.model.registry_rows import (
    RegistryError,
    RegistryFile,
    RowForm,
    read_domains,
    read_flag,
    read_one_of,
    read_rows,
    read_slug,
    read_text,
    read_texts,
    repeated,
)

KINDS = ("shop", "courier", "payment", "review", "survey", "helpdesk", "ticketing", "newsletter", "booking")
MAX_VALUE, MAX_MERCHANT, MAX_STATED = 300, 100, 5
MAX_TEXT, MAX_LINES, MAX_LINE, MAX_SENTENCES, MAX_LINKS = 20_000, 60, 1000, 8, 50

_SENTENCE = re.compile(r"(?<=[.!?:;])\s+")
_RULE_KEYS = {"in", "shape", "until", "before", "free"}


@dataclass(frozen=True, slots=True)
class MerchantRule:
    """Where a platform names the merchant: the first group of `shape` that is filled, up to the first of `ends`.

    `place` is `from-name`, `from-local`, `reply-to` (the address), `reply-name`, `subject`, `return-path`, `link`, `text`
    (a line or a sentence) or the name of a header in lower case; `ended` means that one of the ends has to follow.
    """

    place: str
    shape: re.Pattern[str]
    ends: tuple[str, ...] = ()
    ended: bool = False
    free: bool = False

    def read(self, value: str) -> str:
        """Return the merchant that a value names, empty if none."""
        found = self.shape.fullmatch(" ".join(value[:MAX_VALUE].split()))
        name = next(filter(None, found.groups()), "") if found else ""
        lowered = name.lower()
        at = min((at for end in self.ends if (at := lowered.find(end.lower())) >= 0), default=-1)
        if at < 0 and self.ended:
            return ""
        return name[: at if at >= 0 else None].strip(" \t\"'.,:;!()[]")[:MAX_MERCHANT]


@dataclass(frozen=True, slots=True)
class Platform:
    """A service that writes for merchants from `domains` of its own, or ones below."""

    slug: str
    name: str
    kind: str
    domains: tuple[str, ...]
    source: tuple[str, ...]
    merchant: tuple[MerchantRule, ...] = ()


@dataclass(frozen=True, slots=True)
class PlatformRegistry:
    """All platforms, looked up by the domains that prove them."""

    platforms: tuple[Platform, ...] = ()
    _domains: Mapping[str, Platform] = field(default_factory=dict)

    def of_domain(self, domain: str) -> Platform | None:
        """Return the platform that a domain, or one above it, belongs to."""
        return nearest(normal(domain), self._domains)


NO_PLATFORMS = PlatformRegistry()


@dataclass(frozen=True, slots=True)
class MerchantStatement:
    """Which platform wrote a mail, whom it states as its merchants, and whom its users could name as they liked."""

    platform: str = ""
    merchants: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


NOTHING_STATED = MerchantStatement()


def statement_of(mail: ParsedMail, proofs: Proofs, envelope: Envelope, registry: PlatformRegistry) -> MerchantStatement:
    """Return what the platform that proved to have written a mail says of its merchant; nothing where none proved it."""
    platform = registry.of_domain(mail.sender.domain)
    if platform is None:
        return NOTHING_STATED
    signers = {d for d in proofs.dkim_domains[:MAX_SIGNATURES] if registry.of_domain(d) is platform}
    straight = proofs.spf.result is Result.PASS and registry.of_domain(proofs.spf.domain) is platform
    if not (signers or straight):
        return NOTHING_STATED
    sentences = _sentences(mail.text) if any(rule.place == "text" for rule in platform.merchant) else ()
    seen = _Places(mail, envelope, None if straight else covered_headers(mail, proofs, signers), sentences)
    stated = [
        (rule.free, name) for rule in platform.merchant for value in seen.values(rule) if (name := rule.read(value))
    ]
    return MerchantStatement(
        platform.name,
        tuple(dict.fromkeys(name for free, name in stated if not free))[:MAX_STATED],
        tuple(dict.fromkeys(name for free, name in stated if free))[:MAX_STATED],
    )


def names_vendor(names: Iterable[str], vendor: Vendor) -> bool:
    """Whether one of some names is the vendor's in any spelling, and no more than that, or a domain of the vendor."""
    forms = forms_of(vendor)
    return any(
        under(name, forms.domains) if is_domain(name) else not forms.runs.isdisjoint(forms_of(Vendor("", name)).runs)
        for name in names
    )


def stated_vendor(mail: ParsedMail, proofs: Proofs, who: Identity, vendor: Vendor, address: str) -> str:
    """Return the name by which a platform states the vendor as its merchant in a mail to an address, empty if it does not.

    It does not count at a vendor who the owner said is not served by it, nor where the mail was sent on or lures away.
    """
    named = next((name for name in who.merchants if names_vendor((name,), vendor)), "")
    if not named or known_as(who, vendor.denied) or _lures_away(mail, who, vendor):
        return ""
    return named if _came_straight(mail, proofs, who, address) else ""


def _came_straight(mail: ParsedMail, proofs: Proofs, who: Identity, address: str) -> bool:
    """Whether the mail was written to this very address: a signature alone can be sent on to anybody.

    Without an address, which is so where one mail is judged by itself, the signature has to do.
    """
    straight = proofs.spf.result is Result.PASS and same_organisation(proofs.spf.domain, who.claim)
    return straight or not address or any(to.address.lower() == address.lower() for to in mail.recipients)


def _lures_away(mail: ParsedMail, who: Identity, vendor: Vendor) -> bool:
    """Whether it asks for what opens an account, and a link leads to neither the platform nor the vendor."""
    home = (who.claim, *who.domains, *vendor.domains)
    return bool(credential_signs(mail)) and not all(under(link_host(link), home) for link in mail.links[:MAX_LINKS])


@dataclass(frozen=True, slots=True)
class _Places:
    """The places of a mail in which a merchant may be named; `covered` are the headers that count, None if all do."""

    mail: ParsedMail
    envelope: Envelope
    covered: Counter[str] | None
    sentences: tuple[str, ...]

    def values(self, rule: MerchantRule) -> Iterator[str]:
        """Yield what stands in the place of a rule, as far as the platform vouches for it."""
        header = {"from-name": "from", "from-local": "from", "reply-name": "reply-to"}.get(rule.place, rule.place)
        if rule.place == "return-path":
            yield from (self.envelope.mail_from,) if self.covered is None else ()
        elif rule.place in ("link", "text"):
            yield from self.mail.links[:MAX_LINKS] if rule.place == "link" else self.sentences
        elif self._vouched(header):
            yield from self._header(rule.place)

    def _vouched(self, header: str) -> bool:
        """Whether the platform wrote this header; one that was added on the way would be one more than it signed."""
        there = sum(name.lower() == header for name, _ in self.mail.headers)
        return self.covered is None or 0 < there <= self.covered[header]

    def _header(self, place: str) -> Iterator[str]:
        if place == "subject":
            yield self.mail.subject
        elif place in ("from-name", "from-local"):
            name, address = self.mail.sender.name, self.mail.sender.address
            yield name if place == "from-name" else address.rpartition("@")[0]
        elif place in ("reply-to", "reply-name"):
            name, _, rest = self.mail.header("reply-to")[:MAX_VALUE].rpartition("<")
            yield rest.strip(" <>") if place == "reply-to" else name.strip(' "')
        else:
            yield self.mail.header(place)


def _sentences(text: str) -> tuple[str, ...]:
    """Return the first lines of a text, and the first sentences of those that have several."""
    lines = [line[:MAX_LINE] for line in text[:MAX_TEXT].splitlines() if line.strip()][:MAX_LINES]
    pieces = (piece for line in lines for piece in _SENTENCE.split(line, MAX_SENTENCES))
    return tuple(dict.fromkeys((*lines, *pieces)))


def read_platforms(data: Mapping[str, object], own: Sequence[RegistryFile] = ()) -> PlatformRegistry:
    """Turn the parsed `platforms.toml` and files of the owner's into the registry; raises `RegistryError` with all faults.

    A row of the owner's replaces the shipped one with its slug.
    """
    faults: list[str] = []
    rows = read_rows((RegistryFile("platforms.toml", data), *own), _FORMS, faults)["platform"]
    if not faults:
        faults += repeated(rows, ("domains",))
    if faults:
        raise RegistryError(faults)
    platforms = tuple(Platform(**row.values) for row in rows)
    return PlatformRegistry(platforms, {domain: each for each in platforms for domain in each.domains})


def _rules(value: object) -> tuple[MerchantRule, ...]:
    if not isinstance(value, list):
        raise TypeError("write a list of rules like [{ in = \"subject\", shape = 'Receipt from (.++)' }]")
    return tuple(_rule(rule) for rule in value)


def _rule(value: object) -> MerchantRule:
    if not isinstance(value, dict) or not {"in", "shape"} <= value.keys() <= _RULE_KEYS:
        raise ValueError(
            'a rule has "in" (a place or a header name), "shape" and perhaps "until" or "before" and "free", nothing else'
        )
    place = read_text(value["in"]).lower()
    if not re.fullmatch(r"[a-z0-9-]{1,76}", place):
        raise ValueError(f'"{place}" is neither a place nor the name of a header; write one such as "from-name"')
    ended = "before" in value
    if ended and "until" in value:
        raise ValueError('a rule has "until" or "before"; leave out one')
    key = "before" if ended else "until"
    ends = read_texts(value[key]) if key in value else ()
    rule = MerchantRule(place, read_shape(read_text(value["shape"])), ends, ended, read_flag(value.get("free", False)))
    if not rule.shape.groups:
        raise ValueError(f'"{rule.shape.pattern}" has no group; put parentheses around the merchant')
    return rule


_FORMS = {
    "platform": RowForm(
        {
            "slug": read_slug, "name": read_text, "kind": read_one_of(KINDS), "domains": read_domains,
            "source": read_texts, "merchant": _rules,
        },
        ("slug", "name", "kind", "domains", "source"),
    )
}  # fmt: skip
