"""The endpoints for machines: liveness, readiness and metrics."""

import logging
from collections.abc import Callable, Iterator, Mapping

from fastapi import Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from canary.store.database import Database
from canary.views.view_queries import figures
from canary.web.routes import Role, WebRoute

log = logging.getLogger("canary.web")

_GAUGES = {"hits": "verdict", "cases": "state", "attempts": "kind"}


class StoreCollector(Collector):
    """Reads the figures of the store at each scrape."""

    def __init__(self, database: Database) -> None:
        """Read from a store."""
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge for each noun."""
        with self._database.reading() as session:
            found = figures(session)
        for name, label in _GAUGES.items():
            gauge = GaugeMetricFamily(f"canary_{name}", f"{name.title()} in the store, by {label}.", labels=[label])
            for value, count in found[name].items():
                gauge.add_metric([value], count)
            yield gauge

    def describe(self) -> list[Metric]:
        """Describe nothing in advance, so that registering reads nothing."""
        return []


class HealthEndpoints:
    """The endpoints for machines."""

    def __init__(
        self, database: Database, health: Callable[[], Mapping[str, str]], registry: CollectorRegistry
    ) -> None:
        """Answer for a store and the parts whose state `health` returns."""
        self._database, self._health, self._registry = database, health, registry
        registry.register(StoreCollector(database))

    def routes(self) -> tuple[WebRoute, ...]:
        """Return the routes."""
        return (
            WebRoute("GET", "/healthz", Role.PUBLIC, self.alive),
            WebRoute("GET", "/readyz", Role.PUBLIC, self.ready),
            WebRoute("GET", "/metrics", Role.VIEWER, self.metrics, local=True, token=True),
        )

    def alive(self) -> Response:
        """Answer that this process runs."""
        return PlainTextResponse("ok\n")

    def ready(self) -> Response:
        """Answer whether the store responds too, and the state of the parts."""
        try:
            with self._database.reading() as session:
                session.execute(text("SELECT 1 FROM user_account LIMIT 1"))
        except SQLAlchemyError as fault:
            log.warning("store is down: %s", fault)
            return JSONResponse({"store": "down", **self._health()}, 503)
        return JSONResponse({"store": "ok", **self._health()})

    def metrics(self) -> Response:
        """Show all metrics in the text format of Prometheus."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)
