"""A Dovecot of our own on loopback, in the place of a provider: its mailboxes are Maildirs in a folder that ends with the block."""

import contextlib
import grp
import imaplib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.patience import PATIENCE

USER, PASSWORD = "me@in.example", "only-for-this-run"

_CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {login}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login{mechanisms}
mail_location = maildir:{folder}/mail/%u
mailbox_idle_check_interval = 1 secs
mail_max_userip_connections = 100
passdb {{
  driver = static
  args = password={password}
}}
{more}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
_OAUTH = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
"""


class Dovecot:
    """A server at `port`, and with TLS at `tls_port`, with the certificate `certificate`; any user has a mailbox in it."""

    def __init__(self, folder: Path, introspection: str) -> None:
        self.folder, self.certificate = folder, folder / "cert.pem"
        self.port, self.tls_port = free_port(), free_port()
        self._introspection = introspection
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._write()
        command = [_program(), "-F", "-c", str(self.folder / "dovecot.conf")]
        self._process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        end, pause = time.monotonic() + PATIENCE, threading.Event()
        while time.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                pause.wait(0.05)
            else:
                return
        raise AssertionError(f"Dovecot does not listen: {self.log[-2000:]}")

    def kill(self) -> None:
        """End it and all of its processes at once."""
        assert self._process
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE)

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @contextmanager
    def session(self, user: str = USER) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            client.login(user, PASSWORD)
            yield client
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                client.logout()

    def deliver(self, *mails: bytes, folder: str = "INBOX", user: str = USER, at: datetime | None = None) -> None:
        """Put mails into a folder, as if they had come at a time."""
        with self.session(user) as client:
            for mail in mails:
                date = imaplib.Time2Internaldate(at or datetime.now(UTC))
                status, answer = client.append(folder, "", date, mail)
                assert status == "OK", answer

    def create(self, folder: str, user: str = USER) -> None:
        with self.session(user) as client:
            assert client.create(folder)[0] == "OK"

    def flags(self, folder: str = "INBOX", user: str = USER) -> list[str]:
        """The flags of all mails of a folder."""
        with self.session(user) as client:
            client.select(folder, readonly=True)
            found = client.fetch("1:*", "(FLAGS)")[1]
            return [line.decode().partition("FLAGS ")[2].rstrip(")") + ")" for line in found if isinstance(line, bytes)]

    def count(self, folder: str = "INBOX", user: str = USER) -> int:
        with self.session(user) as client:
            answer = client.select(folder, readonly=True)[1][0]
            return int(answer or 0)

    def maildir(self, user: str = USER) -> Path:
        return self.folder / "mail" / user

    def _write(self) -> None:
        mail_user, login, group = _users()
        oauth = _OAUTH.format(folder=self.folder) if self._introspection else ""
        (self.folder / "dovecot.conf").write_text(
            _CONFIG.format(
                folder=self.folder, login=login, group=group, user=mail_user, port=self.port, tls_port=self.tls_port,
                password=PASSWORD, mechanisms=" xoauth2" if oauth else "", more=oauth,
            )
        )  # fmt: skip
        if oauth:
            conf = (
                f"introspection_mode = post\nintrospection_url = {self._introspection}\nusername_attribute = username\n"
            )
            (self.folder / "oauth2.conf").write_text(conf + "active_attribute = active\nactive_value = true\n")


@contextmanager
def dovecot(introspection: str = "") -> Iterator[Dovecot]:
    """Runs a Dovecot; with an address for introspection it believes the access tokens that are known there."""
    _program()
    # Its own users must reach the folder, which they could not among ours.
    folder = Path(tempfile.mkdtemp(prefix="canary-dovecot-"))
    folder.chmod(0o755)
    for made in (folder / "mail", folder / "home"):
        made.mkdir()
        if os.geteuid() == 0:
            shutil.chown(made, _users()[0], _users()[2])
    _make_certificate(folder)
    server = Dovecot(folder, introspection)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _program() -> str:
    found = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip("no dovecot: `.ci/install test-tools` installs it")
    return found


def _users() -> tuple[str, str, str]:
    """The users of mail and of log-in, and their group: root gives its power away, anybody else keeps what they have."""
    if os.geteuid() == 0:
        return "mail", "dovecot", "dovecot"
    me = pwd.getpwuid(os.geteuid()).pw_name
    return me, me, grp.getgrgid(os.getegid()).gr_name


def _make_certificate(folder: Path) -> None:
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    made = [*command.split(), "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(made, check=True, capture_output=True, timeout=PATIENCE)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
