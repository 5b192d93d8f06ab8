"""The numbers of a receiver for Prometheus, in a file that it rewrites for others to read."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from canary.smtp.admission import Event
from canary.smtp.connection_limits import ConnectionLimits
from canary.smtp.journal import SECONDS, Journal


class ReceiverCollector(Collector):
    """The numbers of this process: counted since it began, or as they are now; no address is in any label.

    `spool` returns those of the spool by name (backlog, octets, free_octets), `bounds` the limits besides `Limits`.
    """

    def __init__(
        self,
        crowd: ConnectionLimits,
        journal: Journal,
        spool: Callable[[], Mapping[str, float]],
        bounds: Mapping[str, float],
    ) -> None:
        self._crowd, self._journal, self._spool, self._bounds = crowd, journal, spool, bounds

    def collect(self) -> Iterator[Metric]:
        """All numbers."""
        crowd, journal = self._crowd, self._journal
        yield _gauge("canary_smtp_sessions", "Connections open now.", len(crowd.clients))
        yield _gauge("canary_smtp_memory_octets", "Octets of mails not yet stored.", crowd.octets)
        yield _counter("canary_smtp_connections", "Connections admitted.", crowd.admitted)
        yield _counters(
            "canary_smtp_refusals", "What was refused or ended, by the limit or reason.", "limit",
            {event.value: crowd.counts[event] for event in Event},
        )  # fmt: skip
        yield _counters(
            "canary_smtp_mails", "Transactions by outcome: kept, the reply code, or none.", "outcome",
            {"kept": journal.kept} | journal.outcomes,
        )  # fmt: skip
        yield _counter("canary_smtp_recipients", "Recipients of kept mails.", journal.recipients)
        yield _counter("canary_smtp_octets", "Octets of kept mails.", journal.octets)
        yield _commits(journal)
        for name, value in self._spool().items():
            yield _gauge(f"canary_spool_{name}", f"The spool's {name.replace('_', ' ')}.", value)
        limits = GaugeMetricFamily("canary_smtp_limit", "Limits as configured, by setting.", labels=["name"])
        for name, value in {**asdict(crowd.limits), **self._bounds}.items():
            limits.add_metric([name], value)
        yield limits

    def describe(self) -> list[Metric]:
        """Describes nothing in advance, so that registering reads nothing."""
        return []


def write(registry: CollectorRegistry, path: Path) -> None:
    """Writes the numbers for others to read; whole or not at all; raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_bytes(generate_latest(registry))
    fresh.replace(path)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(name, words, value=value)


def _counters(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _commits(journal: Journal) -> Metric:
    bounds = [*map(str, SECONDS), "+Inf"]
    buckets = list(zip(bounds, accumulate(journal.commit_counts), strict=True))
    words = "Seconds from the end of a mail to its reply, durable."
    return HistogramMetricFamily("canary_smtp_commit_seconds", words, buckets=buckets, sum_value=journal.commit_seconds)
