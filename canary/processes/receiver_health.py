"""How the receivers of this machine are, by the numbers that each of them writes to a file."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from canary.settings import Settings
from canary.smtp.listeners import ListenAddress

_STALE_SECONDS = 60.0
_GONE_SECONDS = 24 * 3600.0
_LONGEST = 1024 * 1024


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


def receiver_backlogs(numbers: CollectorRegistry) -> dict[str, int]:
    """Return how many mails wait in the spool of each receiver that was heard of lately, by its name."""
    samples = (s for family in numbers.collect() for s in family.samples if s.name == "canary_spool_backlog")
    return {sample.labels["receiver"]: int(sample.value) for sample in samples}


def registry_of(collectors: Iterable[Collector]) -> CollectorRegistry:
    """Return a registry of these collectors and nothing else."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return registry


@contextmanager
def serve_metrics(
    place: ListenAddress | None, registry: CollectorRegistry, announce: Callable[[str], None]
) -> Iterator[None]:
    """Show the numbers by HTTP while the block lasts, if there is a place for it; raises OSError."""
    if place is None:
        yield
        return
    try:
        server, thread = start_http_server(place.port, place.host, registry)
    except OSError as fault:
        raise OSError(f"metrics cannot be shown at {place}: {fault.strerror or fault}; set another address") from fault
    announce(f"metrics listening on {ListenAddress(host=place.host, port=server.server_port)}")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _values(numbers: CollectorRegistry, name: str) -> list[float]:
    return [sample.value for family in numbers.collect() for sample in family.samples if sample.name == name]


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
