"""The border of our side when a mail comes in: who is outside, and who is not."""

from hypothesis import given
from hypothesis import strategies as st

from canary.authenticate.message import split
from canary.authenticate.vouching.side import ReceivingSide
from canary.mail.received import Trusted, is_private, read_trusted
from canary.model.authenticated import UNKNOWN_CLIENT
from canary.model.mail import Client, Envelope
from canary.pipeline.arrival import border_envelope
from tests.conftest import START
from tests.unit.test_trusted_chain import ANY, Line

PEERS = st.sampled_from(
    ("10.0.0.9", "172.18.0.1", "127.0.0.1", "::1", "fe80::1", "100.64.1.1", "203.0.113.9", "2001:db8::9")
)
SIDES = st.sampled_from((Trusted(), read_trusted(["10.0.0.0/8"]), read_trusted(["home.example", "203.0.113.9"])))


def seen(trusted: Trusted, peer: str, lines: list[Line]) -> Client:
    content = "\r\n".join([*map(str, lines), "", ""]).encode()
    envelope = Envelope("a@b.example", ("c@my.example",), Client(peer), START)
    return border_envelope(split(content), envelope, ReceivingSide(trusted=trusted))[0].client


@given(SIDES, PEERS, st.lists(ANY, max_size=4))
def test_a_private_peer_is_never_the_outside_client(trusted: Trusted, peer: str, lines: list[Line]) -> None:
    client = seen(trusted, peer, lines)
    assert client == UNKNOWN_CLIENT or not is_private(client.ip)


@given(PEERS, st.lists(ANY, max_size=4))
def test_without_a_trusted_machine_no_line_of_a_mail_says_who_is_outside(peer: str, lines: list[Line]) -> None:
    assert seen(Trusted(), peer, lines).ip == ("" if is_private(peer) else peer)
