"""A whole receiver: its certificate and configuration change while it works, and it writes its numbers."""

import asyncio
import json
import re
import smtplib
import socket
import ssl
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from canary.canaries.address_cache import AddressCache
from canary.processes.certificate import CertificateFiles
from canary.processes.receiver import Lines, Receiver, ReceiverConfig, ReceiverDeps
from canary.processes.receiver_health import ReceiverFiles, registry_of, serve_metrics
from canary.smtp.admission import Limits
from canary.smtp.listeners import ListenAddress, open_listeners
from canary.spool.spool import Spool
from tests.patience import PATIENCE
from tests.sink import CANARY, Store

COMMON: dict[str, Any] = {"hostname": "mx.example.net", "domains": frozenset({"example.net"}), "limits": Limits()}
CONFIG = ReceiverConfig(**COMMON)
Work = Callable[[Receiver, int], Awaitable[None]]


def receiving(folder: Path, work: Work, config: ReceiverConfig = CONFIG, name: str = "smtp") -> list[str]:
    """Works with a receiver on a free port; answers its journal."""
    lines: list[str] = []

    async def main() -> None:
        spool = Spool(folder / f"{name}.db", reserve_bytes=0, max_backlog=1000)
        spool.start(lambda: datetime.now(UTC))
        book = AddressCache(Store().fetch, spool)
        numbers = folder / "metrics" / f"{name}.prom"
        place = ReceiverDeps(name, spool, book, numbers, lambda: datetime.now(UTC), lines.append, {"processes": 1})
        receiver = Receiver(config, place)
        await book.start()
        [door] = open_listeners([ListenAddress(host="127.0.0.1")])
        await receiver.start([door])
        try:
            await work(receiver, door.socket.getsockname()[1])
        finally:
            await receiver.stop(0.1)
            await book.stop()
            spool.close()

    asyncio.run(main())
    return lines


def send(port: int, to: str = CANARY) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("a@sender.example", [to], b"x\r\n")


