"""What `canary case ID` can be asked to do: each option is an act, and an act is one line of the table."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlmodel import Session

from canary.cli.context import CliError
from canary.model.case import CaseState
from canary.model.claim import PartyStatement, read_claim
from canary.model.decision import Decision

Act = Callable[[Session], object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a case; what is None or empty is not asked."""

    number: int
    state: CaseState | None = None
    owner: str | None = None
    aware: datetime | None = None
    statement: str = ""
    party: str = ""
    said_at: datetime | None = None
    claims: Sequence[str] = ()
    merge: int | None = None
    split: str = ""
    undo: bool = False
    tick: Sequence[str] = ()
    untick: Sequence[str] = ()
    rotate: Sequence[str] = ()


def acts(wanted: Wanted, word: Decision) -> list[Act]:
    """Return what is to be done in order; a note stands with the first of it, or by itself. Raises Trouble and ValueError."""
    found = list(_acts(wanted, word))
    if word.note and not found:
        from canary.cases import workflow

        return [lambda session: workflow.add_note(session, wanted.number, word)]
    return found


def _acts(wanted: Wanted, word: Decision) -> Iterator[Act]:
    from canary.cases import merge_split, workflow

    number, bare = wanted.number, replace(word, note="")
    if wanted.merge is not None:
        other = wanted.merge
        yield lambda session: merge_split.merge(session, number, other, word)
    if wanted.split:
        yield _split(number, wanted.split, word)
    if wanted.undo:
        yield lambda session: merge_split.undo(session, number, word)
    if wanted.state is not None:
        state = wanted.state
        yield lambda session: workflow.set_state(session, number, state, word)
    if wanted.owner is not None:
        owner = wanted.owner
        yield lambda session: workflow.set_assignee(session, number, owner, bare)
    if wanted.aware is not None:
        aware = in_utc(wanted.aware)
        yield lambda session: workflow.set_aware(session, number, aware, bare)
    yield from _more(wanted, bare)


def _more(wanted: Wanted, word: Decision) -> Iterator[Act]:
    import secrets

    from canary.cases import checklist, statements

    number = wanted.number
    if wanted.statement or wanted.claims or wanted.party:
        said = _statement(wanted, word)
        yield lambda session: statements.add_statement(session, number, said, word)
    for code in wanted.tick:
        yield lambda session, code=code: checklist.tick(session, number, code, word)  # type: ignore[misc]
    for code in wanted.untick:
        yield lambda session, code=code: checklist.tick(session, number, code, word, done=False)  # type: ignore[misc]
    for vendor in wanted.rotate:
        yield lambda session, vendor=vendor: checklist.rotate_hit_addresses(
            session, number, vendor, secrets.randbelow, word
        )  # type: ignore[misc]


def in_utc(at: datetime) -> datetime:
    """Take a time without a zone for UTC, as all times are printed."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _statement(wanted: Wanted, word: Decision) -> PartyStatement:
    if not wanted.party:
        raise CliError("--by: nobody named; say who made the statement, as in --by Play.com", 2)
    claims = tuple(map(read_claim, wanted.claims))
    return PartyStatement(wanted.party, in_utc(wanted.said_at) if wanted.said_at else word.at, claims, wanted.statement)


def _split(number: int, what: str, word: Decision) -> Act:
    from canary.cases import merge_split

    kind, _, name = what.partition(":")
    if kind == "vendor" and name:
        return lambda session: merge_split.split_vendor(session, number, name, word)
    if kind == "campaign" and name.isascii() and name.isdigit() and len(name) < 10:
        return lambda session: merge_split.split_campaign(session, number, int(name), word)
    raise CliError(f"--split {what!r}: name what to split off, as vendor:SLUG or campaign:NUMBER", 2)
