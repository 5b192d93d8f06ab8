"""What to do next about a case: for a person whose addresses leaked, and for a company that is responsible for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from canary.model.case import counts_as_leaked

NOTIFY_WITHIN = timedelta(hours=72)
"""GDPR Art. 33(1): the supervisory authority is notified within 72 hours of becoming aware of a breach."""

_WATCH = {
    "phone": "calls and text messages to the number that leaked",
    "given name": "mail that greets you by name",
    "family name": "mail that greets you by name",
    "company": "invoices and orders in the name of the company",
    "street": "letters and parcels to the street that leaked",
    "birthday": "callers who know the birthday that leaked",
}


@dataclass(frozen=True, slots=True)
class Task:
    """A task of the checklist under a code that stays the same; `whose` it is, and what a button does about it.

    `act` is `rotate` or `letter`, `about` the vendor or the letter it concerns. `done` means that the facts show it is
    done.
    """

    code: str
    whose: str
    text: str
    act: str = ""
    about: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Concern:
    """A vendor in a case: how many of its addresses were hit, and how many of those have no successor yet."""

    slug: str
    name: str
    hit: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Clock:
    """The 72 hours of GDPR Art. 33, from becoming aware; `left` is negative when they are over."""

    aware: datetime
    until: datetime
    left: timedelta

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self.left < timedelta()

    @property
    def text(self) -> str:
        """The time left, in words."""
        hours = int(abs(self.left).total_seconds() // 3600)
        return f"overdue by {hours} h" if self.over else f"{hours} h left"


def clock(aware: datetime | None, now: datetime) -> Clock | None:
    """Return what is left of the 72 hours; None while it is not recorded when they began."""
    return Clock(aware, aware + NOTIFY_WITHIN, aware + NOTIFY_WITHIN - now) if aware else None


def tasks(
    concerns: Sequence[Concern],
    leaked: Mapping[str, float],
    suppliers: Sequence[tuple[str, str]],
    aware: datetime | None,
    *,
    own_side: bool = False,
    passed_on: bool = False,
) -> tuple[Task, ...]:
    """Return the checklist of a case; `leaked` holds the probability of each field, `suppliers` those suspected.

    Where the own side probably lost the addresses, it is looked at first; where they were passed on, no password is at risk.
    """
    first = (_OWN_SIDE,) if own_side else ()
    return (*first, *_personal(concerns, leaked, passwords=not passed_on), *_official(concerns, suppliers, aware))


_OWN_SIDE = Task(
    "own-side",
    "you",
    "Look at your own side first: who could read your mailbox, the addresses you keep, and their backups",
)


def _personal(concerns: Sequence[Concern], leaked: Mapping[str, float], *, passwords: bool) -> Iterator[Task]:
    for each in concerns:
        many = "address" if each.hit == 1 else "addresses"
        text = f"Give {each.name} {'a new address' if each.hit == 1 else f'new addresses for the {each.hit} that were hit'}"
        told = f"{text}; the old {many} keep{'s' if each.hit == 1 else ''} listening"
        yield Task(f"rotate:{each.slug}", "you", told, "rotate", each.slug, done=not each.waiting)
        yield _password(each) if passwords else _objection(each)
    known = [field for field, p in leaked.items() if counts_as_leaked(p)]
    signs = list(dict.fromkeys(_WATCH[field] for field in known if field in _WATCH))
    names = " and ".join(each.name for each in concerns[:3]) or "the vendor"
    yield Task(
        "watch", "you", f"Watch for mail that claims to come from {names}" + "".join(f", for {s}" for s in signs)
    )


def _password(each: Concern) -> Task:
    return Task(f"password:{each.slug}", "you", f"Change the password at {each.name}, and wherever it was used again")


def _objection(each: Concern) -> Task:
    text = (
        f"Ask {each.name} who was given your address, and object to that (GDPR Art. 15 and 21); no password is at risk"
    )
    return Task(f"object:{each.slug}", "you", text)


def _official(
    concerns: Sequence[Concern], suppliers: Sequence[tuple[str, str]], aware: datetime | None
) -> Iterator[Task]:
    yield Task("aware", "company", "Note when you became aware: the 72 hours of GDPR Art. 33(1) run from then",
               done=aware is not None)  # fmt: skip
    for each in concerns:
        yield Task(f"write:{each.slug}", "company", f"Write to {each.name}", "letter", f"vendor:{each.slug}")
    for slug, name in suppliers:
        text = f"Write to {name}, whose client you or your vendor is, and ask what a processor must answer (Art. 33(2))"
        yield Task(f"ask:{slug}", "company", text, "letter", f"supplier:{slug}")
    yield Task(
        "assess", "company", "Decide whether people are at risk; notify the authority (Art. 33), and them (Art. 34)"
    )
    yield Task("record", "company", "Keep the record of what happened, its effects and what was done (Art. 33(5))")
