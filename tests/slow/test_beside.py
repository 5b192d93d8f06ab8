"""The recipes for a mail server of one's own, as the page has them, with a real Postfix and a real Sieve interpreter."""

import json
import os
import pwd
import re
import shutil
import smtplib
import subprocess
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.dovecot import free_port
from tests.landing import mail
from tests.patience import PATIENCE
from tests.postfix import postfix
from tests.processes import ROOT, House, eventually

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs/beside.md").read_text()


def block(name: str) -> str:
    found = re.search(rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", PAGE, re.DOTALL)
    assert found, name
    return textwrap.dedent(found[1])


def on_this_machine(text: str, port: int) -> str:
    """What the page says, with the port that is free here and the domain of these tests."""
    text = text.replace("127.0.0.1:2424", f"127.0.0.1:{port}").replace("inbox\\.example", "in\\.example")
    return text.replace("inbox.example", "in.example").replace("/etc/postfix", "{config}")


@pytest.mark.parametrize("recipe", ["transport", "copy"])
def test_postfix_hands_over_the_mail_of_canaries(tmp_path: Path, recipe: str) -> None:
    port = free_port()
    environ = {"CANARY_SMTP__LISTEN": json.dumps([f"lmtp:127.0.0.1:{port}"]), "CANARY_SMTP__TRUSTED": '["127.0.0.1"]'}
    tables: Mapping[str, str]
    if recipe == "transport":
        more, tables = (
            "transport_maps = texthash:{config}/transport\n",
            {"transport": on_this_machine(block("transport"), port)},
        )
    else:
        names = ("canary_copy", "canary_transport", "canary_name")
        more, tables = (
            on_this_machine(block("main"), port),
            {name: on_this_machine(block(name), port) for name in names},
        )
    with House(tmp_path, environ).open() as house:
        address = house.vendor("Shop", "shop.example")
        with (
            house.running("up", until=("smtp listening on", "worker ready")),
            postfix({"nobody@nowhere.example": "discard:"}, tables, more) as server,
        ):
            with smtplib.SMTP(*server.place, timeout=PATIENCE) as client:
                content = mail(
                    "somebody@elsewhere.example", sender="win@bad.example", text="Win at https://bad.example/x"
                )
                client.sendmail("win@bad.example", [address, "me@in.example"], content)
            eventually(lambda: bool(house.canary("hits", "--json")))
            [hit] = [json.loads(line) for line in house.canary("hits", "--json").splitlines()]
            assert hit["address"] == address
            # Mail that Canary has no use for comes back to nobody.
            eventually(lambda: server.log.count("to=<me@in.example") >= 1)
            assert "sender non-delivery notification" not in server.log or recipe == "transport"


def test_sieve_gives_a_copy_to_the_folder() -> None:
    program = shutil.which("sieve-test")
    if program is None:
        pytest.skip("no sieve-test: `.ci/install test-tools` installs it")
    with tempfile.TemporaryDirectory(prefix="canary-sieve-") as made:
        place = Path(made)
        place.chmod(0o755)
        (place / "rules.sieve").write_text(block("sieve"))
        (place / "mail.eml").write_bytes(mail("x@elsewhere.example"))
        user = pwd.getpwnam("mail") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        chosen = (
            f"mail_uid={user.pw_uid}",
            f"mail_gid={user.pw_gid}",
            "first_valid_uid=1",
            "mail_location=maildir:/nonexistent",
        )
        options = [word for each in chosen for word in ("-o", each)]
        command = [program, *options, "-r", "shop@inbox.example", str(place / "rules.sieve"), str(place / "mail.eml")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "store message in folder: Canary" in done.stdout
    assert "INBOX" in done.stdout, "it is delivered as before, too"
