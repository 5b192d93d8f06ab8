"""aiosmtpd's own tests, from its release as locked, run against our classes: what passes, and why each other one does not.

Replies are compared by their code, as ours have words and enhanced codes of their own (RFC 2034).
"""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from tests.processes import ROOT

pytestmark = pytest.mark.slow

LEAST = 395
"""Of its 557 tests; when a new release has others, look through `REFUSED` again."""

REFUSED = {
    "nobody submits mail here: AUTH is 502, and not announced":
        r"test_smtp\.(TestSMTPAuth|TestAuthMechanisms|TestAuthenticator|TestRequiredAuthentication)::"
        r"|test_handlers\.TestHooks::test_hook_AUTH|test_smtp\.TestAuthArgs::test_warn_authreqnotls|test_starttls\.TestRequireTLSAUTH::",
    "TLS is never required: a leak is worth seeing in the clear too":
        r"test_starttls\.TestRequireTLS::|test_main\.TestMainByWatcher::test_tls$",
    "HELP is one line, under the code that RFC 5321 4.2.2 has for it": r"::test_help",
    "no mail is lost for the way an address is written: comments and bare escapes are no part of RFC 5321, all else is taken":
        r"TestSMTP::test_(mail|rcpt)(_esmtp)?_(in)?valid_address\[|::test_limitlocalpart$",
    "parameters are taken after HELO too, and what is none of ours is 555":
        r"TestSMTP::test_(mail|rcpt)_e?smtp_errsyntax\[",
    "VRFY is 252 whatever is asked": r"TestSMTP::test_vrfy_n",
    "a line without end ends the session": r"::test_way_too_long_command$",
    "a fault of ours is 451, so that the sender comes again; nothing is said of what it was":
        r"::test_unexpected_errors_unhandled$|::test_exception_handler_",
    "lines of a mail may have any length": r"::test_(data_line_too_long|long_line_|too_long_line)|::test_too_long_body_delay",
    "octets are kept as they came: nothing is decoded, and nothing but what RFC 5321 forbids is refused":
        r"::test_dots_escaped$|::test_message_decoded$|::test_bad_encodings$|TestStrictASCII::",
    "hooks of before 1.1 are not called": r"TestDeprecation::test_process_message",
    "unknown verbs and repeated ones have the limits of all errors and commands of a session": r"TestLimits::",
    "an idle client is told why it has to go": r"TestTimeout::|TestSleepingHandler::|TestWithController::test_(timeout|incomplete)",
    "replies of one turn are one write, and no writer is closed by the session itself": r"TestProtocol::|TestClientCrash::",
    "STARTTLS is 502 where it is not offered; a handshake that fails ends the connection, and is no fault of ours":
        r"::test_disabled_tls$|::test_failed_handshake$|::test_tls_handshake_failing$",
}  # fmt: skip


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked release, its hash as in the lock."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    locked = next(package["sdist"] for package in packages if package["name"] == "aiosmtpd")
    try:
        with urllib.request.urlopen(locked["url"], timeout=30) as answer:
            octets = answer.read()
    except OSError as fault:
        pytest.skip(f"no network: aiosmtpd's release with its tests cannot be had ({fault})")
    assert f"sha256:{hashlib.sha256(octets).hexdigest()}" == locked["hash"]
    folder = tmp_path_factory.mktemp("aiosmtpd")
    with tarfile.open(fileobj=io.BytesIO(octets)) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.iterdir())


def outcomes(suite: Path) -> tuple[list[str], list[str]]:
    """The names of the tests that pass and of those that do not."""
    settings, report = suite / "ours.ini", suite / "report.xml"
    settings.write_text("[pytest]\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        str(settings),
        "--rootdir",
        str(suite),
        "-p",
        "no:cacheprovider",
    ]
    command += ["-p", "tests.aiosmtpd_plugin", "--timeout", "30", f"--junitxml={report}", "aiosmtpd/tests"]
    environ = {**os.environ, "PYTHONPATH": f"{suite}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, cwd=suite, env=environ, capture_output=True, text=True, check=False, timeout=500)
    assert report.exists(), done.stdout + done.stderr
    passed, failed = list[str](), list[str]()
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.attrib['classname'].removeprefix('aiosmtpd.tests.')}::{case.attrib['name']}"
        (failed if case.find("failure") is not None or case.find("error") is not None else passed).append(name)
    return passed, failed


def test_its_tests_pass_but_for_those_that_ask_for_what_is_refused_here(suite: Path) -> None:
    passed, failed = outcomes(suite)
    reasons = Counter(dict.fromkeys(REFUSED, 0))
    unexplained = []
    for name in failed:
        found = [reason for reason, pattern in REFUSED.items() if re.search(pattern, name)]
        reasons.update(found)
        unexplained += [] if found else [name]
    print(f"{len(passed)} tests of aiosmtpd pass, {len(failed)} do not:")
    for reason, count in reasons.most_common():
        print(f"{count:>5}  {reason}")
    assert unexplained == []
    assert [reason for reason, count in reasons.items() if not count] == []
    assert len(passed) >= LEAST
