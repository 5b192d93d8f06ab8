"""Where a text mentions a person, and what stands there afterwards."""

import base64
import quopri

import pytest

from canary.model.data_subject import read_person
from tests.effort import cpu_seconds

KEY = b"a key"
JANE = read_person("Jane.Doe@post.example", KEY)
NAME = read_person("Zoë  Winter", KEY)
M, N = JANE.mark, NAME.mark

REPLACED = {
    "write to jane.doe@post.example.": f"write to {M}@post.example.",
    "<JANE.DOE@Post.Example>": f"<{M}@Post.Example>",
    "mary.jane.doe@post.example": None,
    "mary-jane.doe@post.example": None,
    "jane.doe@post.example.org": None,
    "jane.doe@post.examples": None,
    "bounce-7-jane.doe=post.example@list.example": f"bounce-7-{M}=post.example@list.example",
    "https://x.example/u?m=jane.doe%40post.example&n=1": f"https://x.example/u?m={M}%40post.example&n=1",
    "Jane Doe": None,
}  # fmt: skip


@pytest.mark.parametrize(("said", "left"), REPLACED.items())
def test_an_address_is_replaced_where_it_stands_whole_and_its_domain_stays(said: str, left: str | None) -> None:
    assert (JANE.replace_in(said), JANE.is_in(said)) == (left or said, left is not None)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Dear ZOË\n winter,", f"Dear {N},"),
        ("Zoe\u0308 Winter", N),
        ("Zoë Winterbottom", "Zoë Winterbottom"),
        ("zoë.winter@post.example", "zoë.winter@post.example"),
    ],
)
def test_a_name_is_replaced_however_it_is_spaced_and_composed(said: str, left: str) -> None:
    assert NAME.replace_in(said) == left


def test_the_mark_is_one_for_all_spellings_and_needs_the_key() -> None:
    same = read_person(" jane.DOE@post.example", KEY)
    assert same.mark == M
    assert read_person("jane.doe@post.example", b"another key").mark != M
    assert "jane" not in M


ENCODED = {
    "plain": b"Dear Zo\xc3\xab Winter,",
    "latin-1": "Dear Zoë Winter,".encode("latin-1"),
    "quoted-printable": quopri.encodestring("Dear, oh dear, Zoë Winter, how do you do on this fine day of ours, and so on?".encode()),
    "base64": b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(("x" * 99 + " Zoë Winter, " + "y" * 99).encode()),
    "base64 in one line": b"Content-Transfer-Encoding: BASE64\r\n\r\n" + base64.b64encode("....... Zoë Winter".encode()),
}  # fmt: skip


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED)
def test_octets_mention_a_person_however_they_are_encoded(content: bytes) -> None:
    assert NAME.is_in_octets(content)
    assert not JANE.is_in_octets(content)


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        (
            "To",
            '"Doe, Jane" <jane.doe@post.example>, Bo <bo@post.example>',
            f"<{M}@post.example>, Bo <bo@post.example>",
        ),
        ("From", "Jane Doe <jane.doe@post.example>", f"<{M}@post.example>"),
        ("Received", "for <jane.doe@post.example>", f"for <{M}@post.example>"),
        ("Cc", "(((((jane.doe@post.example", M),
        ("Subject", "Hello", "Hello"),
    ],
)
def test_a_mailbox_is_replaced_with_the_name_beside_it(name: str, value: str, left: str) -> None:
    assert JANE.replace_in_header(name, value, own=False) == left


def test_the_words_of_a_mail_that_the_person_wrote_are_replaced_whole() -> None:
    assert JANE.replace_in_header("Subject", "Our divorce", own=True) == M


def test_json_is_replaced_in_names_and_texts_at_any_depth() -> None:
    stored = {"jane.doe@post.example": [{"a": "by jane.doe@post.example"}, 1, None, True]}
    assert JANE.replace_in_json(stored) == {f"{M}@post.example": [{"a": f"by {M}@post.example"}, 1, None, True]}


@pytest.mark.parametrize("written", ["", "ab", "12345", " . ", "x" * 300])
def test_what_is_neither_an_address_nor_a_name_is_refused_in_one_line(written: str) -> None:
    with pytest.raises(ValueError, match=r"^person '.*': not an address or name; give it as it stands in mail"):
        read_person(written, KEY)


HOSTILE = (
    b"=" * 2**20,
    b"A" * 2**20,
    b"A" * 19 + b"\n" + b"B" * 2**20,
    (b"A" * 19 + b"\n") * 50_000,
    b"jane.doe" * 2**17,
    b"\xff" * 2**20,
)


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_octets_cost_no_more_than_others_of_their_size(content: bytes) -> None:
    assert cpu_seconds(lambda: NAME.is_in_octets(content)) < 1
