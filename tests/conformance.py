"""Runs the conformance suites and writes their table into the documentation.

.venv/bin/python -m tests.conformance          # rewrites the table in docs/authentication.md
.venv/bin/python -m tests.conformance --check  # ends with 1 if the table is not what the suites give
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from canary.model.proof import Result
from tests import dmarc_table, mail_suites, spf_suite
from tests.signer import chained, judged

PAGE = Path(__file__).parent.parent / "docs" / "authentication.md"
SIGNED = datetime(2022, 11, 8, tzinfo=UTC)
"""A day on which no signature of the suite has expired."""

START, END = "<!-- conformance: begin -->", "<!-- conformance: end -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One suite: what it is, and how many of its cases pass."""

    mechanism: str
    suite: str
    passed: int
    total: int


def row(mechanism: str, suite: str, outcomes: list[bool]) -> Row:
    return Row(mechanism, suite, sum(outcomes), len(outcomes))


def rows() -> Iterator[Row]:
    """All suites that are here."""
    for file in ("rfc7208-tests.yml", "rfc4408-tests.yml"):
        yield row("SPF", f"openspf `{file}`", [spf_suite.passes(case) for case in spf_suite.cases(file)])
    yield row("DKIM", "mail-auth `dkim/*.txt`", [signed(path) for path in mail_suites.signed_mails("dkim/*.txt")])
    yield row("DMARC", "`tests/unit/dmarc.toml`", [not dmarc_table.differences(case) for case in dmarc_table.cases()])
    arc = [mail_suites.arc_passes(case) for case in mail_suites.arc_cases()]
    yield row("ARC", "ValiMail `arc-draft-validation-tests.yml`", arc)
    yield row(
        "ARC",
        "mail-auth `arc/mail-auth-*.txt`",
        [sealed(path) for path in mail_suites.signed_mails("arc/mail-auth-*.txt")],
    )


def signed(path: Path) -> bool:
    """Whether every signature of a signed mail verifies."""
    mail, zone = mail_suites.opened(path)
    return {each.result for each in judged(mail, zone, SIGNED)} == {Result.PASS}


def sealed(path: Path) -> bool:
    """Whether the chain of a sealed mail holds."""
    return chained(*mail_suites.opened(path)).result is Result.PASS


def table(found: list[Row]) -> str:
    lines = [f"| {each.mechanism} | {each.suite} | {each.passed} | {each.total} |" for each in found]
    return "\n".join(["| mechanism | suite | passes | cases |", "|---|---|---:|---:|", *lines])


def with_table(page: str, found: list[Row]) -> str:
    """The page with the table between its markers."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table(found)}\n{END}{after}"


def main() -> int:
    found = list(rows())
    absent = [each.suite for each in found if not each.total]
    if absent:
        print(
            f"CANARY_SUITES: no {', '.join(absent)} there; set it to the folder of conformance suites", file=sys.stderr
        )
        return 2
    page = PAGE.read_text("utf-8")
    written = with_table(page, found)
    if "--check" in sys.argv[1:]:
        return int(page != written)
    PAGE.write_text(written, "utf-8")
    print(table(found))
    return int(any(each.passed < each.total for each in found))


if __name__ == "__main__":
    sys.exit(main())
