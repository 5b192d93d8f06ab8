"""Whom a chain of header lines proves to have written what, over chains of any kind."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from canary.authenticate.message import Message, split
from canary.authenticate.results.trusted import border_hop, read_results
from canary.mail.parse import parse
from canary.mail.received import Trusted, is_private, trusted_hop

WRITER = "mx.home.example"
DATE = "Sun, 01 Mar 2026 12:00:00 +0000"
FORGED = f"Authentication-Results: {WRITER}; dkim=pass header.d=bank.example; spf=pass smtp.mailfrom=b@bank.example"
OURS = f"Authentication-Results: {WRITER}; dkim=fail header.d=bank.example; spf=fail smtp.mailfrom=b@bank.example"
INNER = ("mail.lan", "mailbox", "10.0.0.5", "[192.168.1.2]", "store.internal", "172.22.1.9", "fd00::7")
PRIVATE = (
    "10.1.2.3",
    "172.22.1.9",
    "192.168.7.7",
    "127.0.0.1",
    "IPv6:fd00::7",
    "IPv6:::1",
    "100.64.9.9",
    "169.254.1.1",
)
OUTSIDE = ("203.0.113.9", "198.51.100.7", "IPv6:2001:db8::9", "8.8.8.8")
CLAIMS = ("mail.lan", WRITER, "localhost", "bank.example", "[10.0.0.1]", "out.home.example")


@dataclass(frozen=True)
class Line:
    """One Received line: who wrote it, what the client called itself, the name and address that the writer saw."""

    by: str
    helo: str
    name: str
    ip: str

    def __str__(self) -> str:
        return f"Received: from {self.helo} ({self.name} [{self.ip}]) by {self.by} with ESMTP id 1 for <a@home.example>; {DATE}"


def inner_lines() -> st.SearchStrategy[Line]:
    return st.builds(
        Line, st.sampled_from(INNER), st.sampled_from(CLAIMS), st.just("unknown"), st.sampled_from(PRIVATE)
    )


def outside_lines(by: st.SearchStrategy[str]) -> st.SearchStrategy[Line]:
    names = st.sampled_from(("unknown", "evil.example", "mx.home.example.evil.example", "bank.example"))
    return st.builds(Line, by, st.sampled_from(CLAIMS), names, st.sampled_from(OUTSIDE))


FORGERIES = st.lists(
    st.sampled_from((FORGED, str(Line(WRITER, "bank.example", "bank.example", "192.0.2.66")))), max_size=4
)


def message(*fields: object) -> Message:
    return split("\r\n".join([*map(str, fields), "From: a@bank.example", "", "Hello"]).encode())


@given(st.lists(inner_lines(), max_size=3), outside_lines(st.sampled_from(INNER)), FORGERIES)
def test_results_below_a_line_whose_client_is_outside_never_count(
    inner: list[Line], border: Line, forgeries: list[str]
) -> None:
    assert read_results(message(*inner, border, *forgeries, FORGED), [WRITER]) is None


@given(st.lists(inner_lines(), max_size=3), outside_lines(st.just(WRITER)), FORGERIES)
def test_results_above_the_border_count_whatever_is_forged_below(
    inner: list[Line], border: Line, forgeries: list[str]
) -> None:
    found = read_results(message(*inner, OURS, border, *forgeries), [WRITER])
    assert found is not None
    assert found.dkim_domains == ()
    assert found.spf.result.value == "fail"


@given(st.lists(inner_lines(), max_size=3), outside_lines(st.just(WRITER)))
def test_results_count_below_hops_of_our_own_network(inner: list[Line], border: Line) -> None:
    found = read_results(message(*inner, OURS, border), [WRITER])
    assert found is not None
    assert [hop.client.ip for hop in [border_hop(message(*inner, OURS, border), [WRITER])] if hop] == [
        border.ip.removeprefix("IPv6:")
    ]


ANY = st.one_of(inner_lines(), outside_lines(st.sampled_from((*INNER, WRITER, "elsewhere.example"))))


@given(st.lists(ANY, max_size=6))
def test_a_private_address_is_never_the_outside_client(lines: list[Line]) -> None:
    mail = message(*lines)
    trusted = Trusted(hosts=("home.example", "mail.lan"))
    hops = [border_hop(mail, [WRITER]), border_hop(mail, ["home.example"])]
    text = "\r\n".join([*map(str, lines), "", ""]).encode()
    hops += [trusted_hop(parse(text), trusted)]
    assert not any(hop and is_private(hop.client.ip) for hop in hops)
