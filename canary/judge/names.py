"""The vendor's name as others write it: other spelling, capitals, no spaces, no legal form; and in the names of domains."""

import re
import unicodedata
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from canary.judge.memo import once
from canary.judge.organisation import is_domain, normal, organisation
from canary.mail.text import link_host
from canary.model.mail import ParsedMail
from canary.model.party import Vendor

MAX_TEXT = 32 * 1024
MAX_NAME = 200
MAX_LINKS = 50
MAX_LABELS = 4
MAX_BRANDS = 20
SHORTEST_WORD = 4
"""A shorter word of a name stands in too many domains and texts to speak for the vendor by itself."""

SHORTEST_NAME = 3
"""In the few words of a display name a word this short does."""

SHORTEST_RUN = 6
"""So many letters of a name written without spaces are met by chance in no other word."""

_WORD = re.compile(r"[^\W_]{1,40}")
_LINK = re.compile(r"https?://\S{1,2000}", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@]{1,255}@[^\s@]{1,255}")
_APOSTROPHES = re.compile(r"['\u2019\u2018\u02bc`\u00b4]")
_FOREIGN = re.compile(r"[^\x00-\x7f]{1,500}")
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "\u0131": "i", "þ": "th", "ð": "d"}
)
_JOINING = frozenset("and und et y e og och en i plus".split())
_ARTICLES = frozenset("the der die das le la les el los il lo de het".split())
_LEGAL = frozenset(
    """
    ab ag as asa aps bv co company corp corporation ek eg ev gbr gmbh holding inc incorporated kg kgaa limited llc llp
    lp ltd ltda mbh nv ohg oy oyj plc pty pte pvt sa sarl sas se sl slu spa spzoo srl srls ug
    """.split()
)
_ANYBODYS = frozenset(
    """
    academy agency america american association bank best board book books campaign care center central centre charity
    church city club coalition committee community company conference congress council country county customer data
    deutsche deutschland digital direct europe european express federal federation fitness food foundation france free
    friends fund games german global good great green group hall health help holiday home hotel hotels house india
    institute insurance international investment land league life london magazine mail market media medical mobile
    movement museum music national nature network news north office official online open party people pharmacy platform
    post press project public radio review right sales school science security service services shop shoes shopping
    society software solutions south sport sports state states store studio support team theatre tickets today town
    trade travel trust union united university valley video voice voters water west women work world yoga your
    """.split()
)
"""Words of so many names that none of them tells one party from another."""

FUNCTION_WORDS = frozenset(
    """
    and app apps at bv campaign care club co com congress contact digital direct email emails eu europe for from get
    global go group gmbh hello help home hq in info int international join mail mailer mailing mails mailings me media
    member members my net new news newsletter newsletters notice notify of official on online org our post president
    press relay reply sales senate send service services shop shopping site store support team the to uk us usa vote
    web website with world your de fr es it nl at ch ca au jp
    """.split()
)
"""What organisations add to their own name to make a second domain."""


@dataclass(frozen=True, slots=True)
class NameForms:
    """What a vendor is called: whole names as words and as one run, the words that are its own, initials, its domains.

    `common` is the name as it is written where it is one word, which counts only where it is written like a name.
    `brands` are its further names by themselves; runs, words, initials and domains here are those of all names.
    """

    phrases: tuple[str, ...]
    runs: frozenset[str]
    words: frozenset[str]
    initials: frozenset[str]
    labels: frozenset[str]
    domains: tuple[str, ...]
    common: str
    own_runs: frozenset[str]
    brands: tuple["NameForms", ...] = ()


def forms_of(vendor: Vendor) -> NameForms:
    """Return what a vendor is called."""
    return _all_forms(tuple(name[:MAX_NAME] for name in vendor.names[: 1 + MAX_BRANDS]), vendor.domains)


@lru_cache(maxsize=1024)
def _all_forms(names: tuple[str, ...], domains: tuple[str, ...]) -> NameForms:
    own, *brands = (_forms(name, domains) for name in names)
    if not brands:
        return own
    each = (own, *brands)
    return replace(
        own, runs=frozenset().union(*(forms.runs for forms in each)), words=frozenset().union(*(forms.words for forms in each)),
        initials=frozenset().union(*(forms.initials for forms in each)), labels=frozenset().union(*(forms.labels for forms in each)),
        domains=tuple(dict.fromkeys(domain for forms in each for domain in forms.domains)), brands=tuple(brands),
    )  # fmt: skip


