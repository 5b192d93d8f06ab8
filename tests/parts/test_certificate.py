"""The certificate of STARTTLS: made if none is given, read again when it changes, never lost to a broken file."""

import logging
import shutil
import socket
import ssl
import stat
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from canary.processes.certificate import Certificate, CertificateFiles, given_or_made
from tests.conftest import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))


def made(folder: Path, clock: Clock, hostname: str = "mx.example.net") -> Certificate:
    return Certificate(given_or_made(None, None, folder / "tls", hostname), clock)


def shown(context: ssl.SSLContext, **versions: ssl.TLSVersion) -> x509.Certificate:
    """What a client sees that shakes hands with this context."""
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    for name, version in versions.items():
        setattr(client, name, version)
    here, there = socket.socketpair()
    server = threading.Thread(target=lambda: _shake(context, there))
    server.start()
    try:
        with client.wrap_socket(here) as channel:
            return x509.load_der_x509_certificate(channel.getpeercert(binary_form=True) or b"")
    finally:
        server.join()


def _shake(context: ssl.SSLContext, side: socket.socket) -> None:
    try:
        with context.wrap_socket(side, server_side=True) as channel:
            channel.read()
    except OSError:
        side.close()


def issue(folder: Path, name: str) -> CertificateFiles:
    files = CertificateFiles(folder / "chain.pem", folder / "key.pem")
    certificate = trustme.CA().issue_cert(name)
    certificate.private_key_pem.write_to_path(files.key)
    certificate.cert_chain_pems[0].write_to_path(files.certificate)
    return files


def name_in(certificate: x509.Certificate) -> str:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return str(names.get_values_for_type(x509.DNSName)[0])


def test_without_a_certificate_one_is_made_on_p256_and_kept(tmp_path: Path, clock: Clock) -> None:
    first, second = (shown(made(tmp_path, clock).context) for _ in range(2))
    assert first == second
    key = first.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert name_in(first) == "mx.example.net"
    assert b"canary" not in first.public_bytes(serialization.Encoding.DER).lower()
    assert stat.S_IMODE((tmp_path / "tls/smtp.pem").stat().st_mode) == 0o600


def test_a_made_certificate_is_renewed_before_it_ends(tmp_path: Path, clock: Clock) -> None:
    certificate = made(tmp_path, clock)
    before = shown(certificate.context)
    clock.move(timedelta(days=360).total_seconds())
    assert not certificate.look()
    clock.move(timedelta(days=10).total_seconds())
    assert certificate.look()
    after = shown(certificate.context)
    assert after.not_valid_after_utc - before.not_valid_after_utc == timedelta(days=370)
    assert not certificate.look()


@pytest.mark.parametrize(
    "spoil", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"]
)
def test_a_made_certificate_that_is_damaged_is_made_again(tmp_path: Path, clock: Clock, spoil: str) -> None:
    made(tmp_path, clock)
    (tmp_path / "tls/smtp.pem").write_text(spoil)
    assert name_in(shown(made(tmp_path, clock).context)) == "mx.example.net"


def test_another_name_makes_another_certificate(tmp_path: Path, clock: Clock) -> None:
    long = f"{'x' * 60}.{'y' * 60}.example.net"
    assert name_in(shown(made(tmp_path, clock).context)) == "mx.example.net"
    assert name_in(shown(made(tmp_path, clock, long).context)) == long


def test_a_certificate_that_changes_is_read_again(tmp_path: Path, clock: Clock) -> None:
    certificate = Certificate(issue(tmp_path, "old.example.net"), clock)
    assert not certificate.look()
    issue(tmp_path, "new.example.net")
    assert certificate.look()
    assert name_in(shown(certificate.context)) == "new.example.net"


@pytest.mark.parametrize("broken", ["text", "gone", "of another key"])
def test_a_broken_one_leaves_the_one_from_before_and_is_logged_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    certificate = Certificate(issue(tmp_path, "old.example.net"), clock)
    if broken == "text":
        (tmp_path / "chain.pem").write_text("oops")
    elif broken == "gone":
        (tmp_path / "chain.pem").unlink()
    else:
        shutil.copy(issue(_made(tmp_path / "other"), "x.example.net").key, tmp_path / "key.pem")
    assert [certificate.look() for _ in range(3)] == [False] * 3
    [told] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "chain.pem" in told.getMessage()
    assert "from before stays in use" in told.getMessage()
    assert name_in(shown(certificate.context)) == "old.example.net"
    issue(tmp_path, "new.example.net")
    assert certificate.look()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_one_that_is_broken_at_the_start_is_reported_with_the_cure(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "a.pem").write_text("oops")
    with pytest.raises(OSError, match=r"a.pem with key .*a.pem cannot be used: .*; give a PEM chain"):
        Certificate(given_or_made(tmp_path / "a.pem", None, tmp_path, "x"), clock)


def test_a_key_with_a_password_is_reported_and_asks_no_terminal(tmp_path: Path, clock: Clock) -> None:
    files = issue(tmp_path, "x.example.net")
    locked = str(tmp_path / "locked.pem")
    command = "openssl pkey -aes256 -passout pass:secret -in".split()
    subprocess.run([*command, str(files.key), "-out", locked], check=True)
    with pytest.raises(OSError, match="without password"):
        Certificate(CertificateFiles(files.certificate, Path(locked)), clock)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(tmp_path: Path, clock: Clock, version: ssl.TLSVersion) -> None:
    seen = shown(made(tmp_path, clock).context, minimum_version=version, maximum_version=version)
    assert name_in(seen) == "mx.example.net"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_1_is_not(tmp_path: Path, clock: Clock) -> None:
    old = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        shown(made(tmp_path, clock).context, minimum_version=old, maximum_version=old)
