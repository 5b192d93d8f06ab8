"""Text of a mail: HTML to text, links, and the normal form in which two copies of one text are equal."""

import re
import unicodedata
from functools import lru_cache

from selectolax.lexbor import LexborHTMLParser

MAX_HTML = 256 * 1024
MAX_TEXT = 256 * 1024
MAX_LINKS = 200
MAX_TAGS = 8_000
"""HTML with more tags is not parsed, as deep nesting costs the square of its depth; its tags are only cut out."""
MAX_HIDDEN = 500
MAX_GROWN = 1000
MAX_REMEMBERED = 32 * 1024
_HIDDEN = re.compile(r"display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden", re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s<>\"'\\^`{|}]{1,2000}", re.IGNORECASE)
_AFTER_HOST = re.compile(r"[/?#\\]")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_WORD = re.compile(r"[^\W\d_]{2,40}")
_MARKS = re.compile(r"[^\w\x00-\x7f]{31,}")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def clean(text: str) -> str:
    """Replace what no database or page can carry: NUL, control characters and lone surrogates."""
    return text if text.isprintable() else _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def html_to_text(html: str) -> tuple[str, tuple[str, ...]]:
    """Return the visible text and the link targets of (at most 256 KB of) HTML; nothing is fetched."""
    return _remembered(html) if len(html) <= MAX_REMEMBERED else _read(html)


@lru_cache(maxsize=64)  # a mail is asked several times for its text, while others of its batch are
def _remembered(html: str) -> tuple[str, tuple[str, ...]]:
    return _read(html)


def _read(html: str) -> tuple[str, tuple[str, ...]]:
    if html.count("<", 0, MAX_HTML) > MAX_TAGS:
        return clean(_TAG.sub(" ", html[:MAX_HTML])), ()
    return _text_of(LexborHTMLParser(html[:MAX_HTML]))


def _text_of(tree: LexborHTMLParser) -> tuple[str, tuple[str, ...]]:
    tree.strip_tags(["script", "style", "head", "template"])
    links = [node.attributes.get("href") or "" for node in tree.css("a[href]")[:MAX_LINKS]]
    body = tree.body
    text = body.text(separator=" ", strip=True) if body is not None else ""
    return clean(text)[:MAX_TEXT], tuple(link for link in links if _LINK.match(link))


def hides_text(html: str) -> bool:
    """Whether (at most 256 KB of) HTML has anything that readers are not meant to see."""
    return _HIDDEN.search(html[:MAX_HTML]) is not None


def visible_text(html: str) -> str:
    """Return the text of (at most 256 KB of) HTML without what its own styles hide, mostly filler against filters."""
    if html.count("<", 0, MAX_HTML) > MAX_TAGS:
        return html_to_text(html)[0]
    tree = LexborHTMLParser(html[:MAX_HTML])
    hidden = [node for node in tree.css("[style]") if _HIDDEN.search(node.attributes.get("style") or "")]
    for node in reversed(hidden[:MAX_HIDDEN]):  # what is inside goes before what it is inside of
        node.replace_with(" ")
    return _text_of(tree)[0]


def links_in(text: str) -> tuple[str, ...]:
    """Return the web links written in plain text, at most 200."""
    found = (match.group().rstrip(".,;:!?)") for match in _LINK.finditer(text))
    return tuple(link for link, _ in zip(found, range(MAX_LINKS), strict=False))


@lru_cache(maxsize=4096)
def link_host(link: str) -> str:
    """Return the lower-case host of a link, without user, port or path."""
    authority = _AFTER_HOST.split(link.partition("://")[2], maxsplit=1)[0]
    host = authority.rpartition("@")[2].lower()
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0].rstrip(".")


def folded(text: str) -> str:
    """Return a text in compatibility form and without case; what differs only in appearance becomes the same.

    Putting marks in order takes the square of how many stand in a row, so no more are left than Unicode's stream-safe
    form allows (UAX 15, section 13). One letter may stand for eighteen; of such text no more is returned than twice its length.
    """
    plain = unicodedata.normalize("NFKC", _MARKS.sub(lambda run: run.group()[:30], text))
    return plain[: 2 * len(text) + MAX_GROWN].casefold()


def words(text: str) -> list[str]:
    """Return the words of a text in folded form; digits and punctuation, which vary in each copy, are left out."""
    return _WORD.findall(folded(text[:MAX_TEXT]))
