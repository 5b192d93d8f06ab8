"""The numbers of a receiver for Prometheus, and how others read them: from a file that each receiver rewrites."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from canary.smtp.admission import Event
from canary.smtp.connection_limits import ConnectionLimits
from canary.smtp.journal import SECONDS, Journal
from canary.smtp.listeners import ListenAddress

_STALE_SECONDS = 60.0
_GONE_SECONDS = 24 * 3600.0
_LONGEST = 1024 * 1024


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
        yield _gauge("canary_smtp_sessions", "Connections open now.", len(crowd.members))
        yield _gauge("canary_smtp_memory_octets", "Octets of mails not yet stored.", crowd.octets)
        yield _counter("canary_smtp_connections", "Connections admitted.", crowd.entered)
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


class ReceiverFiles(Collector):
    """The numbers of all receivers of this machine, read from their files; each is labelled by its name."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        """Reads the files of a folder; `now` returns seconds as their times of change have them."""
        self._folder, self._now = folder, now

    def collect(self) -> Iterator[Metric]:
        """The families of all files put together, and which receivers are alive."""
        alive = GaugeMetricFamily(
            "canary_smtp_up", "Whether a receiver has written its numbers lately.", labels=["receiver"]
        )
        families: dict[str, Metric] = {}
        for name, age, path in self._files():
            alive.add_metric([name], age < _STALE_SECONDS)
            if age < _STALE_SECONDS:
                for family in _read(path):
                    _label(families.setdefault(family.name, _empty(family)), family, name)
        yield alive
        yield from families.values()

    def describe(self) -> list[Metric]:
        """Describes nothing in advance."""
        return []

    def _files(self) -> Iterator[tuple[str, float, Path]]:
        for path in sorted(self._folder.glob("smtp*.prom"))[:64]:
            try:
                age = self._now() - path.stat().st_mtime
            except FileNotFoundError:
                continue
            if age < _GONE_SECONDS:
                yield path.stem, age, path


def write(registry: CollectorRegistry, path: Path) -> None:
    """Writes the numbers for others to read; whole or not at all; raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_bytes(generate_latest(registry))
    fresh.replace(path)


def registry_of(collectors: Iterable[Collector]) -> CollectorRegistry:
    """A registry of these collectors and nothing else."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return registry


@contextmanager
def shown(door: ListenAddress | None, registry: CollectorRegistry, say: Callable[[str], None]) -> Iterator[None]:
    """Shows the numbers by HTTP while the block lasts, if there is a place for it; raises OSError."""
    if door is None:
        yield
        return
    try:
        server, thread = start_http_server(door.port, door.host, registry)
    except OSError as fault:
        raise OSError(f"metrics cannot be shown at {door}: {fault.strerror or fault}; set another address") from fault
    say(f"metrics listening on {ListenAddress(host=door.host, port=server.server_port)}")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _read(path: Path) -> list[Metric]:
    try:
        with path.open(encoding="utf-8") as file:
            return list(text_string_to_metric_families(file.read(_LONGEST)))
    except (OSError, ValueError):
        return []  # it is gone, or not one of ours


def _empty(family: Metric) -> Metric:
    return Metric(family.name, family.documentation, family.type, family.unit)


def _label(into: Metric, family: Metric, receiver: str) -> None:
    for sample in family.samples:
        into.add_sample(sample.name, {**sample.labels, "receiver": receiver}, sample.value)


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
