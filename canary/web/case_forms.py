"""Reading the forms of a case into facts."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import BaseModel, Field

from canary.model.claim import ClaimCode, PartyStatement, read_claim


class StatementForm(BaseModel):
    """The fields of a statement as they were sent; empty where left out."""

    party: str = Field("", max_length=1000)
    on: str = Field("", max_length=40)
    text: str = Field("", max_length=4000)
    claim: list[str] = Field([], max_length=20)
    supplier: str = Field("", max_length=200)
    since: str = Field("", max_length=40)
    until: str = Field("", max_length=40)
    stopped: str = Field("", max_length=40)


def statement(said: StatementForm, now: datetime) -> PartyStatement:
    """Read a statement; raises ValueError for an invalid one."""
    at = min(_time(said.on, "said on"), now) if said.on.strip() else now
    return PartyStatement(said.party.strip(), at, tuple(map(read_claim, _claims(said))), said.text)


def moment(text: str) -> datetime:
    """Read a time as a browser sends it, in UTC; raises ValueError."""
    return _time(text, "aware at")


def part(text: str) -> tuple[str, str]:
    """Read what is to be split off, as `vendor:SLUG` or `campaign:NUMBER`; raises ValueError."""
    kind, _, name = text.strip().partition(":")
    if kind == "vendor" and name:
        return kind, name
    if kind == "campaign" and name.isascii() and name.isdigit() and len(name) < 10:
        return kind, name
    raise ValueError(f"split {text[:40]!r}: choose a vendor or a campaign of this case")


def _claims(said: StatementForm) -> Iterator[str]:
    yield from (claim for claim in said.claim if claim in set(ClaimCode))
    if said.supplier.strip():
        yield f"{ClaimCode.SUPPLIER}:{said.supplier}"
    if said.since.strip() or said.until.strip():
        yield f"{ClaimCode.HAPPENED}:{said.since}..{said.until}"
    if said.stopped.strip():
        yield f"{ClaimCode.STOPPED}:{said.stopped}"


def _time(text: str, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{name} {text[:40]!r}: not a time; write it as 2011-12-31 or 2011-12-31T09:00") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
