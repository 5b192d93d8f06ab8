"""Who may come in, and who pays for memory."""

from dataclasses import dataclass

from canary.receive.admission import Limits
from canary.receive.crowd import Crowd


@dataclass(eq=False)
class Member:
    """A session of no network but a name."""

    network: str = "192.0.2.0/24"
    held: int = 0
    storing: bool = False
    gone: bool = False

    def shed(self) -> int:
        freed, self.held = self.held, 0
        return freed

    def leave(self, *, at_once: bool = False) -> None: ...


def test_a_network_has_its_share_and_others_still_come_in() -> None:
    crowd = Crowd(Limits(connections=3, connections_per_network=2))
    assert [crowd.enter(Member()) for _ in range(3)] == [True, True, False]
    assert crowd.enter(Member("198.51.100.0/24"))
    assert not crowd.enter(Member("203.0.113.0/24"))


def test_whoever_leaves_makes_room_once() -> None:
    crowd = Crowd(Limits(connections_per_network=1))
    first, refused = Member(), Member()
    assert [crowd.enter(first), crowd.enter(refused)] == [True, False]
    crowd.leave(refused)
    assert not crowd.enter(Member())
    crowd.leave(first)
    assert crowd.empty.is_set()
    assert crowd.enter(Member())


def test_the_biggest_is_shed_when_memory_runs_out_and_nobody_before() -> None:
    crowd = Crowd(Limits(memory=100))
    small, big = Member(held=30), Member(held=70)
    assert crowd.enter(small)
    assert crowd.enter(big)
    crowd.hold(100)
    assert (small.held, big.held) == (30, 70)
    small.held += 1
    crowd.hold(1)
    assert (small.held, big.held) == (31, 0)


def test_giving_back_sheds_nobody() -> None:
    crowd = Crowd(Limits(memory=10))
    storing, reading = Member(), Member(held=5)
    assert crowd.enter(storing)
    assert crowd.enter(reading)
    crowd.hold(-1)
    assert reading.held == 5
