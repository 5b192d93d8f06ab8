"""The text of letters: a template that the owner may edit, filled with facts and nothing else."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from canary.cases.letter_sandbox import fill
from canary.model.canary import earliest_issue

KINDS = ("vendor", "supplier")
LANGUAGES = ("en", "de", "fr")
_LINK = re.compile(r"\b(h)tt(ps?://)", re.IGNORECASE)
_UNSEEN = dict.fromkeys((*range(32), 127, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), " ")


@dataclass(frozen=True, slots=True)
class CitedMail:
    """One mail as a letter cites it; what it claims is text on one line, without working links."""

    at: datetime
    address: str
    sender: str
    subject: str
    message_id: str
    envelope_sender: str
    client: str
    spf: str
    dkim: str
    dmarc: str


@dataclass(frozen=True, slots=True)
class GivenAddress:
    """An address as a letter cites it: when it was given away, through which channel, and the first mail to it.

    One that is `undated` was given away at some time before `issued`.
    """

    address: str
    channel: str
    issued: datetime
    first: datetime
    undated: bool = False

    @property
    def since(self) -> datetime:
        """The earliest time at which it can have been given away."""
        return earliest_issue(self.issued, undated=self.undated)


@dataclass(frozen=True, slots=True)
class CitedPack:
    """An evidence pack: its SHA-256, and the size and root of the log that it rests on."""

    at: datetime
    sha256: str
    size: int
    root: str


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """All facts that a letter may use. `others` counts further vendors that the same mail hit, which are not named."""

    to: str
    case: int
    today: datetime
    given: Sequence[GivenAddress]
    seen: Sequence[CitedMail]
    mails: int
    others: int = 0
    after: datetime | None = None
    before: datetime | None = None
    fields: Sequence[str] = ()
    fields_mails: int = 0
    guess: str = ""
    hypotheses: Sequence[tuple[str, str]] = ()
    pack: CitedPack | None = None


def write(template: str, facts: LetterFacts) -> str:
    """Fill a template; raises ValueError that says what is wrong with it."""
    return fill(template, asdict(facts))


@dataclass(frozen=True, slots=True)
class LetterDraft:
    """A letter that is not written yet, so that the transaction its facts came from can end first."""

    template: str
    facts: LetterFacts

    def write(self) -> str:
        """Fill the template; raises ValueError that says what is wrong with it."""
        return write(self.template, self.facts)


@dataclass(frozen=True, slots=True)
class OwnText:
    """An owner's text of a letter that can be filled, or none; making one raises ValueError for any other.

    It is made before a transaction is opened: trying it takes longer than a look at the store.
    """

    text: str

    def __post_init__(self) -> None:
        """Normalise the ends of lines, and try the text."""
        object.__setattr__(self, "text", self.text.replace("\r\n", "\n") if self.text.strip() else "")
        if self.text:
            check(self.text)


def check(template: str) -> None:
    """Raise ValueError for a template that cannot be filled."""
    write(template, _EXAMPLE)


def one_line(text: str, most: int = 200) -> str:
    """Return a hostile text as one line without working links."""
    return _LINK.sub(r"\1xx\2", " ".join(text.translate(_UNSEEN).split()))[:most]


_THEN = datetime(2011, 3, 20, 9, 0)  # noqa: DTZ001 - an example that is never shown
_EXAMPLE = LetterFacts(
    "Play.com", 7, _THEN, (GivenAddress("a@in.example", "newsletter", _THEN, _THEN),),
    (CitedMail(_THEN, "a@in.example", "x@bad.example", "Hello", "<1@bad.example>", "b@bad.example", "192.0.2.1", "fail", "none", "fail"),),
    5, 3, _THEN, _THEN, ("given name",), 3, "1 in 10^13", (("Silverpop", "87%"),), CitedPack(_THEN, "0" * 64, 7, "A" * 43 + "="),
)  # fmt: skip
