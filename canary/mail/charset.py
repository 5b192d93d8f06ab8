"""Octets to text by the charset that a mail declares, which it often misspells, or means more by than it says."""

import codecs
import re
from functools import lru_cache

import webencodings

MAX_LABEL = 60
MAX_META = 1024
"""How far into HTML its own declaration is looked for, as browsers do."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_FIRST = tuple(bom[:1] for bom, _ in _BOMS)
_META = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([\w:.-]{1,60})", re.IGNORECASE)
# Labels of 7-bit text, which say nothing of the other octets, and those that say that nobody knows.
_UNDECLARED = frozenset(
    "ascii us-ascii ansi_x3.4-1968 ansi_x3.110-1983 iso646-us 7bit 8bit binary unknown-8bit x-unknown unknown"
    " default default_charset none".split()
)
# Not text, or as slow as an attacker likes: Python has codecs for these too.
_CODECS = re.compile(r"(?:cp|ibm|iso|latin|utf|koi8|mac|euc|gb|ks_c|big5|hz|tis|kz1|shift_?jis|johab)[\w-]{0,30}")
_SPELLINGS = (
    (re.compile(r"^(?:charset=|x-|cs)"), ""),
    (re.compile(r"^(cp|ibm|koi)[-_ ]"), r"\1"),
    (re.compile(r"^(?:win|windows|ms|microsoft|ansi)[-_ ]?(?:cp)?[-_ ]?(?=\d)"), "windows-"),
    (re.compile(r"^windows-(?=9[345]\d$)"), "cp"),
    (re.compile(r"^(?:uhc|ks_?c[-_]5601.*)$"), "cp949"),
    (re.compile(r"^latin[-_ ]"), "latin"),
    (re.compile(r"^koi8(?=[rut]$)"), "koi8-"),
    (re.compile(r"^iso[-_ ]?(?=8859|2022)"), "iso-"),
    (re.compile(r"^(?=8859|2022)"), "iso-"),
    (re.compile(r"^(iso-8859)[-_ ]?(?=\d)"), r"\1-"),
    (re.compile(r"^utf[-_ ]?8.*"), "utf-8"),
    (re.compile(r"^(?:unicode-)?(?:1-1-)?utf[-_ ]?7$"), "utf-7"),
    (re.compile(r"^gb[-_ ]?(?:2312|k|18030).*"), "gb18030"),
    (re.compile(r"^mac[-_ ]?(?:centraleurroman|ce)$"), "mac-latin2"),
    (re.compile(r"^mac[-_ ]?cyrillic.*"), "mac-cyrillic"),
    (re.compile(r"^mac[-_ ]?japanese$"), "shift_jis"),
)
# What Python offers where the standard, made for the web, offers nothing; and what has more letters than its name says.
_CODEC_OF = {"gbk": "gb18030", "iso-2022-jp": "iso2022_jp_ext"}


def decode_octets(octets: bytes, label: str = "") -> str:
    """Decode by a declared charset, with replacement; undeclared octets are UTF-8, or else windows-1252."""
    if octets[:1] in _FIRST and (mark := next((bom for bom in _BOMS if octets.startswith(bom[0])), None)):
        return octets[len(mark[0]) :].decode(mark[1], "replace")
    name = codec_of(label[:MAX_LABEL])
    if not name:
        return _guessed(octets)
    try:
        return octets.decode(name, "replace")
    except (LookupError, ValueError, AssertionError):
        return _guessed(octets)


def decode_markup(octets: bytes, label: str = "") -> str:
    """Decode HTML, which may declare its charset itself where its header does not."""
    told = None if codec_of(label[:MAX_LABEL]) else _META.search(octets[:MAX_META])
    return decode_octets(octets, told[1].decode("ascii", "replace") if told else label)


@lru_cache(maxsize=512)
def codec_of(label: str) -> str:
    """Return Python's codec for a charset label, empty where it says nothing or nobody knows it.

    Labels and what they stand for are those of the WHATWG Encoding standard, by which mail programs go as well:
    `iso-8859-1` is windows-1252, `gb2312` is GBK.
    """
    # RFC 2231 section 5 lets an encoded word name its language too.
    plain = label.strip().strip("\"'").lower().partition("*")[0]
    if plain in _UNDECLARED:
        return ""
    return _of_standard(plain) or _of_standard(_respelled(plain)) or _of_python(plain) or _of_python(_respelled(plain))


def _respelled(label: str) -> str:
    for spelling, standard in _SPELLINGS:
        label = spelling.sub(standard, label)
    return label


def _of_standard(label: str) -> str:
    encoding = webencodings.lookup(label)
    # The standard gives up encodings that are a danger in a browser, and the private one is of no use in mail.
    if encoding is None or encoding.name in ("replacement", "x-user-defined"):
        return ""
    return _CODEC_OF.get(encoding.name) or str(encoding.codec_info.name)


def _of_python(label: str) -> str:
    try:
        name = codecs.lookup(label).name if _CODECS.fullmatch(label) else ""
    except (LookupError, ValueError):
        return ""
    return _of_standard(name.replace("_", "-")) or name


def _guessed(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except ValueError:
        return octets.decode("windows-1252", "replace")
