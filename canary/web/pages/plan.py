"""The plan: which sources cannot be told apart today, and which further addresses would help most."""

from fastapi import Request, Response

from canary.attribute.priors import CARRIED_AS, RATES
from canary.attribute.world import Source
from canary.web.rendering import PageContext
from canary.web.routes import Role, WebRoute


class PlanPage:
    """The sentences of `canary plan`, of this installation as it is now."""

    def __init__(self, frame: PageContext) -> None:
        """Show pages in this context."""
        self._frame = frame

    def routes(self) -> tuple[WebRoute, ...]:
        """Return its routes."""
        return (WebRoute("GET", "/plan", Role.ANALYST, self.page),)

    def page(self, request: Request) -> Response:
        """Show the plan; it is worked out for each who asks."""
        # The arithmetic takes much memory to load, and most who run a dashboard never ask for a plan.
        from canary.attribute.planning import advice, proposals  # noqa: PLC0415
        from canary.store.queries.world import world_of  # noqa: PLC0415

        with self._frame.database.reading() as session:
            world, rates = world_of(session, self._frame.clock()), session.info.get(CARRIED_AS, RATES)
        found = proposals.plan_coverage(world, rates=rates)
        return self._frame.show(request, "plan.html", lines=list(advice.sentences(found, _name)))


def _name(source: Source) -> str:
    return f"{source.kind.value} {source.id}"
