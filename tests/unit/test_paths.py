"""The arguments of MAIL and RCPT."""

import pytest

from canary.smtp.admission import Limits, Refusal
from canary.smtp.paths import check_parameters, split_path


@pytest.mark.parametrize(
    ("argument", "address", "parameters"),
    [
        ("FROM:<a@b.example>", "a@b.example", ()),
        ("from:<a@b.example> SIZE=5 BODY=8BITMIME", "a@b.example", ("SIZE=5", "BODY=8BITMIME")),
        ("FROM: <a@b.example>", "a@b.example", ()),
        ("FROM:a@b.example SIZE=5", "a@b.example", ("SIZE=5",)),
        ("FROM:<>", "", ()),
        ("FROM:<@relay.example,@other.example:a@b.example>", "a@b.example", ()),
        ('FROM:<"a>b"@c.example> SMTPUTF8', '"a>b"@c.example', ("SMTPUTF8",)),
        (r'FROM:<"a\"b"@c.example>', r'"a\"b"@c.example', ()),
        ("FROM:<a b@c.example>", "a b@c.example", ()),
        ("FROM:<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", ()),
        ("FROM:<jürgen@b.example>", "jürgen@b.example", ()),
    ],
)
def test_paths_are_read_as_senders_write_them(argument: str, address: str, parameters: tuple[str, ...]) -> None:
    assert split_path("FROM:", argument) == (address, parameters)


@pytest.mark.parametrize(
    "argument", ["", "a@b.example", "FROM", "FROM:", "FROM:<", "FROM:<a@b", "FROM:a@b>", 'FROM:<"a@b>', "TO:<a@b>"]
)
def test_what_is_no_path_is_refused_for_good(argument: str) -> None:
    with pytest.raises(Refusal, match=r"^501 5\."):
        split_path("FROM:", argument)


@pytest.mark.parametrize(
    ("parameter", "code"),
    [
        ("SIZE=26214401", "552 5.3.4"),
        ("SIZE=99999999999999999999", "552 5.3.4"),
        ("SIZE=999999999999999999999", "501"),
        ("SIZE=-1", "501"),
        ("SIZE", "501"),
        ("BODY=BINARYMIME", "501"),
        ("SMTPUTF8=1", "501"),
        ("AUTH=<>", "555"),
        ("RET=HDRS", "555"),
    ],
)
def test_parameters_we_do_not_announce_are_refused(parameter: str, code: str) -> None:
    with pytest.raises(Refusal, match=f"^{code}"):
        check_parameters([parameter], Limits())


def test_announced_parameters_pass_in_any_case() -> None:
    check_parameters(["size=26214400", "body=8bitmime", "smtputf8"], Limits())


@pytest.mark.parametrize("hostile", ['"', "\\", '"\\', "<", " ", "@a:", "@", '""', "a "])
def test_a_megabyte_of_hostile_path_is_read_in_linear_time(hostile: str) -> None:
    with pytest.raises(Refusal):
        split_path("TO:", "TO:<" + hostile * (1_000_000 // len(hostile)))
