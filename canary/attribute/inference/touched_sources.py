"""Which sources may be behind which sendings, by what they held."""

from collections.abc import Collection, Sequence

from canary.attribute.null_model import ObservedSending
from canary.attribute.sources import Held, Holding
from canary.attribute.world import Source

NO_SOURCE: frozenset[Source] = frozenset()


class TouchedSources:
    """Which sources may be behind which sendings.

    `plausible` are the sendings of each source that held all they hit, one address at least for certain, `sources` the
    same by sending; `by_others` are those to addresses that some may hold though nobody told us.
    """

    def __init__(self, held: Collection[Holding], sendings: Sequence[ObservedSending]) -> None:
        """Go through the sources once."""
        hit = frozenset[str]().union(*(sending.mark for sending in sendings))
        listing: dict[str, set[Source]] = {name: set() for name in hit}
        for holding in held:
            for name in holding.members.keys() & hit:
                listing[name].add(holding.source)
        others = next((holding.others for holding in held if holding.others), dict[str, Held]())
        may_hold_others = {holding.source for holding in held if holding.others}
        self.by_others = frozenset(sending.id for sending in sendings if sending.mark <= others.keys())
        self.sources: dict[str, frozenset[Source]] = {}
        for sending in sendings:
            every = [listing[name] for name in sending.mark]
            sure = frozenset.intersection(*map(frozenset, every))
            some = frozenset().union(*every) & may_hold_others if sending.id in self.by_others else NO_SOURCE
            self.sources[sending.id] = sure | some
        plausible: dict[Source, set[str]] = {}
        for sending_id, sources in self.sources.items():
            for source in sources:
                plausible.setdefault(source, set()).add(sending_id)
        self.plausible = {source: frozenset(ids) for source, ids in plausible.items()}
