"""Charts as SVG: no script, no style attributes, colours from the style sheet by class."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from markupsafe import Markup

from canary.model.case import percent
from canary.model.verdict import OWN_SERIES, SERIES
from canary.views.models import BeliefLine, Weeks

_SPARK = Markup('<svg class="spark" viewBox="0 0 {} 24" role="img" aria-label="{}" preserveAspectRatio="none">{}</svg>')
_BAR = Markup('<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>')
_STEPS = Markup('<path class="step" d="{}"><title>{}</title></path>')
_WIDTH, _HEIGHT, _TOP, _LEFT = 960, 190, 22, 34
SERIES_WORDS = {
    "expected": "expected", "supplier": "supplier", "third-party": "third party", "spam": "spam, impersonation",
    "other": "bounces and others",
}  # fmt: skip
"""The layers of charts in words."""


def sparkline(weeks: Weeks) -> Markup:
    """Draw a vendor's weeks as small bars: its own mail, and outside mail in the colour of leaks."""
    own, outside = weeks.sums(*OWN_SERIES), weeks.sums("third-party", "spam")
    most = max(1, *(a + b for a, b in zip(own, outside, strict=True)))
    low = [_share(count, most, 22) for count in own]
    red = [_share(count, most, 22) for count in outside]
    said = f"{sum(own)} own and {sum(outside)} outside mails in {len(own)} weeks"
    drawn = [_rect("base", 0, 23, len(own) * 3, 1), _bars("expected", [0.0] * len(low), low), _bars("spam", low, red)]
    return _SPARK.format(len(own) * 3, said, _joined(drawn))


def timeline(weeks: Weeks, marks: Sequence[tuple[datetime, str]]) -> Markup:
    """Draw mails by week as stacked bars, one layer for each series, with marks for what happened."""
    totals = weeks.sums(*SERIES)
    most, step = max(1, *totals), (_WIDTH - _LEFT) / len(totals)
    parts = [_ruler(most), *_months(weeks.first, len(totals), step)]
    for at in range(len(totals)):
        parts += _stack(weeks, at, most, step)
    parts += _flags(weeks.first, len(totals), step, marks)
    return Markup('<svg class="timeline" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, _TOP + _HEIGHT + 20, described(weeks), _joined(parts)
    )


def data(weeks: Weeks, marks: Sequence[tuple[datetime, str]]) -> str:
    """Return a timeline as JSON for the script that draws it: Mondays and marks in seconds since 1970."""
    monday = datetime(weeks.first.year, weeks.first.month, weeks.first.day, tzinfo=UTC)
    known = len(weeks.counts["expected"])
    return json.dumps(
        {
            "weeks": [int((monday + timedelta(weeks=at)).timestamp()) for at in range(known)],
            "layers": {name: weeks.counts[name] for name in SERIES},
            "words": SERIES_WORDS,
            "marks": [(int(at.timestamp()), text) for at, text in marks],
        },
        separators=(",", ":"),
    )


def described(weeks: Weeks) -> str:
    """Return in words what a timeline shows."""
    sums = ", ".join(f"{sum(weeks.counts[name])} {SERIES_WORDS[name]}" for name in SERIES)
    return f"Mails by week from {_day(weeks.first)}: {sums}"


