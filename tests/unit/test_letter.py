"""Letters say facts, in three languages, and an owner's text can do nothing but say them too."""

from dataclasses import replace

import pytest

from canary.cases.letter_text import _EXAMPLE, KINDS, LANGUAGES, check, one_line, write
from canary.package_data import config_folder

TEXTS = {(kind, tongue): config_folder() / "letters" / tongue / f"{kind}.txt" for kind in KINDS for tongue in LANGUAGES}


@pytest.mark.parametrize("which", TEXTS, ids="-".join)
def test_each_letter_says_addresses_times_headers_and_the_window(which: tuple[str, str]) -> None:
    text = write(TEXTS[which].read_text(), _EXAMPLE)
    for said in (
        "a@in.example",
        "2011-03-20 09:00 UTC",
        "<1@bad.example>",
        "192.0.2.1",
        "SPF fail",
        "87%",
        "given name",
    ):
        assert said in text
    assert max(map(len, text.splitlines())) < 160
    assert "{" not in text


@pytest.mark.parametrize("which", TEXTS, ids="-".join)
def test_a_letter_leaves_out_what_is_not_known(which: tuple[str, str]) -> None:
    bare = replace(_EXAMPLE, others=0, after=None, before=None, fields=(), guess="", hypotheses=(), mails=1)
    text = write(TEXTS[which].read_text(), bare)
    assert "1 in 10^13" not in text
    assert "given name" not in text


def test_no_language_lacks_a_paragraph_of_another() -> None:
    blocks = {
        which: [line.strip() for line in path.read_text().splitlines() if line.startswith("{%")]
        for which, path in TEXTS.items()
    }
    for kind in KINDS:
        assert len({tuple(blocks[kind, tongue]) for tongue in LANGUAGES}) == 1


@pytest.mark.parametrize(
    "text",
    ["{{ nobody }}", "{{ to.upper.__globals__ }}", "{{ ''.__class__.__mro__ }}", "{% for x in range(10**9) %}{% endfor %}",
     "{{ to", "{% include '/etc/passwd' %}", "{{ today + 1 }}", "{{ given.append(1) }}", "{{ 1 / 0 }}", "{{ 'x' * 9 }}", "{{ '{:>9}'.format(1) }}", "{{ to|center(9) }}", "x" * 20_001],
)  # fmt: skip
def test_a_text_that_does_more_than_say_facts_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="^letter: ") as refused:
        check(text)
    assert "\n" not in str(refused.value)


def test_hostile_text_is_one_line_without_a_living_link() -> None:
    assert one_line("a\r\nBcc: x\u202e  https://bad.example/y") == "a Bcc: x hxxps://bad.example/y"