def _forms(name: str, domains: tuple[str, ...]) -> NameForms:
    spelt = [_bare(tokens(text)) for text in dict.fromkeys((name, name.translate(_DIGRAPHS)))]
    spelt = [words for words in dict.fromkeys(spelt) if len("".join(words)) > 1]
    first = spelt[0] if spelt else ()
    own = {word for words in spelt for word in words if len(word) >= SHORTEST_NAME and word not in _ANYBODYS}
    called = normal(name) if is_domain(name) and organisation(name) == normal(name) else ""
    every = tuple(dict.fromkeys(filter(None, (*domains, called))))
    labels = {run for domain in every if len(run := _run(label_of(domain))) >= SHORTEST_WORD and run not in _ANYBODYS}
    runs = frozenset("".join(words) for words in spelt)
    initials = frozenset(("".join(word[0] for word in first),) if len(first) >= 3 else ())
    return NameForms(
        tuple(f" {' '.join(words)} " for words in spelt), runs, frozenset(own), initials, frozenset(labels), every,
        name.strip() if len(first) == 1 else "", runs,
    )  # fmt: skip


def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a text without case, marks and apostrophes; what joins two names is left out."""
    return tuple(word for word in _WORD.findall(fold(text)) if word not in _JOINING)


def fold(text: str) -> str:
    """Return a text without case and marks."""
    plain = _APOSTROPHES.sub("", text).lower()
    return plain if plain.isascii() else _FOREIGN.sub(_without_marks, plain)


def _without_marks(run: re.Match[str]) -> str:
    parts = unicodedata.normalize("NFKD", run.group().translate(_LETTERS))
    return "".join(c for c in parts if not unicodedata.combining(c))


def label_of(domain: str) -> str:
    """Return the one label of a domain that people choose and read."""
    return organisation(domain).partition(".")[0]


def names_in(text: str, forms: NameForms, *, short: bool = False) -> bool:
    """Whether a text says the whole name in any spelling, or a domain of the vendor; a short name only where allowed."""
    lowered = text[:MAX_TEXT].lower()
    return any(domain in lowered for domain in forms.domains) or _names(
        text[:MAX_TEXT], tokens(text[:MAX_TEXT]), forms, short
    )


def mail_names(mail: ParsedMail, vendor: Vendor, *, short: bool = False) -> bool:
    """Whether a mail says the vendor's name or domain; a link to its site says neither."""
    forms = forms_of(vendor)
    said, words = _said(mail)
    lowered = said.lower()
    return any(domain in lowered for domain in forms.domains) or _names(said, words, forms, short)


def without_addresses(mail: ParsedMail) -> ParsedMail:
    """Return a mail without the addresses in its words; a forwarder writes on top to which of the owner's it was sent."""
    return replace(mail, subject=_ADDRESS.sub(" ", mail.subject), text=_ADDRESS.sub(" ", mail.text[:MAX_TEXT]))


def links_to(mail: ParsedMail, vendor: Vendor) -> bool:
    """Whether a mail links to the vendor's site."""
    hosts = dict.fromkeys(link_host(link) for link in mail.links[:MAX_LINKS])
    return any(under(host, forms_of(vendor).domains) for host in hosts)


def word_in(text: str, forms: NameForms) -> bool:
    """Whether a short text, such as a display name, says a word that is the vendor's own."""
    said = tokens(text[:MAX_NAME])
    if not forms.words.isdisjoint(said) or any(run in "".join(said) for run in forms.runs if len(run) >= SHORTEST_RUN):
        return True
    return any(bears_name(piece, forms) for piece in text[:MAX_NAME].lower().split() if is_domain(piece))


def is_family(domain: str, forms: NameForms) -> bool:
    """Whether a domain is made of the vendor's name alone, and of words that organisations add to their own.

    It is the same label under another ending, or the name beside function words and figures, or its initials.
    """
    run = _run(label_of(domain))
    if run in forms.labels or run in forms.runs or run in forms.initials:
        return True
    return _is_made_of(
        re.sub(r"\d+", "", run), {name for name in forms.labels | forms.runs if len(name) >= SHORTEST_WORD}
    )


