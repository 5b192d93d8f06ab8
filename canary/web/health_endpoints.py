"""The endpoints for machines: liveness, readiness and metrics."""

import logging
from collections.abc import Iterator, Mapping

from fastapi import Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from canary.store.database import Database
from canary.views.view_queries import figures
from canary.web.auth import is_local
from canary.web.config import WebConfig
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

    def __init__(self, config: WebConfig) -> None:
        """Answer for the store and the parts of an installation."""
        self._database, self._health, self._unready = config.database, config.health, config.unready
        self._registry, self._parts = config.registry, frozenset[str]()
        self._registry.register(StoreCollector(config.database))

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

    def ready(self, request: Request) -> Response:
        """Answer whether all parts work; only this machine learns which do not."""
        faults = {**self._store_faults(), **self._unready()}
        self._log_change(faults)
        told = {"store": "ok", **self._health(), **faults} if is_local(request) else {}
        return JSONResponse({"ready": not faults, **told}, 503 if faults else 200)

    def _log_change(self, faults: Mapping[str, str]) -> None:
        # Once for each change, as anybody may ask as often as they like.
        before, self._parts = self._parts, frozenset(faults)
        if self._parts - before:
            log.warning("not ready: %s", "; ".join(f"{part}: {word}" for part, word in faults.items()))
        elif before and not faults:
            log.info("ready again")

    def _store_faults(self) -> dict[str, str]:
        try:
            with self._database.reading() as session:
                session.execute(text("SELECT 1 FROM user_account LIMIT 1"))
        except (SQLAlchemyError, OSError):
            return {"store": "down"}
        return {}

    def metrics(self) -> Response:
        """Show all metrics in the text format of Prometheus."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)
