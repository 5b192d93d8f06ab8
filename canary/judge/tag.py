"""The tag of an address, and whether a sender is the one it names: as domain, in short, with a slip, beside other words."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache

from canary.judge.lookalike import distance
from canary.judge.names import bears_name, fold, forms_of, is_common, is_family, label_of, names_in, tokens, word_in
from canary.model.party import Vendor

MAX_TAG = 64  # RFC 5321 4.5.3.1.1
MAX_PIECES = 8
MAX_WORDS = 12
MAX_DISPLAY = 120
LONG = 6
"""A word with so many letters is met by chance in no other, and stays itself with one letter wrong."""

_AFFIXES = frozenset(
    """
    abo account accounts alerts bestellung buy company inbox junk konto login mailing newsletter newsletters office
    order orders promo promos register registration signup spam subscription test tmp user website
    """.split()
)
"""What people write beside a vendor's name when they make an address for it."""

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ARTICLES = frozenset("the der die das le la les el los".split())


class Agreement(IntEnum):
    """How well a sender agrees with a tag: not, only in the name it shows, in that and its domain, by its domain."""

    NONE = 0
    SAID = 1
    NAMED = 2
    FAMILY = 3
    EXACT = 4


@dataclass(frozen=True, slots=True)
class Tag:
    """The part of an address that was chosen for its vendor; `words` are its readable pieces, `plus` its style.

    `cores` are what of it may be the vendor's name, `owners` is the vendor's name in the owner's own words.
    """

    text: str
    plus: bool
    words: tuple[str, ...]
    cores: tuple[str, ...] = ()
    owners: str = ""

    def names(self, label: str) -> bool:
        """Whether the tag contains a name, whole or as one of its words; `play.com` contains `play`, too."""
        plain = _squeezed(label)
        return len(plain) > 1 and (plain in self.words or plain == _squeezed(self.text))

    def called(self, name: str) -> "Tag":
        """Return the tag of an address whose vendor the owner has named."""
        return replace(self, owners=name)


def tag_of(address: str) -> Tag:
    """Return the tag of an address: what follows a plus sign, or the whole local part."""
    local = fold(address.rpartition("@")[0])[: 4 * MAX_TAG]
    base, plus, tag = local.partition("+")
    text = (tag if plus else base)[:MAX_TAG]
    pieces = (piece for piece in re.split(r"[^a-z0-9]+", text) if not piece.isdigit())
    words = [form for piece in pieces for form in (piece, piece.rstrip("0123456789")) if len(form) > 1]
    return Tag(text, bool(plus), tuple(dict.fromkeys(words)), tuple(dict.fromkeys(_cores(text))))


def _cores(text: str) -> Iterator[str]:
    """Yield what of a tag may be a name: all of it, it without what stands beside names, and its words."""
    pieces = [piece for piece in re.split(r"[^a-z0-9]+", text) if piece][:MAX_PIECES]
    letters = [stripped for piece in pieces if (stripped := piece.strip("0123456789"))]
    rest = [piece for piece in letters if not is_beside(piece)]
    whole = "".join(pieces)
    yield from (core for core in (whole, "".join(letters), "".join(rest)) if len(core) > 1)
    yield from (piece for piece in rest if len(piece) > 2)
    yield from _without_affixes("".join(letters))


def _without_affixes(run: str) -> Iterator[str]:
    for affix in _AFFIXES:
        if run.endswith(affix) and len(run) - len(affix) >= 3:
            yield run.removesuffix(affix)
        if run.startswith(affix) and len(run) - len(affix) >= 3:
            yield run.removeprefix(affix)


def is_beside(word: str) -> bool:
    """Whether a word stands beside the names of vendors, in tags and domains, and names none."""
    return word in _AFFIXES or is_common(word)


def agreement(tag: Tag, domain: str, display: str) -> Agreement:
    """Return how well a sender with this domain (or none) and this name agrees with a tag."""
    by_domain = max((_by_domain(core, domain) for core in tag.cores), default=Agreement.NONE) if domain else 0
    if tag.owners and domain:
        by_domain = max(by_domain, _by_owner(tag.owners, domain))
    if by_domain:
        return Agreement(by_domain)
    spoken = spoken_name(tag, display)
    if not spoken:
        return Agreement.NONE
    return Agreement.NAMED if domain and (_bears(domain, spoken) or _is_shown(domain, display)) else Agreement.SAID


def _is_shown(domain: str, display: str) -> bool:
    """Whether a sender shows its domain's own name: `Sum Of Us` of sumofus."""
    return _squeezed(label_of(domain)) == _squeezed(display[:MAX_DISPLAY])


def _bears(domain: str, spoken: str) -> bool:
    """Whether a domain bears a name that a sender shows, or begins or ends with a word of it."""
    if bears_name(domain, forms_of(Vendor("", spoken))):
        return True
    label = _squeezed(label_of(domain))
    words = [word for word in tokens(spoken) if len(word) >= LONG - 2 and not is_beside(word)]
    return any(label.startswith(word) or label.endswith(word) for word in words)


