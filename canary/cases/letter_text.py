"""The text of letters: a template that the owner may edit, filled with facts and nothing else."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache

from jinja2 import StrictUndefined, TemplateError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

KINDS = ("vendor", "supplier")
LANGUAGES = ("en", "de", "fr")
LONGEST = 20_000
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
    """An address as a letter cites it: when it was given away, through which channel, and the first mail to it."""

    address: str
    channel: str
    issued: datetime
    first: datetime


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


def write(template: str, facts: LetterFacts) -> str:
    """Fill a template; raises ValueError that says what is wrong with it."""
    try:
        text = _environment().from_string(template[:LONGEST]).render(asdict(facts))
    except (TemplateError, TypeError, ValueError, ArithmeticError, OverflowError, MemoryError) as fault:
        line = f" in line {found}" if (found := getattr(fault, "lineno", None)) else ""
        raise ValueError(f"letter: {fault}{line}; see the fields in docs/cases.md") from None
    return text[: 5 * LONGEST]


def check(template: str) -> None:
    """Raise ValueError for a template that cannot be filled."""
    if len(template) > LONGEST:
        raise ValueError(f"letter: {len(template)} characters; at most {LONGEST:,} are kept")
    write(template, _EXAMPLE)


def one_line(text: str, most: int = 200) -> str:
    """Return a hostile text as one line without working links."""
    return _LINK.sub(r"\1xx\2", " ".join(text.translate(_UNSEEN).split()))[:most]


class _Sandbox(ImmutableSandboxedEnvironment):
    """Allows reading facts and loops over them, but no calls and no arithmetic, which could take endless work."""

    intercepted_binops = frozenset({"*", "**", "%", "+", "-", "/", "//"})

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Whether a template may read an attribute of a fact."""
        return not callable(value) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, _: object) -> None:
        """Refuse formats, which could make a text endlessly wide."""

    def call_binop(self, _: object, operator: str, *__: object) -> object:
        """Refuse arithmetic."""
        raise SecurityError(f"{operator} is not allowed in letters")


@cache
def _environment() -> _Sandbox:
    environment = _Sandbox(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False, keep_trailing_newline=True
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in ("join", "length", "upper", "lower")}
    environment.filters["time"] = lambda at: f"{at:%Y-%m-%d %H:%M} UTC"
    environment.filters["day"] = lambda at: f"{at:%Y-%m-%d}"
    return environment


_THEN = datetime(2011, 3, 20, 9, 0)  # noqa: DTZ001 - an example that is never shown
_EXAMPLE = LetterFacts(
    "Play.com", 7, _THEN, (GivenAddress("a@in.example", "newsletter", _THEN, _THEN),),
    (CitedMail(_THEN, "a@in.example", "x@bad.example", "Hello", "<1@bad.example>", "b@bad.example", "192.0.2.1", "fail", "none", "fail"),),
    5, 3, _THEN, _THEN, ("given name",), 3, "1 in 10^13", (("Silverpop", "87%"),),
)  # fmt: skip
