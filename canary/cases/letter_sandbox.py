"""Fills the text of a letter within bounds: what it may contain, how long its loops work, how much it writes.

The text is an admin's, and mail decides how many facts there are. So a template may read facts, loop over them and
choose between texts. It may not call, calculate or assign anything. Nothing that it can say takes long:

- the template has at most so many characters, parts and levels, and loops at most two deep, over lists of facts only;
- a turn of a loop costs as many steps as the loop has parts, and the steps of one letter are limited;
- only single facts become text, never whole lists, and output stops at its limit while it is written.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST = 20_000
MAX_OUTPUT = 5 * LONGEST
MAX_PARTS = 2_000
MAX_DEPTH = 40
MAX_LOOPS = 2
MAX_STEPS = 100_000

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem,
    nodes.Filter, nodes.Test, nodes.For, nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Concat, nodes.Tuple,
)  # fmt: skip
_FACTS = (nodes.Name, nodes.Getattr, nodes.Getitem)
_EACH, _TEXT = "each fact", "as text"
"""Filters that are put around what is looped over and what is joined; no template can name them."""


def fill(template: str, facts: Mapping[str, Any]) -> str:
    """Fill a template with facts; raises ValueError that says what is wrong with it."""
    try:
        if len(template) > LONGEST:
            raise SecurityError(f"{len(template)} characters; at most {LONGEST:,} are kept")
        return "".join(_bounded(_compiled(template).generate(facts)))
    except RecursionError:
        raise ValueError("letter: nested too deeply; see the fields in docs/cases.md") from None
    except (TemplateError, TypeError, ValueError, ArithmeticError, MemoryError, SyntaxError) as fault:
        line = f" in line {number}" if (number := getattr(fault, "lineno", None)) else ""
        raise ValueError(f"letter: {fault}{line}; see the fields in docs/cases.md") from None


def _bounded(pieces: Iterator[str]) -> Iterator[str]:
    left = MAX_OUTPUT
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise SecurityError(f"it becomes longer than {MAX_OUTPUT:,} characters")
        yield piece


def _compiled(template: str) -> Any:
    environment = _Sandbox()
    tree = environment.parse(template)
    _check(tree)
    _put_bounds(tree)
    return environment.from_string(tree)


def _check(tree: nodes.Template) -> None:
    """Raise SecurityError for a template with anything else than facts, choices and loops, or too much of these."""
    parts, pending = 0, [(tree, 0, 0)]  # type: tuple[int, list[tuple[nodes.Node, int, int]]]
    while pending:
        part, depth, loops = pending.pop()
        parts, loops = parts + 1, loops + isinstance(part, nodes.For)
        if not isinstance(part, _ALLOWED):
            raise SecurityError(f"{type(part).__name__.lower()} is not allowed in letters{_line(part)}")
        if isinstance(part, nodes.For) and (part.recursive or not isinstance(part.iter, _FACTS)):
            raise SecurityError(f"a loop goes over a list of facts, such as given{_line(part)}")
        if loops > MAX_LOOPS:
            raise SecurityError(f"at most {MAX_LOOPS} loops in each other are allowed in letters{_line(part)}")
        if depth > MAX_DEPTH or parts > MAX_PARTS:
            raise SecurityError(f"more than {MAX_PARTS:,} parts or {MAX_DEPTH} levels{_line(part)}")
        pending += [(inner, depth + 1, loops) for inner in part.iter_child_nodes()]


def _line(part: nodes.Node) -> str:
    return f" (line {part.lineno})" if part.lineno else ""


def _put_bounds(tree: nodes.Template) -> None:
    """Let every loop count its steps, and let only single facts be joined."""
    for loop in list(tree.find_all(nodes.For)):
        weight = nodes.Const(sum(1 for _ in loop.find_all(nodes.Node)))
        loop.iter = nodes.Filter(loop.iter, _EACH, [weight], [], None, None, lineno=loop.lineno)
    for joined in list(tree.find_all(nodes.Concat)):
        joined.nodes = [nodes.Filter(n, _TEXT, [], [], None, None, lineno=n.lineno) for n in joined.nodes]


class _Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one letter: it counts the steps of that letter, and knows nothing but facts."""

    intercepted_binops = frozenset({"*", "**", "%", "+", "-", "/", "//"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False,
            keep_trailing_newline=True,
        )  # fmt: skip
        self._steps = MAX_STEPS
        self.globals.clear()
        self.filters = {_EACH: self._each, **_FILTERS}
        self.tests = {name: self.tests[name] for name in ("defined", "undefined", "none")}

    def _each(self, values: object, weight: int) -> Sequence[object]:
        if not isinstance(values, list | tuple):
            raise SecurityError("a loop goes over a list of facts, such as given")
        self._steps -= len(values) * weight
        if self._steps < 0:
            raise SecurityError("its loops take too many steps")
        return values

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Whether a template may read an attribute of a fact."""
        return not callable(value) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, _: object) -> None:
        """Refuse formats, which could make a text endlessly wide."""

    def call_binop(self, _: object, operator: str, *__: object) -> object:
        """Refuse arithmetic."""
        raise SecurityError(f"{operator} is not allowed in letters")


def _text(value: object) -> str:
    """Return a single fact as text; that of a list would be long, and say nothing to a reader."""
    if isinstance(value, list | tuple | dict):
        raise SecurityError("a list of facts is no text; loop over it, or use join")
    return str(value)


def _join(values: object, between: object = "") -> str:
    if not isinstance(values, list | tuple):
        raise SecurityError("join takes a list of facts, such as fields")
    return _text(between)[:100].join(map(_text, values))


_FILTERS: Mapping[str, Callable[..., object]] = {
    _TEXT: _text,
    "join": _join,
    "length": len,
    "upper": lambda value: _text(value).upper(),
    "lower": lambda value: _text(value).lower(),
    "time": lambda at: f"{_time(at):%Y-%m-%d %H:%M} UTC",
    "day": lambda at: f"{_time(at):%Y-%m-%d}",
}


def _time(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise SecurityError("time and day take a time, such as today")
    return value
