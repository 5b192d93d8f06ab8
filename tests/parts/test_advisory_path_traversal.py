"""Ids and names of clients became paths of files elsewhere. Here nothing a client says names a file."""

import smtplib
from pathlib import Path

import pytest

from tests.sink import CANARY, Sink

WORDS = ["../../../../tmp/evil", "/etc/passwd", "..\\..\\evil", "a/../../b", "~/evil", "%2e%2e%2fevil", "CON", "."]


def send(sink: Sink, word: str) -> None:
    content = (
        f'Message-ID: <{word}>\r\nSubject: {word}\r\nContent-Disposition: attachment; filename="{word}"\r\n\r\nx\r\n'
    )
    with smtplib.SMTP(*sink.place) as client:
        client.helo(word)
        client.mail(f"{word}@sender.example")
        client.rcpt(CANARY)
        client.data(content)


@pytest.mark.parametrize("word", WORDS)
def test_no_word_of_a_client_is_the_name_of_a_file(tmp_path: Path, word: str) -> None:
    folder = tmp_path / "a" / "b" / "spool"
    folder.mkdir(parents=True)
    with Sink(folder) as sink:
        before = {path for path in tmp_path.rglob("*") if "spool.db" not in path.name}
        send(sink, word)
        assert len(sink.mails()) == 1
        assert {path for path in tmp_path.rglob("*") if "spool.db" not in path.name} == before


def test_a_key_is_made_of_our_own_letters_and_means_nothing_to_a_file_system(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink:
        send(sink, "../../evil")
        [mail] = sink.mails()
        uid, number = mail.key.split("-")
        assert (len(uid), int(uid, 16) > 0, number) == (16, True, "1")
        sink.spool.done(["../../spool.db", f"{uid}/../x-1", "-1", f"{uid}-../1", f"{uid}-1e3"])
        assert len(sink.mails()) == 1
