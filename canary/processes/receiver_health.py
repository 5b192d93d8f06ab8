"""How the parts on this machine are, by the numbers that its receivers write."""

import time

from prometheus_client import CollectorRegistry

from canary.settings import Settings
from canary.smtp.metrics import ReceiverFiles, registry_of


def receiver_metrics(settings: Settings) -> CollectorRegistry:
    """Return the numbers of all receivers of this machine."""
    return registry_of([ReceiverFiles(settings.data / "metrics", time.time)])


def listening(numbers: CollectorRegistry) -> bool | None:
    """Whether all receivers were heard of lately; None where no receiver ever wrote its numbers."""
    alive = _values(numbers, "canary_smtp_up")
    return all(alive) if alive else None


def waiting_mails(numbers: CollectorRegistry) -> int:
    """Return how many mails wait in all spools."""
    return int(sum(_values(numbers, "canary_spool_backlog")))


def _values(numbers: CollectorRegistry, name: str) -> list[float]:
    return [sample.value for family in numbers.collect() for sample in family.samples if sample.name == name]