def _by_owner(name: str, domain: str) -> Agreement:
    forms = forms_of(Vendor("", name))
    if is_family(domain, forms):
        return Agreement.EXACT
    return Agreement.FAMILY if bears_name(domain, forms) else Agreement.NONE


@lru_cache(maxsize=4096)
def _by_domain(core: str, domain: str) -> Agreement:
    label = label_of(domain)
    run = _squeezed(label)
    plain = run.strip("0123456789")
    if core in (run, plain) and len(core) > 1:
        return Agreement.EXACT
    if is_beside(core) or len(core) < 3 or not plain:
        return Agreement.NONE
    alike = any(test(core, plain) for test in _ALIKE) or core in label.split("-")
    return Agreement.FAMILY if alike or is_family(domain, forms_of(Vendor("", core))) else Agreement.NONE


def _is_part(core: str, label: str) -> bool:
    """A part of the label: at its beginning or end from five letters on, anywhere from six on."""
    if len(core) >= LONG and core in label:
        return True
    ends = label.startswith(core) or label.endswith(core)
    return ends and (len(core) >= LONG - 1 or (len(core) >= LONG - 2 and 2 * len(core) >= len(label)))


def _holds_label(core: str, label: str) -> bool:
    """The label and something more: `zalandolounge` for zalando."""
    return len(label) >= LONG - 1 and not is_beside(label) and (core.startswith(label) or core.endswith(label))


def _is_initialed(core: str, label: str) -> bool:
    """The first letter of one name and all of the next: `bsanders` for berniesanders."""
    rest = core[1:]
    if len(rest) < LONG - 1 or is_beside(rest):
        return False
    return label.startswith(rest) or (label[0] == core[0] and rest in label)


def _is_skeleton(core: str, label: str) -> bool:
    """The label without its vowels: `amzn` for amazon."""
    return len(core) >= 4 and label[0] + re.sub(r"[aeiou]", "", label[1:]) == core


def _is_slip(core: str, word: str) -> bool:
    """The same with one letter wrong."""
    return min(len(core), len(word)) >= LONG and abs(len(core) - len(word)) <= 1 and distance(core, word) == 1


_ALIKE = (_is_part, _holds_label, _is_initialed, _is_skeleton, _is_slip)
"""How a tag can be the name in a domain without being its label."""


def spoken_name(tag: Tag, display: str) -> str:
    """Return the words of a display name that the tag stands for, empty if there are none."""
    shown = display[:MAX_DISPLAY]
    if tag.owners:
        forms = forms_of(Vendor("", tag.owners))
        return tag.owners if names_in(shown, forms, short=True) or word_in(shown, forms) else ""
    cores = [core for core in tag.cores if not is_beside(core)]
    for find in (_span, _slipped):
        for words in _readings(shown):
            spans = [span for core in cores if (span := find(core, words))]
            if spans:
                return max(spans, key=lambda span: span.count(" "))
    return ""


def _readings(display: str) -> Iterator[Sequence[tuple[str, str]]]:
    """Yield the words of a display name as they are spelt and folded, and once more with `FreedomWorks` as two."""
    for text in dict.fromkeys((display, _CAMEL.sub(" ", display))):
        folded = ((word, "".join(tokens(word))) for word in _WORD.findall(text)[:MAX_WORDS])
        yield [(word, plain) for word, plain in folded if plain]


def _spelt(words: Sequence[tuple[str, str]], begin: int, end: int) -> str:
    return " ".join(word for word, _ in words[begin:end])


def _span(core: str, words: Sequence[tuple[str, str]]) -> str:
    """Return the words that a core is, in whole or in short: `acs`, `ewarren`, `zalando`."""
    plain = [each for _, each in words]
    for at in range(len(plain)):
        if end := _mixed(core, plain, at):
            return _spelt(words, at, end)
    for begin in {0, 1 if plain and plain[0] in _ARTICLES else 0}:
        initials = "".join(word[0] for word in plain[begin:])
        if len(core) > 1 and (core == initials or (len(core) > 2 and initials.startswith(core))):
            return _spelt(words, begin, begin + len(core))
    return ""


def _slipped(core: str, words: Sequence[tuple[str, str]]) -> str:
    return next((word for word, plain in words if _is_slip(core, plain)), "")


def _mixed(core: str, words: Sequence[str], at: int) -> int:
    """Return the word after the last of those that make a core, each whole or by its initial; 0 if none do."""
    # reached: where in the core a row of words can end, with whether one of them stands there whole
    reached = {(0, False)}
    for number, word in enumerate(words[at : at + 6], at):
        reached = set(_steps(core, word, reached))
        if (len(core), True) in reached:
            return number + 1
    return 0


def _steps(core: str, word: str, reached: set[tuple[int, bool]]) -> Iterator[tuple[int, bool]]:
    for end, whole in reached:
        if core.startswith(word, end):
            yield end + len(word), whole or (len(word) > 2 and not is_beside(word))
        if core.startswith(word[0], end):
            yield end + 1, whole


def _squeezed(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", fold(text))
