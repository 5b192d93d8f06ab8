"""The key of the decoys: made at first use, recognised by its fingerprint, given up only when asked."""

from sqlmodel import Session

from canary.store.decoy_mac import decoy_mac_of
from canary.store.locks import Lock, lock
from canary.store.tables import KeyFingerprintRow

_NAME = "decoy"


def prepare_key(session: Session, *, replace: bool = False) -> str:
    """Make the key at first use; return in a line what is wrong with it, or nothing.

    `replace` gives up a key that is lost: its decoys count as issued from then on. Raises OSError and ValueError.
    """
    lock(session, Lock.DECOYS)
    if not replace and session.get(KeyFingerprintRow, _NAME) is not None:
        return key_problem(session)
    mac = decoy_mac_of(session)
    mac.make_key()
    session.merge(KeyFingerprintRow(name=_NAME, fingerprint=mac.fingerprint()))
    session.flush()
    return ""


def key_problem(session: Session) -> str:
    """Return in a line that the key is missing or another one, and what follows; nothing if all is well."""
    mac, made_by = decoy_mac_of(session), session.get(KeyFingerprintRow, _NAME)
    if made_by is None or (mac.key() is not None and mac.fingerprint() == made_by.fingerprint):
        return ""
    what = "missing" if mac.key() is None else "not the one that made the decoys"
    return (
        f"decoy key {mac.file}: {what}; decoys count as issued addresses, and mail to them as their vendors' leaks:"
        " put your copy there"
    )
