"""The tables of docs/verdicts.md, made from the rules, the reasons, the weights and the cases.

.venv/bin/python -m tests.verdict_tables          # rewrites them
"""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from canary.judge.confidence import ASKED, FACTORS, STARTS, probability
from canary.judge.rules import RULES
from canary.judge.signs import SIGNS
from canary.model.verdict import HINTS, LEAKS, SENTENCES, Reason, Verdict
from tests.verdict_cases import CASES, expectation, hearing_of

PAGE = Path(__file__).parents[1] / "docs/verdicts.md"


def rules() -> Iterator[Sequence[str]]:
    """The rules in their order, each with its docstring and the cases that it decides."""
    yield "", "rule", "it applies when", "cases"
    decided: dict[str, list[str]] = {}
    for folder in (case for case in CASES if (case / "mail.eml").exists()):
        hearing = hearing_of(folder)
        first = next(rule.__name__ for rule in RULES if rule(hearing) is not None)
        decided.setdefault(first, []).append(folder.name.partition("-")[0])
    for number, rule in enumerate(RULES, 1):
        said = " ".join((rule.__doc__ or "").split())
        yield str(number), f"`{rule.__name__}`", said, ", ".join(decided.get(rule.__name__, ()))


def verdicts() -> Iterator[Sequence[str]]:
    """The verdicts: whether they charge the vendor, and how sure they are before any further reason."""
    yield "verdict", "charged to the vendor", "odds at first", "that is", "which rest on"
    for verdict in Verdict:
        charged = "yes" if verdict in LEAKS else "weakly" if verdict in HINTS else "no"
        start = STARTS[verdict]
        sure = probability(start.odds)
        yield f"`{verdict}`", charged, f"{start.odds:,g} : 1", f"{sure:.1%}".replace("%", " %"), start.source


def reasons() -> Iterator[Sequence[str]]:
    """The reasons: their sentences, by how much they move the odds, and a case of each."""
    yield "reason", "in words", "odds", "case"
    first: dict[str, str] = {}
    for folder in CASES:
        for code in expectation(folder)["reasons"]:
            first.setdefault(code, folder.name)
    for reason in Reason:
        factor = f"x {FACTORS[reason].odds:g}" if reason in FACTORS else ""
        factor += f"x {ASKED[reason].odds:g} in a question" if reason in ASKED else ""
        yield f"`{reason}`", SENTENCES[reason], factor, first.get(reason, "")


def weights() -> Iterator[Sequence[str]]:
    """The sources of the factors."""
    yield "reason", "odds", "which rests on"
    for reason, weight in FACTORS.items():
        yield f"`{reason}`", f"x {weight.odds:g}", weight.source
    for reason, weight in ASKED.items():
        yield f"`{reason}` in a question", f"x {weight.odds:g}", weight.source


def signs() -> Iterator[Sequence[str]]:
    """The signs of the relation with their log-odds, and what those rest on."""
    yield "sign", "log-odds", "which rest on"
    for sign, weight in SIGNS.items():
        yield sign.value, f"{weight.log_odds:+g}{' (writable)' if weight.writable else ''}", weight.source


TABLES: dict[str, Callable[[], Iterator[Sequence[str]]]] = {
    "rules": rules,
    "verdicts": verdicts,
    "reasons": reasons,
    "weights": weights,
    "signs": signs,
}


def filled(page: str) -> str:
    """The page with every table as the code has it."""
    for name, rows in TABLES.items():
        head, *body = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows()]
        rule = "|".join("---" for _ in head.split(" | "))
        table = "\n".join((f"| {head} |", f"|{rule}|", *(f"| {row} |" for row in body)))
        marked = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        page, count = marked.subn(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", page)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"{PAGE}: {count} places for the table {name}; there must be one")
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
