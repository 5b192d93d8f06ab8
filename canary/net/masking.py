"""Keeps what is secret about a destination out of everything that is read: its URL, part by part, and its secrets."""

import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

MASK = "***"

_SHORTEST = 6
"""Anything shorter is masked only together with what surrounds it in its URL: alone it could be any word."""

_OPEN_SCHEMES = frozenset({"https", "http", "udp", "tcp", "tls"})
"""Schemes whose host is a host; in the addresses of other services a token may take its place."""

_PLAIN_WORD = re.compile(r"[a-z]{1,15}")


def mask_of(urls: Iterable[str], secrets: Iterable[str] = ()) -> Callable[[str], str]:
    """Return what replaces, in any text, every part of these URLs but scheme and host, and these secrets, by `***`."""
    hidden = {part for url in urls for part in _parts(url)} | {s for s in secrets if len(s) >= _SHORTEST}
    if not hidden:
        return lambda text: text
    # The longest first, so that of a whole URL no rest remains.
    pattern = re.compile("|".join(map(re.escape, sorted(hidden, key=len, reverse=True))))
    return lambda text: pattern.sub(MASK, text)


def _parts(url: str) -> Iterator[str]:
    """Yield the parts of a URL that may be secret, as they are written and as they are meant."""
    yield url
    try:
        split = urlsplit(url)
    except ValueError:
        return
    for text in _composites(split):
        yield from {text, unquote(text)} - {"", "/", "?", "#"}
    for text in _pieces(split):
        yield from (piece for piece in {text, unquote(text)} if _is_telling(piece))


def _composites(split: SplitResult) -> Iterator[str]:
    """Yield parts with their delimiters, which are masked however short they are."""
    user, at, host = split.netloc.rpartition("@")
    yield user + at
    if split.scheme not in _OPEN_SCHEMES:
        yield f"://{host}"
    beyond = split._replace(scheme="", netloc="").geturl()
    yield beyond if len(beyond) > 2 else ""
    yield split.path if len(split.path) > 2 else ""
    yield f"?{split.query}"
    yield f"#{split.fragment}"


def _pieces(split: SplitResult) -> Iterator[str]:
    """Yield what may be told without its surroundings."""
    user, _, host = split.netloc.rpartition("@")
    yield from (user, *user.split(":", 1), split.query, split.fragment)
    yield from () if split.scheme in _OPEN_SCHEMES else (host, *host.split(":"))
    yield from (split.path.strip("/"), *split.path.split("/"))
    yield from (value for _, value in parse_qsl(split.query, keep_blank_values=True))


def _is_telling(piece: str) -> bool:
    """Whether a part is more than a short or plain word, such as `services`, that any line may contain."""
    return len(piece) >= _SHORTEST and not _PLAIN_WORD.fullmatch(piece)
