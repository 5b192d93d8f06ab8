"""No part of a destination's URL but scheme and host can be read where something about it is told."""

import io
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary.net.masking import MASK, mask_of
from canary.processes.logs import log_to_stderr

URLS = {
    "https://hooks.slack.example/services/T00000001/B00000001/s3cretTokenOfSlack": ("T00000001", "B00000001", "s3cretTokenOfSlack"),
    "https://bob:p%40ss-word1@alerts.example/hook": ("p%40ss-word1", "p@ss-word1", "/hook"),
    "https://ntfy.example/my-own-topic": ("my-own-topic",),
    "https://x.example/a?key=k3y-of-mine&b=1": ("k3y-of-mine", "key=k3y-of-mine&b=1", "?key=k3y-of-mine"),
    "https://x.example/a#fr4gment": ("fr4gment",),
    "tgram://123456789:AbCdEfGh/12315544": ("123456789", "AbCdEfGh", "12315544"),
    "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js": ("4174216298", "JHMHI8qBe7bk2ZwO5U711o3dV_js"),
    "tls://siem.example:6514": (),
}  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_every_part_that_may_be_secret_is_masked(url: str) -> None:
    mask = mask_of([url])
    assert mask(f"cannot reach {url}!") == f"cannot reach {MASK}!"
    for part in URLS[url]:
        assert part not in mask(f"answered: <{part}> and {url}/more, {part}")


def test_host_and_plain_words_stay() -> None:
    mask = mask_of([next(iter(URLS))])
    assert (
        mask("hooks.slack.example: ConnectError in our services") == "hooks.slack.example: ConnectError in our services"
    )


@given(st.text("aA1%/?#@:&=._-~", min_size=1, max_size=30))
def test_no_url_is_told_whole_however_it_is_written(rest: str) -> None:
    url = f"https://{rest}"
    assert url not in mask_of([url])(f"a {url} b {url}")


def test_secrets_are_masked_too() -> None:
    assert mask_of([], ["whsec_abcdef", "old"])("with whsec_abcdef, old") == f"with {MASK}, old"


@pytest.mark.parametrize("json_lines", [False, True])
def test_no_line_of_the_log_holds_a_url_not_even_the_trace_of_a_fault(
    json_lines: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, stream = f'{next(iter(URLS))}/"ä', io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        log_to_stderr("INFO", json_lines=json_lines, mask=mask_of([url]))
        try:
            int(f"cannot post to {url}")
        except ValueError:
            logging.getLogger("canary.alerts").exception("alert to %s", url)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert MASK in stream.getvalue()
    assert "s3cretTokenOfSlack" not in stream.getvalue()
