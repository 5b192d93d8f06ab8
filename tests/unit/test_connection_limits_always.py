"""What is true of a crowd whatever its members do, in whatever order."""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from canary.smtp.admission import Event, Limits
from canary.smtp.connection_limits import ConnectionLimits
from tests.unit.test_connection_limits import Member

LIMITS = Limits(
    connections=8, connections_per_network=5, connection_rate=40, mail_rate=20, unknown_rate=10, errors=3, memory=100
)
NETWORKS = st.sampled_from([f"192.0.{n}.0/24" for n in range(6)] + ["", "127.0.0.0/24"])


class AnyCrowd(RuleBasedStateMachine):
    """Members come, send, hold memory, go when they are told or are slow to, and leave."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.crowd = ConnectionLimits(LIMITS, lambda ip: ip.startswith("127."), lambda: self.now)
        self.inside: list[Member] = []

    def pick(self, number: int) -> Member | None:
        return self.inside[number % len(self.inside)] if self.inside else None

    @rule(network=NETWORKS, storing=st.booleans())
    def enter(self, network: str, storing: bool) -> None:
        member = Member(network, storing=storing)
        answer = self.crowd.enter(member)
        assert answer[:4] in ("", "421 ")
        if not answer:
            self.inside.append(member)

    @rule(number=st.integers(0, 99))
    def leave(self, number: int) -> None:
        member = self.pick(number)
        if member:
            self.inside.remove(member)
            self.crowd.hold(-member.drop_body())
            self.crowd.leave(member)

    @rule(number=st.integers(0, 99))
    def mail(self, number: int) -> None:
        member = self.pick(number)
        assert member is None or self.crowd.admit_mail(member)[:4] in ("", "450 ")

    @rule(number=st.integers(0, 99), event=st.sampled_from(Event))
    def wrong(self, number: int, event: Event) -> None:
        member = self.pick(number)
        assert member is None or self.crowd.count(member, event)[:4] in ("", "421 ")

    @rule(number=st.integers(0, 99), octets=st.integers(1, 60))
    def hold(self, number: int, octets: int) -> None:
        member = self.pick(number)
        if member:
            member.held += octets
            self.crowd.hold(octets)

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def the_house_is_bounded(self) -> None:
        assert list(self.crowd.clients) != [] or self.crowd.empty.is_set()
        assert set(self.crowd.clients) == set(self.inside)
        assert len(self.inside) <= LIMITS.connections * 10 // 8 + 1

    @invariant()
    def places_are_those_of_strangers_who_were_not_sent_away(self) -> None:
        staying = [m for m in self.inside if not m.said and m.network and not m.ip.startswith("127.")]
        assert self.crowd._places == Counter(member.network for member in staying)
        assert max(self.crowd._places.values(), default=0) <= LIMITS.connections_per_network

    @invariant()
    def nobody_is_sent_away_twice_or_while_storing_or_from_us(self) -> None:
        sent = [member for member in self.inside if member.said]
        assert all(len(m.said) == 1 and not m.storing and m.network and not m.ip.startswith("127.") for m in sent)

    @invariant()
    def memory_is_what_they_hold_and_no_more_than_the_limit(self) -> None:
        assert self.crowd.octets == sum(member.held for member in self.inside) <= LIMITS.memory


class TestAnyCrowd(AnyCrowd.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(max_examples=20, stateful_step_count=60, deadline=None, database=None)


@pytest.mark.slow
class TestAnyCrowdForLonger(AnyCrowd.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(max_examples=200, stateful_step_count=60, deadline=None, database=None)
