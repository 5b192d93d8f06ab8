"""A stranger's HTML is shown without anything in it that acts."""

import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.web.sanitise import page, sanitised
from tests.effort import cpu_seconds

ACTING = re.compile(
    r"<(script|style|svg|math|iframe|object|embed|form|input|button|base|meta|link|img|video|audio|template)\b"
    r"|\son\w+\s*=|\s(src|href|srcset|background|action|xlink:href|poster|ping|id|class)\s*=|url\(|@import|https?://",
    re.IGNORECASE,
)
ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=http://e.example/i.png srcset='http://e.example/2x 2x'>",
    "<style>@import 'http://e.example/x.css'; p{background:url(http://e.example/y)}</style>",
    "<p style='background-image:url(http://e.example/z)'>",
    "<p style='color:red;background-color:u\\72l(http://e.example)'>",
    "<p style=\"font-family:'x',url(//e.example)\">",
    "<meta http-equiv=refresh content='0;url=http://e.example'>",
    "<svg onload=alert(1)><image href=http://e.example /><foreignObject><iframe src=x>",
    "<form action=http://e.example><input name=password autofocus onfocus=alert(1)><button>go</button></form>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<a href=javascript:alert(1) ping=http://e.example>x</a><a href='https://e.example/'>https://e.example/a</a>",
    "<base href=//e.example><link rel=stylesheet href=//e.example/s.css><object data=x><embed src=y>",
    "<table background=http://e.example/b.png><td background=x>cell",
    "<body background=http://e.example onload=alert(1)><div onclick=alert(1) id=main class=door>x</div>",
    "<!--[if mso]><script>alert(1)</script><![endif]--><xmp><img src=x onerror=1></xmp><plaintext>",
    "<video poster=http://e.example><source src=http://e.example/v></video><audio src=x autoplay>",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_acts_is_left(attack: str) -> None:
    assert ACTING.findall(sanitised(attack)) == []


@given(
    st.lists(st.sampled_from([*ATTACKS, "<", ">", '"', "'", "<p ", "</", "<!--", "-->", "\0", "x", "http://e.example"]))
)
def test_nothing_that_acts_is_left_of_any_mixture(pieces: list[str]) -> None:
    # Texts may say anything; what a browser takes for a tag may not.
    tags = " ".join(re.findall(r"<[^>]*>", sanitised("".join(pieces))))
    assert ACTING.findall(tags) == []


def test_text_and_harmless_looks_stay() -> None:
    shown = sanitised(
        '<table width="600"><tr><td style="color:#900;padding:4px;position:fixed">Hello <b>Ada</b></td></tr></table>'
    )
    assert '<td style="color:#900;padding:4px">Hello <b>Ada</b></td>' in shown


def test_links_keep_their_text_and_are_defanged() -> None:
    assert sanitised('<a href="http://e.example/x">http://e.example/x</a>') == "<a>hxxp://e[.]example/x</a>"


def test_deep_and_endless_html_is_shown_quickly_as_text() -> None:
    assert "<div" not in sanitised("<div>" * 200_000)
    for html in ("<div>" * 200_000, "<b><table>" * 3_000, "<a " + "x=1 " * 60_000):
        assert cpu_seconds(partial(sanitised, html)) < 1.5


def test_the_page_says_what_it_is_and_has_no_markup_from_its_title() -> None:
    assert "<title>&lt;/title&gt;&lt;script&gt;</title>" in page("", "</title><script>")
