"""What the labelled streams show: own mail accused and asked, strangers and phishing found, questions, reliability."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from canary.judge.names import under
from canary.model.mail import ParsedMail
from canary.model.verdict import LEAKS, Judgement, Verdict
from tests.quality.measure import Figure, heading, is_kind, relation_lines, reliability_lines
from tests.quality.naive import NAIVE
from tests.quality.reliability import calibration_error, log_loss
from tests.quality.stream_replay import StreamHit, StreamRun, import_stream
from tests.quality.streams import Plan, Stream, plant

FOUND = 0.98
"""The share of phishing that is to be found."""

_TRUE_KIND = {"own": "own", "stranger": "leak", "spam": "leak"}


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to measure a stream: what is planted, whether Canary knows the vendors' domains, and the bounds.

    `accused` and `asked` are shares of own mail, `questions` is for each vendor, `strangers` the share to be found.
    """

    title: str
    plan: Plan
    declared: bool
    accused: float
    asked: float
    questions: float
    strangers: float


MODES = {
    "declared": Mode(
        "vendors with their domains; at each address two mails of other vendors' senders",
        Plan(each=2), True, accused=0.0, asked=10 / 179, questions=4 / 45, strangers=0.98,
    ),
    "foreign": Mode(
        "vendors with their domains; at twelve addresses two mails of senders who are nobody's vendor, and phishing",
        Plan(each=2, at=12, foreign=12, phishing=None), True, accused=0.0, asked=10 / 120, questions=4 / 33, strangers=0.98,
    ),
    "late": Mode(
        "vendors with their domains; two mails of other vendors' senders within the year after each address was given",
        Plan(each=2, spread=365), True, accused=0.0, asked=30 / 179, questions=10 / 45, strangers=0.97,
    ),
    "undeclared": Mode(
        "vendors by name only, without domains; at each address two mails of other vendors' senders",
        Plan(each=2), False, accused=2 / 179, asked=30 / 179, questions=10 / 45, strangers=0.95,
    ),
}  # fmt: skip
"""The ways in which streams are measured; the bounds are those of a stream of 179 mails to 45 vendors, as shares."""


def measured_stream(stream: Stream, mode: Mode, seed: int, phishing: Path) -> StreamRun:
    """Plant strangers and phishing in a stream, and import it."""
    planting = plant(stream, replace(mode.plan, seed=seed), phishing)
    with tempfile.TemporaryDirectory() as folder:
        return import_stream(planting, Path(folder), declared=mode.declared)


def stream_figures(run: StreamRun, mode: Mode) -> list[Figure]:
    """The figures that are bounded."""
    vendors = len({hit.truth.vendor for hit in run.hits})
    found = [
        _share("own mail accused", _of(run.hits, "own"), is_accused, mode.accused),
        _share("own mail asked about", _of(run.hits, "own"), is_asked, mode.asked),
        Figure("questions for each vendor", run.questions / vendors, mode.questions, shown="{:.2f}", counted=f"{run.questions} of {vendors}"),
        _share("strangers' mail found", _of(run.hits, "stranger"), is_accused, mode.strangers, least=True),
        _share("phishing found", _of(run.hits, "spam"), is_accused, FOUND, least=True),
        Figure("cases at vendors that lost nothing", run.cases_of_innocent, 0, shown="{:.0f}", counted=f"of {len(run.cases)}"),
        Figure("calibration error of the confidence", calibration_error(sureness(run.hits)), 0.05, shown="{:.3f}"),
        Figure("log loss of the confidence", log_loss(sureness(run.hits)), 0.1, shown="{:.3f}"),
    ]  # fmt: skip
    return [figure for figure in found if figure.counted != "0 of 0"]


def stream_report(run: StreamRun, mode: Mode) -> Iterator[str]:
    """Yield the lines of the report on one stream, measured in one way."""
    yield heading()
    yield from (figure.line() for figure in stream_figures(run, mode))
    yield from reliability_lines(sureness(run.hits), [hit.judgement.verdict for hit in run.hits])
    judged = [(_label(hit, run), hit.judgement.verdict, naive(hit.context.mail, hit)) for hit in run.hits]
    yield from relation_lines(sorted(judged, key=lambda each: each[0]))
    wrong = [hit for hit in run.hits if not is_right(hit) or is_asked(hit.judgement.verdict)]
    if wrong:
        yield "\n  what was wrong or asked about"
        yield from (_miss(hit) for hit in sorted(wrong, key=lambda hit: -hit.judgement.confidence)[:20])


def is_accused(verdict: Verdict) -> bool:
    """Whether a verdict charges the vendor."""
    return verdict in LEAKS


def is_asked(verdict: Verdict) -> bool:
    """Whether a verdict asks the owner."""
    return verdict is Verdict.NEW_SENDER


def is_right(hit: StreamHit, judgement: Judgement | None = None) -> bool:
    """Whether a judgement, that of the run where no other is given, says what a mail of a stream is."""
    return is_kind((judgement or hit.judgement).verdict, _TRUE_KIND[hit.truth.kind])


def sureness(hits: Sequence[StreamHit]) -> list[tuple[float, bool]]:
    """Return of each hit how sure its verdict is, and whether it is right."""
    return [(hit.judgement.confidence, is_right(hit)) for hit in hits]


def naive(mail: ParsedMail, hit: StreamHit) -> tuple[bool, ...]:
    """Return which naive rules accuse a mail, by what was known of the vendor then."""
    vendor = hit.context.vendor
    return tuple(accuses(mail, vendor.name, vendor.domains) for accuses in NAIVE.values())


def _of(hits: Sequence[StreamHit], kind: str) -> list[StreamHit]:
    return [hit for hit in hits if hit.truth.kind == kind]


def _share(
    name: str, hits: Sequence[StreamHit], says: Callable[[Verdict], bool], bound: float, *, least: bool = False
) -> Figure:
    count = sum(says(hit.judgement.verdict) for hit in hits)
    accusing = [sum(column) / len(hits) for column in zip(*(naive(hit.context.mail, hit) for hit in hits), strict=True)]
    beside = () if says is is_asked else tuple(accusing)
    return Figure(
        name, count / len(hits) if hits else 0.0, bound, least, naive=beside, counted=f"{count} of {len(hits)}"
    )


def _label(hit: StreamHit, run: StreamRun) -> str:
    if hit.truth.kind != "own":
        return {"stranger": "planted: a stranger's mail", "spam": "planted: phishing"}[hit.truth.kind]
    home = under(hit.context.identity.claim, run.domains[hit.truth.alias])
    return f"own, From in {'a domain of the vendor' if home else 'another domain'}"


def _miss(hit: StreamHit) -> str:
    mail, relation = hit.context.mail, hit.context.relation
    signs = "; ".join(relation.signs)
    return (
        f"  {hit.truth.kind:9}{hit.judgement.verdict.value:14}{hit.judgement.confidence:.3f}  {hit.truth.vendor}: "
        f"{mail.sender.address}: {mail.subject[:50]!r}\n      odds {relation.log_odds:+.1f}: {signs}"
    )