def certificate(port: int) -> str:
    """Whose certificate a client is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.starttls(context=context)
        assert client.sock is not None
        shown = x509.load_der_x509_certificate(client.sock.getpeercert(binary_form=True))  # type: ignore[attr-defined]
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return str(names.get_values_for_type(x509.DNSName)[0])


def issue(folder: Path, name: str) -> CertificateFiles:
    chain = trustme.CA().issue_cert(name).private_key_and_cert_chain_pem
    chain.write_to_path(folder / "smtp.pem")
    return CertificateFiles(folder / "smtp.pem", folder / "smtp.pem")


def test_a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_is_not(tmp_path: Path) -> None:
    async def work(receiver: Receiver, port: int) -> None:
        assert await asyncio.to_thread(certificate, port) == "old.example.net"
        issue(tmp_path, "new.example.net")
        receiver.look()
        assert await asyncio.to_thread(certificate, port) == "new.example.net"
        (tmp_path / "smtp.pem").write_text("oops")
        receiver.look()
        assert await asyncio.to_thread(certificate, port) == "new.example.net"

    receiving(tmp_path, work, replace(CONFIG, tls=issue(tmp_path, "old.example.net")))


def test_a_configuration_is_taken_over_whole_or_not_at_all(tmp_path: Path) -> None:
    moved = replace(CONFIG, domains=frozenset({"moved.example"}), mask=True)

    async def work(receiver: Receiver, port: int) -> None:
        await asyncio.to_thread(send, port)
        with pytest.raises(OSError, match=r"none.pem"):
            receiver.adopt(replace(moved, tls=CertificateFiles(tmp_path / "none.pem", tmp_path / "none.pem")))
        await asyncio.to_thread(send, port)
        receiver.adopt(moved)
        with pytest.raises(smtplib.SMTPRecipientsRefused, match="Relaying denied"):
            await asyncio.to_thread(send, port)
        await asyncio.to_thread(send, port, "postmaster@moved.example")

    lines = receiving(tmp_path, work)
    assert ["play-x7k2m9@example.net" in line for line in lines] == [True, True, False, False]
    assert "p***@moved.example" in lines[-1]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (ReceiverConfig(proxies=("127.0.0.1",), **COMMON), "PROXY TCP4 203.0.113.7 127.0.0.1 4711 25"),
        (ReceiverConfig(xclient=("127.0.0.0/8",), **COMMON), "XCLIENT ADDR=203.0.113.7 PORT=4711"),
    ],
    ids=["PROXY", "XCLIENT"],
)
def test_only_machines_of_ours_may_name_a_client(tmp_path: Path, own: ReceiverConfig, said: str) -> None:
    def speak(port: int) -> str:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client, client.makefile("rb") as heard:
            lines = [said, "HELO x", "MAIL FROM:<>", f"RCPT TO:<{CANARY}>", "DATA", ".", "QUIT", ""]
            client.sendall("\r\n".join(lines).encode())
            return heard.read().decode()

    async def allowed(receiver: Receiver, port: int) -> None:
        assert "250 2.0.0 OK: queued" in await asyncio.to_thread(speak, port)

    async def forbidden(receiver: Receiver, port: int) -> None:
        assert re.search(r"^500 ", await asyncio.to_thread(speak, port), re.MULTILINE)

    [told] = map(json.loads, receiving(tmp_path, allowed, own))
    assert (told["client"]["ip"], told["client"]["port"]) == ("203.0.113.7", 4711)
    [told] = map(json.loads, receiving(tmp_path, forbidden))
    assert told["client"]["ip"] == "127.0.0.1"


def values(registry_text: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    return {
        (sample.name, *(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(registry_text)
        for sample in family.samples
    }


def told(folder: Path, now: float | None = None) -> dict[tuple[str, ...], float]:
    files = ReceiverFiles(folder / "metrics", lambda: now or time.time())
    return values(generate_latest(registry_of([files])).decode())


def test_the_numbers_of_every_receiver_can_be_read_from_outside(tmp_path: Path) -> None:
    async def outer(one: Receiver, first: int) -> None:
        await asyncio.to_thread(receiving, tmp_path, inner, CONFIG, "smtp-2")
        assert ("canary_smtp_up", "smtp-2") not in told(tmp_path)

    async def inner(two: Receiver, port: int) -> None:
        await asyncio.to_thread(send, port)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            await asyncio.to_thread(send, port, "no@example.net")
        stop = asyncio.Event()
        stop.set()
        await two.serve(stop)
        found = told(tmp_path)
        assert found["canary_smtp_up", "smtp-2"] == 1
        assert found["canary_smtp_mails_total", "kept", "smtp-2"] == 1
        assert found["canary_smtp_connections_total", "smtp-2"] == 2
        assert found["canary_smtp_refusals_total", "unknown", "smtp-2"] == 1
        assert found["canary_smtp_octets_total", "smtp-2"] == 3
        assert found["canary_smtp_commit_seconds_count", "smtp-2"] == 1
        assert found["canary_smtp_limit", "connections", "smtp-2"] == Limits().connections
        assert found["canary_spool_backlog", "smtp-2"] == 1
        assert not any("@" in word or "127.0.0" in word for sample in found for word in sample)

    receiving(tmp_path, outer)


def test_a_receiver_that_says_nothing_any_more_is_down_and_forgotten_after_a_day(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    file = tmp_path / "metrics/smtp.prom"
    file.write_text("# TYPE canary_smtp_sessions gauge\ncanary_smtp_sessions 7.0\n")
    at = file.stat().st_mtime
    assert told(tmp_path, at + 5) == {("canary_smtp_up", "smtp"): 1.0, ("canary_smtp_sessions", "smtp"): 7.0}
    assert told(tmp_path, at + 100) == {("canary_smtp_up", "smtp"): 0.0}
    assert told(tmp_path, at + 100_000) == {}


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{ what is this", b"canary_x nine\n"])
def test_a_file_that_holds_no_numbers_disturbs_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/smtp.prom").write_bytes(content)
    assert told(tmp_path) == {("canary_smtp_up", "smtp"): 1.0}


@pytest.mark.slow
def test_numbers_are_shown_at_an_address_of_their_own(tmp_path: Path) -> None:
    said: list[str] = []
    registry = registry_of([ReceiverFiles(tmp_path, time.time)])
    with serve_metrics(ListenAddress(host="127.0.0.1"), registry, said.append):
        place = said[0].removeprefix("metrics listening on ")
        with urllib.request.urlopen(f"http://{place}/metrics", timeout=PATIENCE) as answer:
            assert b"canary_smtp_up" in answer.read()


def test_an_address_in_use_is_reported_with_the_cure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        door = ListenAddress(host="127.0.0.1", port=taken.getsockname()[1])
        told = f"metrics cannot be shown at {door}: .*; set another address"
        with pytest.raises(OSError, match=told), serve_metrics(door, registry_of([]), print):
            raise AssertionError


def test_lines_are_written_many_at_a_time_and_none_is_lost() -> None:
    written: list[str] = []

    async def main() -> None:
        done = asyncio.Event()

        def write(text: str) -> None:
            written.append(text)
            if len(written) == 2:
                done.set()

        lines = Lines(write)
        for number in range(3):
            lines(str(number))
        lines.flush()
        lines("3")
        await done.wait()

    asyncio.run(main())
    assert written == ["0\n1\n2\n", "3\n"]
