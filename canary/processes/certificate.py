"""The certificate of STARTTLS: the one given or one of our own making, read again whenever its files change."""

import logging
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

log = logging.getLogger("canary.smtp")

_LIFE = timedelta(days=397)
_RENEW = timedelta(days=30)

# What distinguishes one state of the files from another: for each its inode, size and time of change.
_State = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where certificate and key are; `made` says that we make them ourselves, for this name."""

    certificate: Path
    key: Path
    made: str = ""


def given_or_made(certificate: Path | None, key: Path | None, folder: Path, hostname: str) -> CertificateFiles:
    """Return the files of the settings, or else one file in the folder."""
    if certificate is None:
        return CertificateFiles(folder / "smtp.pem", folder / "smtp.pem", made=hostname)
    return CertificateFiles(certificate, key or certificate)


class Certificate:
    """Holds the TLS context that new sessions begin with; `look` renews it."""

    def __init__(self, given: CertificateFiles, clock: Callable[[], datetime]) -> None:
        """Reads or makes it; raises OSError naming the file and the cure."""
        self.given = given
        self._clock = clock
        self._make_if_due()
        self._state = self._look_at_files()
        self._fault = ""
        self.context = self._read()

    def look(self) -> bool:
        """Reads the files again if they have changed; returns whether there is a new context.

        Files that cannot be used are logged once, and the context from before stays.
        """
        try:
            self._make_if_due()
            state = self._look_at_files()
            if state == self._state:
                return False
            self._state = state
            self.context = self._read()
        except OSError as fault:
            self._complain(str(fault))
            return False
        self._fault = ""
        log.warning("TLS certificate read again from %s", self.given.certificate)
        return True

    def _complain(self, fault: str) -> None:
        if fault != self._fault:
            log.error("%s; the TLS certificate from before stays in use", fault)
        self._fault = fault

    def _look_at_files(self) -> _State:
        found = [path.stat() for path in (self.given.certificate, self.given.key)]
        return tuple((file.st_ino, file.st_size, file.st_mtime_ns) for file in found)

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A client comes back with one session at a time; each further ticket costs 20 of a session's 1,000 us.
        context.num_tickets = 1
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        try:
            # No terminal is asked for a password: a key that needs one cannot be used here.
            context.load_cert_chain(self.given.certificate, self.given.key, password=lambda: b"")
        except (OSError, ValueError) as fault:
            raise OSError(
                f"TLS certificate {self.given.certificate} with key {self.given.key} cannot be used: "
                f"{_reason(fault)}; give a PEM chain and its key without password"
            ) from fault
        return context

    def _make_if_due(self) -> None:
        if self.given.made and not self._lasts():
            _write(self.given.certificate, make_pem(self.given.made, self._clock()))

    def _lasts(self) -> bool:
        try:
            found = x509.load_pem_x509_certificate(self.given.certificate.read_bytes())
        except (OSError, ValueError):
            return False
        named = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        ours = bool(named) and named[0].value == _common_name(self.given.made)
        return ours and found.not_valid_after_utc - self._clock() > _RENEW


def make_pem(hostname: str, now: datetime) -> bytes:
    """Return a key on P-256 and a certificate signed with it, for a name and a year, that reveals nothing about us."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _common_name(hostname))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def _common_name(hostname: str) -> str:
    return hostname[:64]  # the most that X.509 allows; the whole name is in the SAN


def _write(path: Path, pem: bytes) -> None:
    """Writes key and certificate as one file that is there whole or not at all, even if other processes do the same."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        fresh.replace(path)
    except OSError as fault:
        raise OSError(
            f"TLS certificate {path} cannot be written: {fault.strerror}; check the folder and its owner"
        ) from fault


def _reason(fault: Exception) -> str:
    return str(getattr(fault, "reason", None) or getattr(fault, "strerror", None) or fault)