def bears_name(domain: str, forms: NameForms) -> bool:
    """Whether a label of a domain holds the whole name, begins or ends with a word of it, or is made of such words."""
    labels = [re.sub(r"\d+", "", _run(label)) for label in domain.split(".")[:-1][-MAX_LABELS:]]
    whole = {name for name in forms.labels | forms.runs if len(name) >= SHORTEST_RUN}
    words = tuple(name for name in forms.words | forms.labels if len(name) > SHORTEST_WORD)
    if any(name in label for label in labels for name in whole):
        return True
    if any(label.startswith(words) or label.endswith(words) for label in labels if words):
        return True
    return is_family(domain, forms) or any(_is_made_of(label, _long(forms.words)) for label in labels)


def _long(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for word in words if len(word) >= SHORTEST_WORD)


def is_common(word: str) -> bool:
    """Whether a word stands in so many names that it tells no party from another."""
    return word in _ANYBODYS or word in FUNCTION_WORDS


def under(host: str, domains: Iterable[str]) -> bool:
    """Whether a host is of the same organisation as one of some domains."""
    held = organisation(host)
    return held != "" and any(held == organisation(domain) for domain in domains)


@once
def _said(mail: ParsedMail) -> tuple[str, tuple[str, ...]]:
    said = _LINK.sub(" ", f"{mail.sender.name} {mail.subject} {mail.text[:MAX_TEXT]}")
    return said, tokens(said)


def _names(text: str, words: Sequence[str], forms: NameForms, short: bool) -> bool:
    return any(_has_name(text, words, each, short) for each in (forms, *forms.brands))


def _has_name(text: str, words: Sequence[str], forms: NameForms, short: bool) -> bool:
    if forms.common:
        as_written = (
            re.search(rf"(?<!\w){re.escape(forms.common)}(?!\w)", text) if len(forms.common) >= SHORTEST_WORD else None
        )
        held = [run for run in forms.own_runs if len(run) >= SHORTEST_WORD or short]
        return bool(as_written) or any(_as_a_name(text, run) for run in held) or _is_spread(words, forms)
    line = f" {' '.join(words)} "
    if any(phrase in line for phrase in forms.phrases if short or len(phrase) > SHORTEST_WORD + 2):
        return True
    return _runs_in(words, forms)


def _runs_in(words: Sequence[str], forms: NameForms) -> bool:
    return any(run in words for run in forms.own_runs if len(run) >= SHORTEST_RUN)


def _is_spread(words: Sequence[str], forms: NameForms) -> bool:
    """Whether a name that the vendor writes as one word stands there as two or three."""
    held = [run for run in forms.own_runs if len(run) >= SHORTEST_RUN]
    joined = "".join(words) if held else ""
    if not any(run in joined for run in held):
        return False
    pairs = {a + b for a, b in pairwise(words)} | {
        a + b + c for a, b, c in zip(words, words[1:], words[2:], strict=False)
    }
    return not pairs.isdisjoint(held)


def _as_a_name(text: str, word: str) -> bool:
    """Whether a word stands in a text with a capital letter, as names do and the same words in a sentence do not."""
    plain = _APOSTROPHES.sub("", text)
    folded = fold(plain)
    if word not in folded:
        return False
    found = (match.group() for match in _WORD.finditer(plain) if match.group() != match.group().lower())
    return any(fold(each) == word or fold(each.translate(_DIGRAPHS)) == word for each in found)


def _bare(words: Sequence[str]) -> tuple[str, ...]:
    """Leave out a leading article and the legal forms at the end."""
    kept = list(words)
    while len(kept) > 1 and kept[-1] in _LEGAL:
        kept.pop()
    return tuple(kept[1:] if len(kept) > 1 and kept[0] in _ARTICLES else kept)


def _run(label: str) -> str:
    return re.sub(r"[\W_]+", "", fold(label))


@lru_cache(maxsize=4096)
def _is_made_of_cached(run: str, names: frozenset[str]) -> bool:
    """Whether a label is a row of names and function words with at least one name."""
    # reached[i]: which of "without a name" and "with a name" a row that ends at i can be.
    reached: list[set[bool]] = [{False}, *(set[bool]() for _ in run)]
    for at in range(len(run)):
        for word in (*names, *FUNCTION_WORDS) if reached[at] else ():
            if run.startswith(word, at):
                reached[at + len(word)] |= {named or word in names for named in reached[at]}
    return True in reached[len(run)]


def _is_made_of(run: str, names: Set[str]) -> bool:
    return bool(run) and len(run) <= 63 and _is_made_of_cached(run, frozenset(names))