def heat(days: Sequence[tuple[date, int]]) -> Markup:
    """Draw a year of days as squares, darker where more outside mail came."""
    most = max([1, *(count for _, count in days)])
    parts = [
        _square(-(-4 * count // most), n // 7 * 11, 15 + n % 7 * 11, f"{_day(when)}: {count} outside")
        for n, (when, count) in enumerate(days)
    ]
    said = f"Outside mail by day over a year: {sum(count for _, count in days)} in all"
    return Markup('<svg class="heat" viewBox="0 0 {} 92" role="img" aria-label="{}">{}{}</svg>').format(
        (len(days) + 6) // 7 * 11, said, _joined(_heat_months(days)), _joined(parts)
    )


def _heat_months(days: Sequence[tuple[date, int]]) -> Iterable[Markup]:
    """Write each month above the first week that begins in it, where there is room for its name."""
    mondays = [(n // 7, when) for n, (when, _) in enumerate(days) if n % 7 == 0]
    for week, when in mondays[:-2]:
        if when.day <= 7:
            yield Markup('<text x="{}" y="10">{}</text>').format(
                week * 11, f"{when:%Y}" if when.month == 1 else f"{when:%b}"
            )


def _day(when: date) -> str:
    return f"{when.day} {when:%b %Y}"


def belief(lines: Sequence[BeliefLine]) -> Markup:
    """Draw how probable something was, as steps from one assessment to the next; each case has its own line."""
    first, last = min(line.at for line in lines), max(line.at for line in lines)
    span = max((last - first).total_seconds(), 1.0)
    paths = []
    for case in dict.fromkeys(line.case for line in lines):
        steps = [
            (round(48 + 904 * (line.at - first).total_seconds() / span, 1), round(110 - 100 * line.p, 1))
            for line in sorted(lines, key=lambda line: line.at) if line.case == case
        ]  # fmt: skip
        drawn = " ".join(f"H{x} V{y}" for x, y in steps[1:])
        paths.append(_STEPS.format(f"M{steps[0][0]} {steps[0][1]} {drawn} H952", f"case {case}"))
    ends = Markup('<text x="48" y="126">{}</text><text x="952" y="126" text-anchor="end">{}</text>')
    said = f"From {percent(lines[0].p)} to {percent(lines[-1].p)} in {len(lines)} assessment{'s' if len(lines) > 1 else ''}"
    return Markup('<svg class="belief timeline" viewBox="0 0 960 132" role="img" aria-label="{}">{}{}{}</svg>').format(
        said, _percents(), _joined(paths), ends.format(f"{first:%-d %b %Y}", f"{last:%-d %b %Y}")
    )


def _percents() -> Markup:
    line = Markup(
        '<line class="rule" x1="48" x2="952" y1="{0}" y2="{0}"/><text x="42" y="{1}" text-anchor="end">{2}</text>'
    )
    return _joined(line.format(110 - share, 114 - share, f"{share}%") for share in (0, 50, 100))


def bar(p: float) -> Markup:
    """Draw a probability as a bar."""
    back, front = _rect("base", 0, 0, 100, 8), _rect("fill", 0, 0, round(100 * min(1, max(0, p)), 1), 8)
    return _BAR.format(back, front)


# A page has a thousand of these: they hold only words of ours and numbers, so nothing has to be escaped.
def _rect(name: str, x: float, y: float, width: float, height: float) -> Markup:
    return Markup(f'<rect class="{name}" x="{x}" y="{y}" width="{width}" height="{height}"/>')  # noqa: S704


def _bars(name: str, feet: Sequence[float], tall: Sequence[float]) -> Markup:
    """Draw bars of one colour as one path, each from its base: a page has more of them than of anything else."""
    each = (
        f"M{at * 3} {24 - foot:g}h2v{-height:g}h-2z"
        for at, (foot, height) in enumerate(zip(feet, tall, strict=True))
        if height
    )
    return Markup(f'<path class="{name}" d="{"".join(each)}"/>')  # noqa: S704


def _square(shade: int, x: int, y: int, said: str) -> Markup:
    return Markup(  # noqa: S704
        f'<rect class="heat{shade}" x="{x}" y="{y}" width="9" height="9"><title>{said}</title></rect>'
    )


def _share(count: int, most: int, height: int) -> float:
    # One mail among thousands must still be visible: no bar is lower than two units.
    return round(max(2.0, height * count / most), 1) if count else 0


def _stack(weeks: Weeks, at: int, most: int, step: float) -> list[Markup]:
    parts: list[Markup] = []
    foot = float(_TOP + _HEIGHT)
    for name in SERIES:
        tall = _share(weeks.counts[name][at], most, _HEIGHT)
        if tall:
            foot -= tall
            parts.append(_rect(name, round(_LEFT + at * step, 1), round(foot, 1), round(step * 0.84, 1), tall))
    return parts


def _ruler(most: int) -> Markup:
    line = Markup('<line class="rule" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>')
    ends = ((_TOP, most), (_TOP + _HEIGHT, 0))
    return _joined(line.format(_LEFT, _WIDTH, y, y, _LEFT - 6, y + 4, count) for y, count in ends)


def _months(first: date, weeks: int, step: float) -> list[Markup]:
    label = Markup('<text x="{}" y="{}">{}</text>')
    every, parts, last = max(1, weeks // 12), [], -100
    for at in range(weeks):
        monday = first + timedelta(weeks=at)
        if monday.day <= 7 and at - last >= every and at < weeks - 2:
            parts.append(label.format(round(_LEFT + at * step), _TOP + _HEIGHT + 15, f"{monday:%b %y}"))
            last = at
    return parts


def _flags(first: date, weeks: int, step: float, marks: Iterable[tuple[datetime, str]]) -> list[Markup]:
    flag = Markup(
        '<g class="mark"><line x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
        '<text x="{0}" y="{3}" text-anchor="{4}">{5}</text></g>'
    )
    parts, written = [], -1000.0
    for at, text in marks:
        week = (at.date() - first).days / 7
        if 0 <= week <= weeks:
            x = round(_LEFT + week * step, 1)
            # Labels that would overlap are left out; their lines stay.
            said, written = (text, x) if x - written > 52 else ("", written)
            side = "end" if x > _WIDTH - 60 else "start"
            parts.append(flag.format(x, _TOP - 6, _TOP + _HEIGHT, _TOP - 9, side, said))
    return parts


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)
