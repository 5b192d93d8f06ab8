"""The site that a text names: what people paste, what browsers share, what password managers write into a note."""

# ruff: noqa: RUF001 - punctuation of many languages is what this is about

import re
from ipaddress import ip_address

from canary.judge.organisation import is_domain, normal, organisation

MAX_TEXT, MAX_LABEL = 2000, 63
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,20}):/{2}", re.IGNORECASE)
_WEB = frozenset({"http", "https"})
_BREAKS = re.compile(r"[\s。<>\"'`“”„«»‹›()\[\]{}|,;!?،、，；！？（）「」『』【】《》]+")
_LABEL = re.compile(r"[^\W_](?:[\w-]*[^\W_])?")
_DOTS = str.maketrans({"。": ".", "．": ".", "｡": "."})


def host_of(text: str) -> str:
    """Return the host that a text is, be it a name or a whole address of a page; lower case, A-labels, or empty."""
    rest = text.strip()[:MAX_TEXT].translate(_DOTS)
    found = _SCHEME.match(rest)
    if found:
        if found[1].lower() not in _WEB:
            return ""
        rest = rest[found.end() :]
    name = re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2]
    name = re.sub(r":\d{0,5}$", "", name).strip(".:")
    return normal(name) if _is_host(name) else ""


def domain_of(text: str) -> str:
    """Return the domain that a text is, or the address of a page at it; the text as it is where it is neither."""
    return host_of(text).removeprefix("www.") or text.strip()


def site_in(text: str) -> str:
    """Return the first host in a sentence of any language, empty where there is none."""
    words = _BREAKS.split(text[:MAX_TEXT])
    # A word that ends with a colon names what follows; in Chinese nothing stands between the two.
    parts = (part for word in words for part in ([word] if "://" in word else re.split("[:：]", word)))
    return next((host for part in parts if "@" not in part and (host := host_of(part))), "")


def party_of(host: str) -> str:
    """Return the organisational domain of a host; empty for an IP address and for a name of this machine."""
    found = organisation(host)
    return found if is_domain(found) and not found.rpartition(".")[2].isdigit() and not _is_local(found) else ""


def _is_host(name: str) -> bool:
    labels = name.split(".")
    last = labels[-1]
    return (
        len(labels) > 1
        and all(len(label) <= MAX_LABEL and _LABEL.fullmatch(label) for label in labels)
        and len(last) > 1
        and (not last.isascii() or last.isalpha() or last.lower().startswith("xn--"))
    )


def _is_local(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return name.rpartition(".")[2] in ("localhost", "local", "internal", "lan", "home", "arpa")
    return True
