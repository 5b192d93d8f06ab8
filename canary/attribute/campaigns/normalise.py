"""The normal form of a text: what is left when everything that changes from copy to copy is taken out."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from canary.mail.text import folded

MAX_TEXT = 100 * 1024
MAX_WORDS = 4_000
MAX_SENTENCE = 40
"""A longer run without a full stop is no sentence: of such a run only what follows a phrase of the footer is cut."""

# Written without spaces, so that each character is a word: Thai, Lao, kana, Han.
_SOLID = "\u0e01-\u0eff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_SOLID}]|[^\W\d_{_SOLID}]{{2,40}}")
# Addresses of any kind, and whatever has a figure in it: tracking ids, dates, amounts, what a hash is written as.
_VARYING = re.compile(r"[a-z]{2,12}://[!-~]*+|www\.[!-~]*+|(?<![!-;=?-~])[!-/:;=?A-~]*+[0-9@][!-;=?-~]*+")
_STOP = re.compile(r"[.!?\n\r。|•·]+")
_PREFIX = re.compile(r"^\s*(?:(?:re|fwd?|aw|wg|sv|vs|tr|rv|enc|res)\s*:\s*|\[[^\]]{0,40}\]\s*)+")

_MONTHS = """
    january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec
    januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet août septembre
    octobre novembre décembre enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    janeiro fevereiro março maio junho julho setembro outubro novembro dezembro
    monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun
    montag dienstag mittwoch donnerstag freitag samstag sonntag am pm utc gmt
""".split()
DATES = frozenset(_MONTHS)

# What stands in the footers of mails that have nothing else in common.
FOOTERS = (
    "unsubscrib", "opt out", "opt-out", "opting out", "privacy policy", "privacy statement", "privacy notice",
    "all rights reserved", "copyright", "©", "email was sent", "e-mail was sent", "message was sent",
    "email has been sent", "e-mail has been sent", "newsletter is sent", "in your browser", "in a browser",
    "intended recipient", "intended solely", "intended only", "confidential", "legally privileged",
    "received this email", "received this e-mail", "received this message", "not reply", "consider the environment",
    "terms of use", "terms of service", "terms and conditions", "terms & conditions", "scanned for", "scanned by",
    "virus-free", "virus free", "manage preferences", "manage your preferences", "manage subscription", "add us to your",
    "support html", "html format", "message in mime", "abmelde", "abbestell", "datenschutz", "impressum", "im browser",
    "remove yourself", "be removed", "stop receiving", "no longer wish", "mailing list", "emails list", "your preferences",
    "trouble viewing", "not display", "cannot see", "can't see", "can not see", "viewing this", "an advertisement",
    "angezeigt", "nicht mehr erhalten", "keine weiteren", "abzumelden", "austragen", "ne plus recevoir", "s'affiche",
    "no desea", "dejar de recibir", "não deseja", "deixar de receber", "não receber", "geen e-mails", "online versie",
    "alle rechte", "vertraulich", "nicht auf diese", "désabonn", "désinscri", "politique de confidentialité",
    "tous droits", "confidentiel", "cancelar suscrip", "cancelar inscri", "darse de baja", "descadastr",
    "política de priva", "todos los derechos", "todos os direitos", "confidenci", "annulla l'iscrizione", "cancellati",
    "tutti i diritti", "riservat", "uitschrijven", "afmelden", "privacybeleid", "配信停止", "退订", "版权所有",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a mail was for; copies that differ in this alone are one text.

    `names` are phrases (of persons and of vendors) that go as a whole, `domains` those that say nothing as a link.
    """

    names: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


def normal_words(text: str, addressee: Addressee, most: int = MAX_WORDS) -> list[str]:
    """Return the words of (at most 100 KB of) a text without footers, dates, figures, addresses and the addressee."""
    folded = _VARYING.sub(" ", fold(text))
    phrases = _phrases(addressee.names)
    footers = [phrase for phrase in FOOTERS if phrase in folded]
    found: list[str] = []
    for sentence in _STOP.split(folded):
        found += _without(_own(sentence, footers), phrases)
        if len(found) >= most:
            return found[:most]
    return found


def subject_words(subject: str, addressee: Addressee) -> list[str]:
    """Return the words of a subject without answer marks, dates, figures and the addressee."""
    return _without(_words(_VARYING.sub(" ", _PREFIX.sub("", fold(subject)))), _phrases(addressee.names))


def fold(text: str) -> str:
    """Return (at most 100 KB of) a text in folded form without characters that show nothing."""
    plain = folded(text[:MAX_TEXT])
    return plain if plain.isascii() else "".join(c for c in plain if unicodedata.category(c) not in _UNSEEN)


_UNSEEN = frozenset({"Cf", "Mn", "Me"})


def _own(sentence: str, footers: Sequence[str]) -> list[str]:
    """Return the words of a sentence, or what of it comes before the footer."""
    words = _words(sentence)
    begin = [at for phrase in footers if (at := sentence.find(phrase)) >= 0] if words else []
    if not begin:
        return words
    return [] if len(words) <= MAX_SENTENCE else _words(sentence[: min(begin)])


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word not in DATES]


def _phrases(names: Iterable[str]) -> dict[str, list[list[str]]]:
    """Group the phrases by their first word, longest first."""
    phrases: dict[str, list[list[str]]] = {}
    for words in sorted({tuple(_WORD.findall(fold(name[:200]))) for name in names}, key=len, reverse=True):
        if words and len("".join(words)) >= 3:
            phrases.setdefault(words[0], []).append(list(words))
    return phrases


def _without(words: list[str], phrases: dict[str, list[list[str]]]) -> list[str]:
    return words if phrases.keys().isdisjoint(words) else list(_kept(words, phrases))


def _kept(words: Sequence[str], phrases: dict[str, list[list[str]]]) -> Iterator[str]:
    at = 0
    while at < len(words):
        fits = (len(p) for p in phrases.get(words[at], ()) if words[at : at + len(p)] == p)
        skip = next(fits, 0)
        if not skip:
            yield words[at]
        at += skip or 1
