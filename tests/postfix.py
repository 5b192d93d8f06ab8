"""A Postfix of our own on loopback: configuration and queue in a folder, ended with the block."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import PATIENCE

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = postfix
myhostname = relay.example
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtp_tls_security_level = may
lmtp_tls_security_level = may
smtputf8_enable = yes
message_size_limit = 0
default_transport = discard:
mailbox_size_limit = 0
sender_dependent_default_transport_maps = inline:{{ {routes} }}
"""

NOTHING: Mapping[str, str] = {}
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
discard unix - - n - - discard
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Takes mail at `place`; what it logs is in `log`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.place = ("127.0.0.1", port)
        self._log = folder / "log"

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""


@contextmanager
def postfix(routes: Mapping[str, str], tables: Mapping[str, str] = NOTHING, more: str = "") -> Iterator[Postfix]:
    """Runs a Postfix that relays by the sender: `routes` maps its address to a transport and next hop.

    `more` are further lines of main.cf, with {config} for the folder in which the `tables` are.
    """
    program = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("no postfix: `.ci/install test-tools` installs it")
    if os.geteuid():
        pytest.skip("only root can start a Postfix")
    # Its own user must reach the folder, which he could not among ours.
    folder = Path(tempfile.mkdtemp(prefix="canary-postfix-"))
    try:
        folder.chmod(0o755)
        config, port = _written(folder, routes, tables, more)
        command = [program, "-c", str(config)]
        subprocess.run([*command, "start"], check=True, capture_output=True, timeout=PATIENCE)
        try:
            yield Postfix(folder, port)
        finally:
            subprocess.run([*command, "stop"], check=False, capture_output=True, timeout=PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(folder: Path, routes: Mapping[str, str], tables: Mapping[str, str], more: str) -> tuple[Path, int]:
    config = folder / "config"
    for made in (config, folder / "queue", folder / "data"):
        made.mkdir()
    shutil.chown(folder / "data", "postfix")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
    pairs = ", ".join(f"{{ {sender} = {hop} }}" for sender, hop in routes.items())
    for name, text in tables.items():
        (config / name).write_text(text)
    (config / "main.cf").write_text(_MAIN.format(folder=folder, routes=pairs) + more.format(config=config))
    (config / "master.cf").write_text(_MASTER.format(port=port))
    return config, port
