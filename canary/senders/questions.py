"""Questions about senders in groups: one answer for all that are tied to the owner's vendors alike.

Pure: senders in, questions out. A group keeps its name while senders join and leave it, so that the one who asks, the one
who shows and the one who answers mean the same.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum

from canary.judge.names import bears_name, forms_of, is_family
from canary.judge.organisation import is_tenant
from canary.model.party import Vendor
from canary.model.sender import Sender, SenderState

EXPIRES = timedelta(days=180)
"""A question nobody answered is no longer listed when its sender was silent for so long; it is asked again if it writes."""

UNLIKELY = 0.1
"""Senders below this probability of being the vendor's are asked about together, whichever vendor they write to."""

DOUBTFUL = 0.75
"""So are domains that bear a vendor's name among other words, below this: all that words alone can reach."""


class Tie(StrEnum):
    """What the senders of one question have in common; the first part of its name."""

    FAMILY = "family"
    PLATFORM = "platform"
    SENDER = "sender"
    UNLIKELY = "unlikely"


AGAIN = {Tie.PLATFORM: timedelta(days=365), Tie.UNLIKELY: timedelta(days=30)}
"""After a question about many parties further ones are listed and wait for so long; others do not wait."""


def group_of(key: str, vendor: Vendor, plausibility: float) -> str:
    """Return the name of the question that a pending sender belongs to, such as `family:shop` or `platform:zendesk`.

    Accounts and tenants of one platform belong together, then domains that bear the name of one vendor; any other
    domain is one question, however many vendors it writes for. What looks like a vendor and hardly is one of its own is
    a single question for all vendors, so that junk is answered at once.
    """
    if plausibility < UNLIKELY:
        return Tie.UNLIKELY.value
    if platform := _platform_of(key):
        return f"{Tie.PLATFORM}:{platform}"
    forms = forms_of(vendor)
    if is_family(key, forms):
        return f"{Tie.FAMILY}:{vendor.slug}"
    if bears_name(key, forms):
        return Tie.UNLIKELY.value if plausibility < DOUBTFUL else f"{Tie.FAMILY}:{vendor.slug}"
    return f"{Tie.SENDER}:{key}"


def _platform_of(key: str) -> str:
    if "/" in key:
        return key.partition("/")[0]
    if " via " in key:
        return key.rpartition(" via ")[2]
    return key.partition(".")[2] if is_tenant(key) else ""


@dataclass(frozen=True, slots=True)
class Question:
    """Senders that wait for one answer, the most plausible first."""

    group: str
    members: tuple[Sender, ...]

    @property
    def tie(self) -> Tie:
        """What they have in common."""
        return tie_of(self.group)

    @property
    def subject(self) -> str:
        """The platform, domain or vendor that it is about; empty for unlikely senders."""
        return self.group.partition(":")[2]

    @property
    def plausibility(self) -> float:
        """The probability that the most plausible of them writes for its vendor."""
        return self.members[0].plausibility

    @property
    def vendors(self) -> tuple[str, ...]:
        """The vendors whose addresses they write to."""
        return tuple(dict.fromkeys(member.vendor for member in self.members))

    @property
    def keys(self) -> tuple[str, ...]:
        """The senders, each once."""
        return tuple(dict.fromkeys(member.key for member in self.members))

    @property
    def count(self) -> int:
        """How many mails they sent."""
        return sum(member.count for member in self.members)

    @property
    def asked(self) -> datetime | None:
        """When the owner was asked about the first of them; None where they are only listed."""
        return min((member.asked for member in self.members if member.asked), default=None)

    @property
    def text(self) -> str:
        """What it is about, in words; domains and accounts come from mail."""
        return _TEXTS[self.tie if len(self.keys) > 1 else Tie.SENDER](self)


def _whom(question: Question) -> str:
    vendors = question.vendors
    return vendors[0] if len(vendors) == 1 else f"{len(vendors)} of your vendors"


_TEXTS: dict[Tie, Callable[[Question], str]] = {
    Tie.FAMILY: lambda q: f"{len(q.keys)} domains that bear the name of {q.subject} write to its addresses",
    Tie.PLATFORM: lambda q: f"{q.subject} carries mail for {_whom(q)}, from {len(q.keys)} of its customers",
    Tie.SENDER: lambda q: f"{q.keys[0]} writes to addresses of {_whom(q)}",
    Tie.UNLIKELY: lambda q: f"{len(q.keys)} senders that hardly are your vendors' write to addresses of {_whom(q)}",
}


def is_open(sender: Sender, now: datetime) -> bool:
    """Whether a sender still waits for an answer: nobody decided, and it wrote or was asked about not long ago."""
    latest = max((at for at in (sender.last, sender.asked) if at), default=None)
    return sender.state is SenderState.PENDING and (latest is None or latest >= now - EXPIRES)


def group_questions(senders: Iterable[Sender], now: datetime) -> list[Question]:
    """Return the open questions about some senders, the most plausible first; those that are only listed come last."""
    groups: dict[str, list[Sender]] = {}
    for sender in senders:
        if is_open(sender, now):
            groups.setdefault(sender.group, []).append(sender)
    questions = [Question(name, tuple(sorted(found, key=_rank))) for name, found in groups.items()]
    return sorted(questions, key=lambda q: (q.asked is None, -q.plausibility, -len(q.members), q.group))


def _rank(sender: Sender) -> tuple[float, str, str]:
    return -sender.plausibility, sender.vendor, sender.key


class AskingStep(Enum):
    """What to do about a sender that joins a question; listed it is in any case."""

    ASK = "ask"
    JOIN = "join"
    WAIT = "wait"


def next_asking(fresh: Sender, others: Collection[Sender], now: datetime) -> AskingStep:
    """Return whether the owner is told of a sender, given the others that ever belonged to its question.

    While the question is open it joins it, and nobody is told again. It waits if the owner approved the same sender at
    another vendor, and of many parties for some time after the last question about them.
    """
    if any(other.asked and is_open(other, now) for other in others):
        return AskingStep.JOIN
    if fresh.key in approved_keys(others):
        return AskingStep.WAIT
    last = last_asked(others)
    waits = last is not None and now - last < AGAIN.get(tie_of(fresh.group), timedelta(0))
    return AskingStep.WAIT if waits else AskingStep.ASK


def approved_keys(senders: Iterable[Sender]) -> frozenset[str]:
    """Return the senders that the owner said to write for a vendor."""
    learned = (sender for sender in senders if sender.state is SenderState.LEARNED)
    return frozenset(sender.key for sender in learned if sender.by not in ("", "canary"))


def last_asked(senders: Iterable[Sender]) -> datetime | None:
    """Return when one of some senders was asked about last."""
    return max((sender.asked for sender in senders if sender.asked), default=None)


def tie_of(group: str) -> Tie:
    """Return what the senders of a question have in common."""
    return Tie(group.partition(":")[0])
