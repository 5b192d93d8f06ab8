"""Letters say facts, in three languages, and an owner's text can do nothing but say them too."""

import time
import tracemalloc
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


COSTLY = {
    "loops in loops": "{% for a in given %}" * 3 + "{% endfor %}" * 3,
    "a loop over text": "{% for c in 'xxxxxxxxxxxxxxxxxxxxxxxx' %}{% endfor %}",
    "a loop over a list that it brings along": "{% for c in [1, 2, 3] %}{% endfor %}",
    "a text that doubles": "{% set a = 'x' * 9 %}",
    "a text that doubles by joining": "{% set a = 'xxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a|length }}",
    "a macro that calls itself twice": "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "a loop that calls itself": "{% for a in given recursive %}{{ loop(given) }}{% endfor %}",
    "a filter over a block": "{% filter upper %}x{% endfilter %}",
    "the longest joint": "{{ given|join(given|join(given|join)) }}",
    "lists as text": "{% for a in given %}{% if " + " ~ ".join(["given"] * 300) + " %}{% endif %}{% endfor %}",
    "a list as capitals": "{% for a in given %}{{ given|upper }}{% endfor %}",
    "much work that says nothing": "{% for a in given %}{% for b in given %}" + "{% if a %}{% endif %}" * 600 + "{% endfor %}{% endfor %}",
    "many loops one after the other": "{% for a in given %}{% for b in given %}{% endfor %}{% endfor %}" * 200,
    "much text": "{% for a in given %}{% for b in given %}" + "x" * 500 + "{% endfor %}{% endfor %}",
    "brackets in brackets": "{{ " + "(" * 9_000 + "1" + ")" * 9_000 + " }}",
    "denials of denials": "{{ " + "not " * 4_000 + "1 }}",
    "choices in choices": "{% if to %}" * 700 + "{% endif %}" * 700,
    "an endless number": "{{ " + "9" * 10_000 + " }}",
}  # fmt: skip


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_a_text_that_would_take_time_or_memory_is_refused_before_it_does(text: str) -> None:
    many = replace(_EXAMPLE, given=[*_EXAMPLE.given] * 100, seen=[*_EXAMPLE.seen] * 5)
    began = time.process_time()
    with pytest.raises(ValueError, match="^letter: ") as refused:
        write(text, many)
    assert time.process_time() - began < 5  # refused in milliseconds; worked out it would be minutes, or all memory
    assert "\n" not in str(refused.value)


def test_output_stops_at_its_limit_while_it_is_written() -> None:
    many = replace(_EXAMPLE, given=[*_EXAMPLE.given] * 100)
    tracemalloc.start()
    with pytest.raises(ValueError, match="longer than 100,000 characters"):
        write("{% for a in given %}" + "x" * 18_000 + "{% endfor %}", many)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_loop_in_a_loop_over_facts_is_allowed() -> None:
    assert (
        write("{% for g in given %}{% for f in fields %}{{ f }}{{ loop.index }} {% endfor %}{% endfor %}", _EXAMPLE)
        == "given name1 "
    )
