"""The page about receiving names every limit, with its default, and every metric."""

import re
from pathlib import Path

import pytest

from canary.processes.receiver_metrics import ReceiverCollector
from canary.settings import Settings
from canary.smtp.admission import Event, Limits
from canary.smtp.connection_limits import ConnectionLimits
from canary.smtp.journal import Journal
from canary.smtp.role_mail import RoleLimits
from canary.smtp_settings import LimitSettings

PAGE = (Path(__file__).parents[2] / "docs/receiving.md").read_text()
ROWS = re.findall(r"^\| `(smtp\.[a-z_.]+)` \| (\S*) ?\| (.*?) \| (?:`(\w+)`)? ?\|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("key", "default", "answer", "limit"), ROWS)
def test_a_row_has_the_default_and_how_it_is_counted(key: str, default: str, answer: str, limit: str) -> None:
    value: object = Settings()
    for part in key.split("."):
        value = getattr(value, part)
    assert default == ("" if value is None else f"{value:.0f}")
    assert limit in {"", *Event}
    assert re.match(r"\d{3} \d\.\d\.\d|a negative reply waits", answer)


def test_every_limit_has_a_row_and_every_row_once() -> None:
    keys = [row[0] for row in ROWS]
    limits = {f"smtp.limits.{name}" for name in LimitSettings.model_fields}
    spool = {f"smtp.spool_{name}" for name in ("reserve", "backlog", "pages")}
    roles = {f"smtp.roles.{name}" for name in RoleLimits.__dataclass_fields__}
    assert sorted(keys) == sorted(limits | spool | roles | {"smtp.max_size"})


def test_the_settings_name_every_limit_there_is() -> None:
    assert {"size", *LimitSettings.model_fields} == set(Limits.__dataclass_fields__)


def test_every_way_to_be_refused_is_named() -> None:
    told = {row[3] for row in ROWS} | set(re.findall(r"`(\w+)`", PAGE.partition("besides ")[2].partition("|")[0]))
    assert {event.value for event in Event} <= told


def test_every_metric_is_named() -> None:
    numbers = ReceiverCollector(ConnectionLimits(Limits()), Journal(), dict, {})
    named = set(re.findall(r"`(canary_\w+?)(?:_total)?(?:\{\w+\})?`", PAGE))
    assert {family.name for family in numbers.collect()} <= named
