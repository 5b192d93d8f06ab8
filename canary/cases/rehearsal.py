"""What a decision about a sender would do: tried by the same path in a transaction that leaves nothing behind."""

from collections.abc import Callable, Iterator

from sqlmodel import Session

from canary.cases.rejudge import RejudgeOutcome
from canary.store.database import Database

LISTED = 3


def rehearse(store: Database, decide: Callable[[Session], RejudgeOutcome]) -> RejudgeOutcome:
    """Return what a decision would do; raises what the decision would raise."""
    with store.rehearsing() as session:
        return decide(session)


def in_words(outcome: RejudgeOutcome) -> str:
    """Return in a sentence what a decision would do."""
    if outcome.waiting:
        return (
            f"{outcome.waiting:,} past mails are judged again in the background, which takes some minutes; "
            "cases and addresses follow."
        )
    told = "; ".join(_parts(outcome))
    return f"{told[:1].upper()}{told[1:]}."


def _parts(outcome: RejudgeOutcome) -> Iterator[str]:
    if not outcome.looked:
        yield "no past mail is concerned; later mail is"
        return
    yield f"{_count(outcome.looked, 'past mail')} {'is' if outcome.looked == 1 else 'are'} judged again{_of_them(outcome)}"
    if not outcome.changed:
        return
    cases = f"{'s' if len(outcome.closed) > 1 else ''} {_listed([str(n) for n in outcome.closed])}"
    if outcome.closed:
        yield f"case{cases} {'close' if len(outcome.closed) > 1 else 'closes'}"
    if outcome.opened:
        yield "a case opens" if len(outcome.opened) == 1 else f"{len(outcome.opened)} cases open"
    if outcome.freed:
        yield f"{_listed(outcome.freed)} {'is' if len(outcome.freed) == 1 else 'are'} free again"
    if not (outcome.closed or outcome.opened or outcome.freed or outcome.burned):
        yield "no case and no address changes"
    if outcome.burned:
        yield f"{_listed(outcome.burned)} {'counts' if len(outcome.burned) == 1 else 'count'} as leaked"


def _of_them(outcome: RejudgeOutcome) -> str:
    if not outcome.changed:
        return ", with the same result"
    return "" if outcome.changed == outcome.looked else f", {outcome.changed:,} with another result"


def _listed(names: list[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
