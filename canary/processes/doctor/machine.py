"""Checks of the machine: versions, disk, permissions, clock, certificate."""

import ctypes
import os
import platform
import shutil
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import func, select

import canary
from canary.alerts.health_check import ENDING
from canary.private_files import exposed_files
from canary.processes.certificate import given_or_made
from canary.processes.doctor.finding import CheckFailed, Examined, Note
from canary.processes.role_lock import role_holder
from canary.processes.roles import all_roles, waiting_roles
from canary.store.identity import newest_version
from canary.store.tables import AuditRow, MailRow

_SLACK = timedelta(minutes=5)
_TIME_ERROR = 5
_TIMEX_OCTETS = 512


def versions(examined: Examined) -> str:
    """Say which versions there are, and whether something older still runs."""
    text = (
        f"Canary {canary.__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"schema {newest_version()}"
    )
    roles = [*all_roles(examined.settings), *waiting_roles(examined.settings)]
    older = [role for role in roles if _is_older(examined.settings.data, role)]
    return Note(f"{text}; since before it was installed run {', '.join(older)}: restart Canary") if older else text


def _is_older(data: Path, role: str) -> bool:
    process = role_holder(data, role)
    try:
        installed = Path(canary.__file__).stat().st_ctime
        return bool(process) and Path(f"/proc/{process}").stat().st_mtime < installed
    except OSError:
        return False


def disk(examined: Examined) -> str:
    """Look at the data folder and the space there."""
    folder, reserve = examined.settings.data, examined.settings.smtp.spool_reserve
    if not os.access(folder, os.W_OK):
        raise CheckFailed(f"{folder} cannot be written; make it, or set data")
    free = shutil.disk_usage(folder).free
    if free <= reserve:
        raise CheckFailed(
            f"{free // 2**20} MB free, less than smtp.spool_reserve: mail is refused for the moment; free some space, or move data"
        )
    return f"{free // 2**20} MB free"


def files(examined: Examined) -> str:
    """Look for files that others can read."""
    settings, written = examined.settings, examined.config
    keys = [path for path in (settings.decoys.key_file, settings.smtp.tls_key) if path]
    if found := exposed_files(settings.data, *keys):
        raise CheckFailed(
            f"{_some(found)} can be read by others; run chmod -R go= {' '.join(map(str, (settings.data, *keys)))}"
        )
    if written and settings.has_secrets and written.stat().st_mode & 0o007:
        raise CheckFailed(f"{written} holds secrets and can be read by everybody; run chmod o= {written}")
    return "private"


def _some(found: Sequence[Path]) -> str:
    return str(found[0]) + (f" and {len(found) - 1} more" if len(found) > 1 else "")


def clock(examined: Examined) -> str:
    """Compare the clock with what the store has seen and with the program's own age, and ask the kernel."""
    now = examined.clock()
    newest, what = _newest(examined)
    if now + _SLACK < newest:
        raise CheckFailed(
            f"the clock says {now:%Y-%m-%d %H:%M} UTC, and {what} {newest:%Y-%m-%d %H:%M}: set it, and keep it by"
            " `timedatectl set-ntp true`"
        )
    if _unsynchronised():
        return Note(
            f"{now:%Y-%m-%d %H:%M} UTC, which nothing keeps right, says the kernel: run `timedatectl set-ntp true` on the machine"
        )
    return f"{now:%Y-%m-%d %H:%M} UTC"


def _newest(examined: Examined) -> tuple[datetime, str]:
    built = datetime.fromtimestamp(Path(canary.__file__).stat().st_mtime, UTC)
    with examined.reading() as session:
        newest: list[datetime | None] = [
            session.exec(select(func.max(at))).one() for at in (MailRow.received_at, AuditRow.at)
        ]
    seen = [(at, "the store has entries of") for at in newest if at is not None]
    return max([(built, "this program was made on"), *seen])


def _unsynchronised() -> bool:
    try:
        return bool(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_OCTETS)) == _TIME_ERROR)
    except (OSError, AttributeError):  # not Linux
        return False


def certificate(examined: Examined) -> str:
    """Look at the end of the certificate of STARTTLS."""
    from cryptography import x509  # noqa: PLC0415 - nothing else of the doctor needs it

    settings = examined.settings
    smtp = settings.smtp
    if not smtp.starttls:
        return Note("STARTTLS is off (smtp.starttls); senders send in the clear")
    found = given_or_made(smtp.tls_certificate, smtp.tls_key, settings.data / "tls", smtp.hostname)
    if found.made and not found.certificate.exists():
        return "the listener makes its own at its first start"
    try:
        ends = x509.load_pem_x509_certificate(found.certificate.read_bytes()).not_valid_after_utc
    except ValueError as fault:
        raise CheckFailed(f"{found.certificate} is no certificate ({fault}); give a PEM chain") from None
    left, cure = ends - examined.clock(), "restart Canary, which makes a new one" if found.made else "renew it"
    if left < ENDING:
        raise CheckFailed(f"{found.certificate} {'ended' if left < timedelta() else 'ends'} on {ends:%Y-%m-%d}: {cure}")
    return f"{'our own, ' if found.made else ''}good until {ends:%Y-%m-%d}"
