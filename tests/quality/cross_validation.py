"""Weights fitted on four fifths of the vendors of labelled streams, and how right verdicts by them are on the last."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from canary.judge.rules import judge
from canary.judge.senders import pending
from canary.judge.signs import SIGNS, Sign, SignWeight
from tests.quality.fit import LEFT_SET, PRIOR_MAILS, SignCount, count_signs, fitted, folds
from tests.quality.naive import NAIVE
from tests.quality.stream_measure import FOUND, Mode, is_accused, is_asked, naive
from tests.quality.stream_replay import StreamHit, import_stream
from tests.quality.streams import Plan, Stream, plant
from tests.quality.thieves import YEAR, aged, thief_lines

FOLDS = 5
EVERY_MAIL = Plan(each=4, once=True, phishing=180)
"""What is planted to count on: each mail of a stream at one address of another vendor, and as much phishing."""

_OWN, _STRANGER, _SPAM = "own", "stranger", "spam"


@dataclass(frozen=True, slots=True)
class Tally:
    """What verdicts said of some mails: by kind how many there are, charged and asked about; the questions that makes."""

    vendors: int
    mails: Counter[str]
    accused: Counter[str]
    asked: Counter[str]
    naive: tuple[int, ...]
    questions: frozenset[str]

    def line(self, name: str) -> str:
        """Return the tally in words; the naive rules are counted on own mail."""
        mails, accused = self.mails, self.accused
        beside = "".join(f"{count:14}" for count in self.naive)
        return (
            f"  {name:28}{self.vendors:8}{mails[_OWN]:6}{accused[_OWN]:9}{self.asked[_OWN]:7}{len(self.questions):11}"
            f"{_rate(accused[_STRANGER], mails[_STRANGER]):>22}{_rate(accused[_SPAM], mails[_SPAM]):>22}{beside}"
        )

    def holds(self, mode: Mode) -> bool:
        """Whether the bounds of a way of measuring streams are kept."""
        mails, accused, own = self.mails, self.accused, self.mails[_OWN]
        return (
            accused[_OWN] <= mode.accused * own
            and self.asked[_OWN] <= mode.asked * own
            and len(self.questions) <= mode.questions * self.vendors
            and accused[_STRANGER] >= mode.strangers * mails[_STRANGER]
            and accused[_SPAM] >= FOUND * mails[_SPAM]
        )


HEADING = (
    f"  {'':28}{'vendors':>8}{'own':>6}{'accused':>9}{'asked':>7}{'questions':>11}{'strangers found':>22}{'phishing found':>22}"
    + "".join(f"{name:>14}" for name in NAIVE)
)


def labelled_hits(stream: Stream, phishing: Path, seed: int, *, declared: bool) -> tuple[StreamHit, ...]:
    """Import a stream with strangers and phishing planted in it; return its hits."""
    planting = plant(stream, replace(EVERY_MAIL, seed=seed), phishing)
    with tempfile.TemporaryDirectory() as folder:
        return import_stream(planting, Path(folder), declared=declared).hits


def counted(hits: Iterable[StreamHit]) -> dict[Sign, SignCount]:
    """Count the signs of hits."""
    return count_signs((hit.truth.kind == _OWN, hit.context.relation.signs) for hit in hits)


def validated(hits: Sequence[StreamHit], seed: int, age: timedelta | None = None) -> list[Tally]:
    """Return for each fold of vendors what weights say of it that were fitted on the others."""
    groups = folds((hit.truth.vendor for hit in hits), FOLDS, seed)
    return [_validated(hits, group, age) for group in groups]


def _validated(hits: Sequence[StreamHit], group: frozenset[str], age: timedelta | None) -> Tally:
    learned = fitted(counted(hit for hit in hits if hit.truth.vendor not in group))
    return tally([hit for hit in hits if hit.truth.vendor in group], learned, age)


def tally(hits: Sequence[StreamHit], weights: Mapping[Sign, SignWeight] = SIGNS, age: timedelta | None = None) -> Tally:
    """Judge hits by a table of weights, at addresses of that age where one is given."""
    mails, accused, asked, questions = Counter[str](), Counter[str](), Counter[str](), set[str]()
    for hit in hits:
        kind, context = hit.truth.kind, aged(replace(hit.context, weights=weights), age)
        judgement = judge(context)
        mails[kind] += 1
        accused[kind] += is_accused(judgement.verdict)
        asked[kind] += is_asked(judgement.verdict)
        # A sender is asked about once, whatever vendors it writes to.
        questions |= pending(context.identity, context.vendor, judgement)
    own = [naive(hit.context.mail, hit) for hit in hits if hit.truth.kind == _OWN]
    beside = tuple(sum(accuses[at] for accuses in own) for at in range(len(NAIVE)))
    return Tally(len({hit.truth.vendor for hit in hits}), mails, accused, asked, beside, frozenset(questions))


def together(tallies: Sequence[Tally]) -> Tally:
    """Add up the tallies of different vendors."""
    return Tally(
        sum(each.vendors for each in tallies),
        sum((each.mails for each in tallies), Counter()),
        sum((each.accused for each in tallies), Counter()),
        sum((each.asked for each in tallies), Counter()),
        tuple(map(sum, zip(*(each.naive for each in tallies), strict=True))),
        frozenset[str]().union(*(each.questions for each in tallies)),
    )  # fmt: skip


def fit_report(hits: Sequence[StreamHit], validation: Sequence[Tally], seed: int) -> Iterator[str]:
    """Yield what was counted for each sign, the weights that follow, and what they say of vendors they were not fitted on."""
    yield from _sign_lines(counted(hits))
    yield from _fold_lines("as they came", validation, tally(hits))
    late = validated(hits, seed, YEAR)
    yield from _fold_lines("as if each address had been given a year before", late, tally(hits, age=YEAR))
    yield from thief_lines(hits, fitted(counted(hits)))


def _fold_lines(mails: str, each: Sequence[Tally], in_code: Tally) -> Iterator[str]:
    yield f"\n  {FOLDS} folds of vendors, weights fitted on the others: mails {mails}; on the right own mail that naive rules accuse"
    yield HEADING
    yield from (tally.line(f"fold {number}") for number, tally in enumerate(each, 1))
    yield together(each).line("all folds")
    yield in_code.line("all, weights in the code")


def _sign_lines(counts: Mapping[Sign, SignCount]) -> Iterator[str]:
    yield f"  weights in the code count as {PRIOR_MAILS} mails that have the sign, of own and others in their proportion"
    yield f"  {'sign':58}{'own':>12}{'others':>12}{'counted':>9}{'shrunken':>10}{'in code':>9}   source"
    found = fitted(counts)
    for sign, weight in SIGNS.items():
        count = counts[sign]
        stood = f"{f'{count.own}/{count.of_own}':>12}{f'{count.others}/{count.of_others}':>12}"
        rests = f"set: {LEFT_SET[sign]}" if sign in LEFT_SET else weight.source.partition(":")[0]
        odds = f"{count.log_odds:+9.1f}{found[sign].log_odds:+10.1f}{weight.log_odds:+9.1f}"
        yield f"  {sign:58}{stood}{odds}   {rests}{', writable' if weight.writable else ''}"


def _rate(count: int, among: int) -> str:
    return f"{count} of {among} {f'({count / among:.1%})' if among else ''}"
