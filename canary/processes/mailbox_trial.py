"""Trying a mailbox: log in, look into its folders, and see a self-test arrive."""

import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from canary.authenticate.message import split
from canary.inlets.faults import InletFault
from canary.inlets.imap_session import ImapSession
from canary.processes.mailbox_health import open_ledger
from canary.processes.mailbox_process import imap_account
from canary.processes.self_test import self_test_message, until_judged
from canary.processes.spools import clock
from canary.processes.stores import open_store
from canary.processes.trial_fault import TrialFailed
from canary.settings import Settings
from canary.store.queries.canaries import newest_active

_SECONDS = 60.0
_NEWEST = 30
_SHARE = 0.8


@contextmanager
def logged_in(known: Settings, name: str) -> Iterator[ImapSession]:
    """Log in to a mailbox while the block lasts; raises TrialFailed."""
    ledger = open_ledger(known)
    try:
        session = ImapSession(imap_account(name, known.inlet.imap[name], ledger))
        try:
            yield session
        finally:
            session.close()
    except InletFault as fault:
        raise TrialFailed(f"{name}: {fault}") from None
    finally:
        ledger.close()


def described(known: Settings, name: str, session: ImapSession) -> str:
    """Open each folder, and return what is there."""
    there = session.folders()
    missing = [folder for folder in known.inlet.imap[name].folders if folder not in there]
    if missing:
        raise TrialFailed(f"{name}: there is no folder {missing[0]!r}; there are {', '.join(there[:20])}")
    counts = [f"{session.open(folder).mails:,} mails in {folder}" for folder in known.inlet.imap[name].folders]
    news = "reports new mail at once" if session.is_able_to_idle else "does not report new mail: it is looked for"
    return f"{name}: logged in; {', '.join(counts)}; the server {news}"


def likely_receiver(session: ImapSession) -> str:
    """Return who wrote results on almost all of the newest mails of the open folder, empty where nobody did."""
    uids = session.newest(_NEWEST)
    names: Counter[str] = Counter()
    for uid in uids:
        results = split(session.header(uid)).named(b"authentication-results")
        if results:
            names[results[0].value.partition(b";")[0].strip().decode("ascii", "replace").lower()] += 1
    host, count = names.most_common(1)[0] if names else ("", 0)
    return host if "." in host and " " not in host and count >= _SHARE * len(uids) else ""


def looked_into(known: Settings, name: str) -> str:
    """Return what is in a Maildir; raises TrialFailed for what is none."""
    path = known.inlet.maildir[name].path
    if not all((path / part).is_dir() for part in ("new", "cur", "tmp")):
        raise TrialFailed(f"{path}: is not a Maildir; name a folder that has new, cur and tmp")
    if not os.access(path / "new", os.R_OK | os.X_OK):
        raise TrialFailed(f"{path}: cannot be read; let this user read it")
    count = sum(1 for part in ("new", "cur") for _ in os.scandir(path / part))
    return f"{name}: {count:,} mails in {path}"


def self_tested(
    known: Settings,
    name: str,
    note: Callable[[str], None] = lambda _: None,
    found_there: Callable[[str], None] = lambda _: None,
) -> tuple[str, float | None]:
    """Put a self-test into a mailbox and wait; return what is there, and the seconds until it was judged.

    `found_there` gets what is there before the self-test is put in, `note` what stays to be done. Raises OSError in one line.
    """
    with closing(open_store(known)) as store, store.reading() as reading:
        address = newest_active(reading)
    begun = clock()
    message = self_test_message(known, address, begun) if address else None

    def judged() -> float:
        # Servers say to the second when a mail came.
        since = begun.replace(microsecond=0) - timedelta(minutes=2)
        return (
            until_judged(known, str(message["Message-ID"] if message else ""), since, clock, _SECONDS + 120) - begun
        ).total_seconds()

    content = message.as_bytes().replace(b"\n", b"\r\n") if message else b""
    if name in known.inlet.maildir:
        found = looked_into(known, name)
        found_there(found)
        if message is None:
            return found, None
        with _laid_into(known.inlet.maildir[name].path, content):
            return found, judged()
    with logged_in(known, name) as session:
        found = described(known, name, session)
        found_there(found)
        if message is None:
            return found, None
        folder = known.inlet.imap[name].folders[0]
        uid = session.append(folder, content, begun)
        try:
            return found, judged()
        finally:
            session.open(folder, writable=True)
            if not (uid and session.remove(uid)):
                note(f"The self-test stays in {folder}; delete it as you like")


@contextmanager
def _laid_into(path: Path, content: bytes) -> Iterator[None]:
    name = f"{int(clock().timestamp())}.{secrets.token_hex(8)}.canary"
    try:
        (path / "tmp" / name).write_bytes(content)
        (path / "tmp" / name).rename(path / "new" / name)
    except OSError as fault:
        raise TrialFailed(f"{path}: {fault.strerror}: no self-test can be put in; let this user write there") from None
    try:
        yield
    finally:
        for file in (path / "new" / name, *(path / "cur").glob(f"{name}*")):
            file.unlink(missing_ok=True)
