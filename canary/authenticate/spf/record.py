"""The text of an SPF record as terms (RFC 7208 sections 4.5, 4.6 and 12); nothing is resolved or expanded here."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network

from canary.authenticate.dns_answer import Record
from canary.model.proof import Result

_ANY_CASE = re.IGNORECASE | re.ASCII
MACRO = re.compile(
    r"%(?:\{(?P<letter>[slodiphcrtv])(?P<keep>\d*)(?P<reverse>r?)(?P<split>[-.+,/_=]*)\}|[%_-])", _ANY_CASE
)
_MACRO_STRING = re.compile(rf"(?:{MACRO.pattern}|[!-$&-~])*+", _ANY_CASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9._-]*)=(.*)", _ANY_CASE)
_DIRECTIVE = re.compile(r"([-+?~]?)([a-z][a-z0-9]*)(.*)", _ANY_CASE)
_LENGTH = r"(0|[1-9][0-9]{0,2})"
_LENGTHS = re.compile(rf"(?:/{_LENGTH})?(?://{_LENGTH})?\Z")
_TOPLABEL = re.compile(r"(?![0-9]+\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", _ANY_CASE)
_TEXT_ONLY = frozenset("crt")

MAX_RECORD = 16 * 1024
"""Octets of a record; section 3.4 asks publishers to stay below 512."""

QUALIFIERS = {
    "": Result.PASS,
    "+": Result.PASS,
    "-": Result.FAIL,
    "~": Result.SOFTFAIL,
    "?": Result.NEUTRAL,
}


class Broken(Exception):
    """The record, or one it leads to, cannot be judged: a permerror, with its reason."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One directive; `domain` is still a macro string, empty for the current domain; `lengths` are those of CIDR."""

    text: str
    name: str
    verdict: Result
    domain: str = ""
    lengths: tuple[int, int] = (32, 128)
    network: IPv4Network | IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """The directives in order, and the two modifiers that mean something."""

    mechanisms: tuple[Mechanism, ...] = ()
    redirect: str = ""
    explanation: str = ""


def select_record(records: Sequence[Record]) -> str | None:
    """Return the one SPF record among the TXT records, None if there is none; raises `Broken` for two (4.5)."""
    found = [record for record in records if isinstance(record, bytes) and _is_spf(record)]
    if len(found) > 1:
        raise Broken("more than one SPF record (RFC 7208 4.5)")
    if found and len(found[0]) > MAX_RECORD:
        raise Broken(f"SPF record of more than {MAX_RECORD} octets")
    # Octets beyond ASCII become a character that no term allows.
    return found[0].decode("ascii", "replace") if found else None


def _is_spf(record: bytes) -> bool:
    return record[:7].lower() in {b"v=spf1", b"v=spf1 "}


def parse_record(text: str) -> SpfRecord:
    """Return the record's terms; any syntax error anywhere in it raises `Broken` (4.6)."""
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in filter(None, text[len("v=spf1") :].split(" ")):
        if modifier := _MODIFIER.fullmatch(term):
            _note_modifier(modifiers, modifier[1].lower(), modifier[2])
        else:
            mechanisms.append(_mechanism(term))
    return SpfRecord(tuple(mechanisms), modifiers.get("redirect", ""), modifiers.get("exp", ""))


def _note_modifier(modifiers: dict[str, str], name: str, value: str) -> None:
    if name not in {"redirect", "exp"}:
        if not is_macro_string(value):
            raise Broken(f"modifier {name}={value} is not a macro string (RFC 7208 6)")
        return
    if name in modifiers:
        raise Broken(f"{name}= occurs twice (RFC 7208 6)")
    modifiers[name] = _domain_spec(value)


def _mechanism(term: str) -> Mechanism:
    match = _DIRECTIVE.fullmatch(term)
    if match is None or (build := _BUILDERS.get(match[2].lower())) is None:
        raise Broken(f"unknown mechanism {term} (RFC 7208 4.6.1)")
    return build(Mechanism(term, match[2].lower(), QUALIFIERS[match[1]]), match[3])


def _all(bare: Mechanism, rest: str) -> Mechanism:
    if rest:
        raise Broken(f"{bare.text} takes no argument (RFC 7208 5.1)")
    return bare


def _with_domain(bare: Mechanism, rest: str) -> Mechanism:
    """`include`, `exists`: a domain and nothing else."""
    if not rest.startswith(":"):
        raise Broken(f"{bare.text} lacks a domain (RFC 7208 5)")
    return replace(bare, domain=_domain_spec(rest[1:]))


def _ptr(bare: Mechanism, rest: str) -> Mechanism:
    return _with_domain(bare, rest) if rest else bare


def _hosts(bare: Mechanism, rest: str) -> Mechanism:
    """`a`, `mx`: perhaps a domain, perhaps two lengths; a domain may hold slashes too, so only the end counts."""
    lengths = _LENGTHS.search(rest, max(0, len(rest) - len("/32//128")))
    four, six = lengths.groups() if lengths else (None, None)
    spec = rest[: lengths.start()] if lengths else rest
    named = _with_domain(bare, spec) if spec else bare
    return replace(named, lengths=(_length(four, 32), _length(six, 128)))


def _length(digits: str | None, longest: int) -> int:
    length = longest if digits is None else int(digits)
    if length > longest:
        raise Broken(f"prefix length {length} is above {longest} (RFC 7208 5.6)")
    return length


def _network(bare: Mechanism, rest: str) -> Mechanism:
    kind = _NETWORKS[bare.name]
    address, slash, length = rest[1:].partition("/")
    if not rest.startswith(":") or (slash and not re.fullmatch(_LENGTH, length)) or "%" in address:
        raise Broken(f"{bare.text} is not a network (RFC 7208 5.6)")
    try:
        return replace(bare, network=kind(rest[1:], strict=False))
    except ValueError as error:
        raise Broken(f"{bare.text} is not a network (RFC 7208 5.6)") from error


_NETWORKS: dict[str, type[IPv4Network] | type[IPv6Network]] = {"ip4": IPv4Network, "ip6": IPv6Network}
_BUILDERS: dict[str, Callable[[Mechanism, str], Mechanism]] = {
    "all": _all,
    "include": _with_domain,
    "exists": _with_domain,
    "ptr": _ptr,
    "a": _hosts,
    "mx": _hosts,
    "ip4": _network,
    "ip6": _network,
}


def is_macro_string(text: str) -> bool:
    """Whether a text, without blanks, follows the macro grammar (RFC 7208 7.1)."""
    keeps = (macro["keep"] for macro in MACRO.finditer(text))
    return bool(_MACRO_STRING.fullmatch(text)) and all(not keep or keep.strip("0") for keep in keeps)


def _domain_spec(text: str) -> str:
    """The text, if it is a domain-spec: a macro string that ends in a macro or in a dot and a top label."""
    macros = list(MACRO.finditer(text))
    tail = text[macros[-1].end() :] if macros else text
    _, dot, label = tail.removesuffix(".").rpartition(".")
    ends = (macros and not tail) or (dot and _TOPLABEL.fullmatch(label))
    # The macros c, r and t are for explanations only (7.2).
    if not (ends and is_macro_string(text)) or any((macro["letter"] or "").lower() in _TEXT_ONLY for macro in macros):
        raise Broken(f"{text} is not a domain (RFC 7208 7.1)")
    return text
