"""Who may come in, who has to make room, and who pays for memory."""

from dataclasses import dataclass, field

import pytest

from canary.smtp.admission import Event, Limits
from canary.smtp.connection_limits import ConnectionLimits

A, B, C = "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"


@dataclass(eq=False)
class Member:
    """A session of no network but a name."""

    network: str = A
    held: int = 0
    storing: bool = False
    gone: bool = False
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ip = self.network.partition("/")[0]

    def drop_body(self) -> int:
        freed, self.held = self.held, 0
        return freed

    def send(self) -> None: ...

    def leave(self, farewell: str = "", *, at_once: bool = False) -> None:
        self.said.append(farewell)


class Watch:
    """A clock that is moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def enter(crowd: ConnectionLimits, *members: Member) -> list[str]:
    return [crowd.enter(member)[:9] for member in members]


def test_a_network_has_its_share_and_others_still_come_in() -> None:
    crowd = ConnectionLimits(Limits(connections=3, connections_per_network=2))
    assert enter(crowd, Member(), Member(), Member()) == ["", "", "421 4.7.0"]
    assert enter(crowd, Member(B)) == [""]


def test_in_a_full_house_the_network_with_most_places_makes_room() -> None:
    crowd = ConnectionLimits(Limits(connections=3))
    crowded = [Member(A), Member(A), Member(A)]
    assert enter(crowd, *crowded, Member(B)) == [""] * 4
    assert [len(member.said) for member in crowded] == [1, 0, 0]


def test_nobody_makes_room_for_one_who_is_refused_all_the_same(watch: Watch) -> None:
    crowd = ConnectionLimits(Limits(connections=4, connection_rate=1), now=watch)
    crowded = [Member(A) for _ in range(4)]
    for member in crowded:
        assert enter(crowd, member) == [""]
        watch.now += 60
    assert enter(crowd, Member(B), Member(B), Member(B)) == ["", "421 4.7.0", "421 4.7.0"]
    assert sum(len(member.said) for member in crowded) == 1


def test_places_do_not_go_to_and_fro_between_equals() -> None:
    crowd = ConnectionLimits(Limits(connections=3))
    assert enter(crowd, Member(A), Member(A), Member(B), Member(B)) == ["", "", "", "421 4.7.0"]


def test_a_session_that_is_storing_a_mail_is_not_ended() -> None:
    crowd = ConnectionLimits(Limits(connections=2))
    assert enter(crowd, Member(A, storing=True), Member(A, storing=True), Member(B)) == ["", "", "421 4.7.0"]


def test_a_place_is_given_up_once_however_slowly_its_holder_goes() -> None:
    crowd = ConnectionLimits(Limits(connections=8))
    slow = [Member(A) for _ in range(8)]
    assert enter(crowd, *slow, *(Member(f"net {n}") for n in range(3))) == [""] * 10 + ["421 4.7.0"]
    assert sum(len(member.said) for member in slow) == 2
    for member in slow[:2]:
        crowd.leave(member)
    assert enter(crowd, Member(C)) == [""]


def test_a_session_that_sends_no_mail_for_long_makes_room_when_all_places_are_taken(watch: Watch) -> None:
    crowd = ConnectionLimits(Limits(connections=2, idle_when_full=30), now=watch)
    idle, busy = Member(A), Member(B)
    assert enter(crowd, idle, busy) == ["", ""]
    watch.now += 31
    assert crowd.admit_mail(busy) == ""
    assert enter(crowd, Member(C), Member(C)) == ["", "421 4.7.0"]
    assert (len(idle.said), len(busy.said)) == (1, 0)


def test_our_own_machines_come_into_a_full_house_and_are_not_sent_away() -> None:
    crowd = ConnectionLimits(
        Limits(connections=1, connections_per_network=1, connection_rate=1), lambda ip: ip == "192.0.2.0"
    )
    own = Member(A)
    assert enter(crowd, own, Member(""), Member(B)) == ["", "", "421 4.7.0"]
    assert own.said == []


def test_a_session_that_leaves_makes_room_once() -> None:
    crowd = ConnectionLimits(Limits(connections_per_network=1))
    first, refused = Member(), Member()
    assert enter(crowd, first, refused) == ["", "421 4.7.0"]
    crowd.leave(refused)
    assert crowd.enter(Member())
    crowd.leave(first)
    assert crowd.empty.is_set()
    assert enter(crowd, Member()) == [""]


def test_a_network_that_connects_too_often_comes_again_when_its_minute_has_passed(watch: Watch) -> None:
    crowd = ConnectionLimits(Limits(connection_rate=2), now=watch)
    assert enter(crowd, Member(), Member(), Member(), Member(B)) == ["", "", "421 4.7.0", ""]
    watch.now += 30
    assert enter(crowd, Member(), Member()) == ["", "421 4.7.0"]
    assert crowd.counts[Event.CONNECTION_RATE] == 2


def test_a_network_that_sends_too_much_is_asked_to_come_again(watch: Watch) -> None:
    crowd = ConnectionLimits(Limits(mail_rate=2), now=watch)
    one, two, other = Member(), Member(), Member(B)
    enter(crowd, one, two, other)
    assert [crowd.admit_mail(m)[:9] for m in (one, two, one, other)] == ["", "", "450 4.7.1", ""]
    watch.now += 60
    assert crowd.admit_mail(one) == ""


def test_a_network_that_guesses_too_much_sends_no_mail_for_a_while(watch: Watch) -> None:
    crowd = ConnectionLimits(Limits(unknown_rate=3), now=watch)
    guesser, neighbour, other = Member(), Member(), Member(B)
    enter(crowd, guesser, neighbour, other)
    assert [crowd.count(guesser, Event.UNKNOWN) for _ in range(5)] == [""] * 5
    assert [crowd.admit_mail(m)[:9] for m in (guesser, neighbour, other)] == ["450 4.7.1", "450 4.7.1", ""]
    watch.now += 20
    assert crowd.admit_mail(neighbour) == ""


def test_a_session_that_is_wrong_too_often_is_ended() -> None:
    crowd, member = ConnectionLimits(Limits(errors=2, unknown=1)), Member()
    crowd.enter(member)
    assert [crowd.count(member, Event.ERRORS)[:3] for _ in range(3)] == ["", "", "421"]
    assert [crowd.count(member, event)[:3] for event in (Event.UNKNOWN, Event.FOREIGN)] == ["", "421"]
    assert crowd.count(member, Event.SIZE) == ""
    assert crowd.counts == {Event.ERRORS: 3, Event.UNKNOWN: 1, Event.FOREIGN: 1, Event.SIZE: 1}


def test_the_tarpit_grows_with_each_refusal_and_has_a_bottom() -> None:
    crowd, member = ConnectionLimits(Limits(tarpit=2, errors=100)), Member()
    crowd.enter(member)
    waits = []
    for _ in range(17):
        waits.append(crowd.tarpit(member))
        crowd.count(member, Event.ERRORS)
    assert waits[:3] == [0, 2, 4]
    assert waits[-2:] == [30, 30]


def test_nobody_waits_unless_the_limits_say_so() -> None:
    crowd, member = ConnectionLimits(Limits()), Member()
    crowd.enter(member)
    crowd.count(member, Event.ERRORS)
    assert crowd.tarpit(member) == 0


def test_the_networks_remembered_are_bounded() -> None:
    crowd = ConnectionLimits(Limits(connection_rate=1))
    for number in range(12_000):
        member = Member(f"2001:db8:{number:x}::/48")
        crowd.enter(member)
        crowd.leave(member)
    assert len(crowd._networks) == 10_000
    assert len(crowd._places) == 0


def test_the_biggest_is_shed_when_memory_runs_out_and_nobody_before() -> None:
    crowd = ConnectionLimits(Limits(memory=100))
    small, big = Member(held=30), Member(held=70)
    enter(crowd, small, big)
    crowd.hold(100)
    assert (small.held, big.held) == (30, 70)
    small.held += 1
    crowd.hold(1)
    assert (small.held, big.held) == (31, 0)


def test_many_small_mails_of_one_network_pay_before_a_big_one_of_another() -> None:
    crowd = ConnectionLimits(Limits(memory=100))
    many, other = [Member(held=20) for _ in range(4)], Member(B, held=21)
    enter(crowd, *many, other)
    crowd.hold(101)
    assert (sum(member.held for member in many), other.held) == (60, 21)


def test_giving_back_sheds_nobody() -> None:
    crowd = ConnectionLimits(Limits(memory=10))
    storing, reading = Member(), Member(held=5)
    enter(crowd, storing, reading)
    crowd.hold(-1)
    assert reading.held == 5
