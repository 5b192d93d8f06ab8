"""The time axis of a case: when it may have leaked, between issuing and first mails."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

from canary.attribute.summary import span_words
from canary.cases.claims import HitAddress
from canary.model.case import LeakWindow

_WIDTH, _HEIGHT, _LEFT, _RIGHT = 960, 118, 12, 12
_BAND, _ISSUED, _CAME, _AXIS = 16, 52, 74, 90
_SHOWN = 300
_SVG = Markup('<svg class="window" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
_TICK = Markup(
    '<g class="tick"><line x1="{0}" x2="{0}" y1="{1}" y2="{2}"/><text x="{0}" y="{3}" text-anchor="{4}">{5}</text></g>'
)
_DOT = Markup('<circle class="{}" cx="{}" cy="{}" r="4"><title>{}</title></circle>')
_RECT = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>')
_TEXT = Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>')
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)


class _Axis:
    """The scale from times to positions."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start, self.end = start, max(end, start + timedelta(days=1))

    def x(self, at: datetime) -> float:
        share = (at - self.start) / (self.end - self.start)
        return round(_LEFT + min(1.0, max(0.0, share)) * (_WIDTH - _LEFT - _RIGHT), 1)


def window(span: LeakWindow, struck: Sequence[HitAddress]) -> Markup:
    """Draw when it leaked: the hard bounds, the 90% band, the addresses hit by when they were issued, and first mails."""
    times = [span.earliest, span.latest, span.from_90, span.to_90, *(s.at for s in struck)]
    times += [s.issued for s in struck if not s.undated]
    pad = max((max(times) - min(times)) / 40, timedelta(days=2))
    axis = _Axis(min(times) - pad, max(times) + pad)
    parts = [*_bounds(axis, span), *_dots(axis, struck[:_SHOWN]), *_months(axis)]
    said = (
        f"It happened {span_words(span.earliest, span.latest)};"
        f" with 90% probability {span_words(span.from_90, span.to_90)}."
    )
    return _SVG.format(_WIDTH, _HEIGHT, said, Markup("").join(parts))


def _bounds(axis: _Axis, span: LeakWindow) -> Iterable[Markup]:
    low, high = axis.x(span.from_90), axis.x(span.to_90)
    first, last = sorted((axis.x(span.earliest), axis.x(span.latest)))
    yield _RECT.format("hard", first, _BAND, max(1.0, round(last - first, 1)), _AXIS - _BAND)
    yield _RECT.format("band", low, _BAND, max(2.0, round(high - low, 1)), 18)
    middle = (low + high) / 2
    side = "end" if middle > _WIDTH * 0.8 else "start" if middle < _WIDTH * 0.2 else "middle"
    yield _TEXT.format(round(middle, 1), _BAND - 4, side, f"90%: {span_words(span.from_90, span.to_90, '{} to {}')}")


def _dots(axis: _Axis, struck: Iterable[HitAddress]) -> Iterable[Markup]:
    for each in struck:
        if not each.undated:
            yield _DOT.format("issued", axis.x(each.issued), _ISSUED, f"{each.address} issued {_day(each.issued)}")
        yield _DOT.format("came", axis.x(each.at), _CAME, f"{each.address}: first mail {_day(each.at)}")


def _months(axis: _Axis) -> Iterable[Markup]:
    every = _every(axis)
    at = axis.start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    yield _RECT.format("base", _LEFT, _AXIS, _WIDTH - _LEFT - _RIGHT, 1)
    while at <= axis.end:
        x = axis.x(at)
        if at >= axis.start and x < _WIDTH - 60:
            yield _TICK.format(x, _AXIS, _AXIS + 5, _AXIS + 19, "start", f"{at:%b %Y}")
        at = _after(at, every)


def _every(axis: _Axis) -> int:
    months = (axis.end - axis.start) / timedelta(days=30.4)
    return next((every for every in _MONTHS if months / every <= 9), _MONTHS[-1])


def _after(at: datetime, months: int) -> datetime:
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1)


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"
