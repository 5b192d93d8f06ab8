"""One connection to a mailbox by IMAP (RFC 9051): looks without marking anything as seen, and asks for sizes before mails."""

import imaplib
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from imap_tools import BaseMailBox, ImapToolsError, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import MailboxFolderSelectError, MailboxLoginError
from imap_tools.utils import encode_folder

from canary.inlets.faults import InletFault

SECONDS = 60.0
"""So long one answer may take."""

_FOR_NOW = ("[UNAVAILABLE]", "[LIMIT]", "[INUSE]", "[SERVERBUG]")
"""What a server says that cannot look at the password just now (RFC 5530)."""

_UID = re.compile(rb"\bUID (\d{1,10})\b")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d{1,12})\b")
_APPENDED = re.compile(rb"\bAPPENDUID \d+ (\d{1,10})\b")
_DATE = re.compile(rb'\bINTERNALDATE "([^"]{20,40})"')


class TokenSource(Protocol):
    """Where access tokens come from."""

    def current(self) -> str:
        """Return one that is valid for some minutes; raises InletFault."""

    def discard(self) -> None:
        """Forget one that the server refused."""


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """A mailbox and how to log in: with a password, or else with an access token."""

    host: str
    port: int
    security: str
    ca_file: Path | None
    user: str
    password: str
    token: TokenSource | None = None


@dataclass(frozen=True, slots=True)
class FolderStatus:
    """A folder as it was opened: its UIDVALIDITY, the UID that the next mail gets (0 if unsaid), and how many it holds."""

    validity: int
    next_uid: int
    mails: int


@dataclass(frozen=True, slots=True)
class MailItem:
    """A mail in a folder: its UID, size in octets, and when the server says that it came."""

    uid: int
    size: int
    delivered: datetime | None = None


class ImapSession:
    """A mailbox that is logged in to; every method raises InletFault."""

    def __init__(self, account: ImapAccount) -> None:
        """Connect and log in."""
        self.account, self.folder, self.validity = account, "", 0
        self._box = self._connected()
        try:
            self.capabilities = self._logged_in()
        except BaseException:
            self.close()
            raise

    def folders(self) -> list[str]:
        """Return the names of all folders."""
        with self._explained("list folders"):
            return [folder.name for folder in self._box.folder.list()]

    def open(self, folder: str, *, writable: bool = False) -> FolderStatus:
        """Open a folder, or look at it again; unless `writable`, the server lets nothing in it be changed."""
        with self._explained(f"open folder {folder!r}"):
            self._box.folder.set(folder, readonly=not writable)
            self.folder = folder
            said = {name: _number(self._box.client.response(name)) for name in ("UIDVALIDITY", "UIDNEXT", "EXISTS")}
        self.validity = said["UIDVALIDITY"]
        return FolderStatus(self.validity, said["UIDNEXT"], said["EXISTS"])

    def items(self, first: int, last: int) -> list[MailItem]:
        """Return the mails from one UID to another, in their order; 0 as last means all further ones."""
        lines = self._fetch(f"{first}:{last or '*'}", "(UID RFC822.SIZE INTERNALDATE)")
        found = (_item(line) for line in lines if isinstance(line, bytes))
        # `n:*` names the last mail even if its UID is below n (RFC 9051 9, seq-range).
        return sorted((item for item in found if item and item.uid >= first), key=lambda item: item.uid)

    def contents(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Return the octets of mails by UID, without those that are gone."""
        found: dict[int, bytes] = {}
        lines = self._fetch(",".join(map(str, uids)), "(UID BODY.PEEK[])")
        for at, line in enumerate(lines):
            if isinstance(line, tuple):
                after = lines[at + 1] if at + 1 < len(lines) else b""
                match = _UID.search(line[0]) or _UID.search(after if isinstance(after, bytes) else b"")
                if match:
                    found[int(match[1])] = line[1]
        return found

    def newest(self, count: int) -> list[int]:
        """Return the UIDs of the newest mails of the open folder."""
        mails = self.open(self.folder).mails
        if not mails:
            return []
        with self._explained("list mails"):
            lines = _checked(self._box.client.fetch(f"{max(1, mails - count + 1)}:*", "(UID)"))
        return [int(found[1]) for line in lines if isinstance(line, bytes) and (found := _UID.search(line))]

    def header(self, uid: int) -> bytes:
        """Return the header of a mail."""
        lines = self._fetch(str(uid), "(UID BODY.PEEK[HEADER])")
        return next((line[1] for line in lines if isinstance(line, tuple)), b"")

    def wait(self, seconds: float) -> None:
        """Wait until the server reports something, at most so long; `is_able_to_idle` must be true."""
        with self._explained("wait for news"):
            self._box.idle.wait(timeout=min(seconds, 29 * 60.0))

    @property
    def is_able_to_idle(self) -> bool:
        """Whether the server reports new mail by itself (RFC 2177)."""
        return "IDLE" in self.capabilities

    def mark_seen(self, uids: Sequence[int]) -> None:
        """Mark mails of the open folder as seen."""
        with self._explained("mark mails as seen"):
            _checked(self._box.client.uid("STORE", ",".join(map(str, uids)), "+FLAGS.SILENT", r"(\Seen)"))

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move mails of the open folder to another one (RFC 6851), which is made if it is missing."""
        if "MOVE" not in self.capabilities:
            raise InletFault(f"{self.account.host} cannot move mails (no MOVE): remove move_to", by_settings=True)
        with self._explained(f"move mails to {folder!r}"):
            if not self._box.folder.exists(folder):
                self._box.folder.create(folder)
            _checked(self._box.client.uid("MOVE", ",".join(map(str, uids)), encode_folder(folder).decode("ascii")))

    def append(self, folder: str, content: bytes, at: datetime) -> int:
        """Put a mail into a folder as if it had come at a time, marked as seen; return its UID, 0 where the server does not say it (RFC 4315)."""
        with self._explained(f"write to folder {folder!r}"):
            place = encode_folder(folder).decode("ascii")
            answer: Any = self._box.client.append(place, r"(\Seen)", imaplib.Time2Internaldate(at), content)
            match = _APPENDED.search(_checked(answer)[-1])
        return int(match[1]) if match else 0

    def remove(self, uid: int) -> bool:
        """Remove one mail of the open folder and no other one; return whether the server can (RFC 4315)."""
        if "UIDPLUS" not in self.capabilities:
            return False
        with self._explained("remove a mail"):
            _checked(self._box.client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)"))
            _checked(self._box.client.uid("EXPUNGE", str(uid)))
        return True

    def interrupt(self) -> None:
        """End whatever another thread waits for; the session is of no use after that."""
        with suppress(OSError):
            self._box.client.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Log out."""
        with suppress(OSError, imaplib.IMAP4.error, ImapToolsError):
            self._box.logout()
        # A connection that is broken already is left open by that.
        with suppress(OSError):
            self._box.client.shutdown()

    def _fetch(self, which: str, what: str) -> list[Any]:
        with self._explained("fetch mails"):
            return [line for line in _checked(self._box.client.uid("FETCH", which, what)) if line is not None]

    def _logged_in(self) -> frozenset[str]:
        """Log in, and return what the server can do, which may depend on who is logged in."""
        account = self.account
        with self._explained("log in"):
            if account.token:
                self._box.xoauth2(account.user, account.token.current(), initial_folder=None)
            elif account.user.isascii() and account.password.isascii():
                self._box.login(account.user, account.password, initial_folder=None)
            else:
                self._box.login_utf8(account.user, account.password, initial_folder=None)
            answer: Any = self._box.client.capability()
            return frozenset(b" ".join(answer[1]).decode("ascii", "replace").upper().split())

    def _connected(self) -> BaseMailBox:
        account = self.account
        with self._explained("connect"):
            if account.security == "none":
                return MailBoxUnencrypted(account.host, account.port, timeout=SECONDS)
            context = ssl.create_default_context(cafile=str(account.ca_file) if account.ca_file else None)
            kind = MailBoxStartTls if account.security == "starttls" else MailBox
            return kind(account.host, account.port, timeout=SECONDS, ssl_context=context)

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turn whatever the library raises into one line with the cure."""
        where = f"{self.account.host}:{self.account.port}"
        try:
            yield
        except ssl.SSLCertVerificationError as fault:
            cure = "correct host, or name the authority in ca_file"
            raise InletFault(
                f"{where}: its certificate is not trusted ({fault.verify_message}): {cure}", by_settings=True
            ) from None
        except MailboxLoginError as fault:
            raise self._refused(str(fault)) from None
        except MailboxFolderSelectError:
            cure = "correct folders; `canary inlet test` lists those that are there"
            raise InletFault(f"{where}: cannot {what}: {cure}", by_settings=True) from None
        except imaplib.IMAP4.abort as fault:
            raise InletFault(f"{where}: the connection ended ({_short(fault)}): it is tried again") from None
        except (imaplib.IMAP4.error, ImapToolsError) as fault:
            if what == "log in":
                raise self._refused(str(fault)) from None
            raise InletFault(f"{where}: cannot {what}: {_short(fault)}") from None
        except OSError as fault:
            raise InletFault(
                f"{where}: cannot {what} ({_short(fault)}): check host, port and network; it is tried again"
            ) from None

    def _refused(self, answer: str) -> InletFault:
        account = self.account
        if any(code in answer for code in _FOR_NOW):
            return InletFault(
                f"{account.host}: lets nobody log in for now ({_short(ValueError(answer))}): it is tried again"
            )
        if account.token:
            account.token.discard()
        way = "oauth" if account.token else "password, mostly one made for this application"
        return InletFault(
            f"{account.host}: does not let {account.user} log in: correct user and {way}", by_settings=True
        )


def _checked(answer: Any) -> list[Any]:
    status, lines = answer
    if status != "OK":
        raise imaplib.IMAP4.error(lines[-1] if lines else status)
    return list(lines)


def _number(answer: Any) -> int:
    lines = [line for line in answer[1] or () if isinstance(line, bytes)]
    return int(lines[-1]) if lines and lines[-1].isdigit() else 0


def _item(line: bytes) -> MailItem | None:
    uid, size, date = _UID.search(line), _SIZE.search(line), _DATE.search(line)
    return MailItem(int(uid[1]), int(size[1]), _moment(date[1]) if date else None) if uid and size else None


def _moment(text: bytes) -> datetime | None:
    try:
        return datetime.strptime(text.decode("ascii", "replace").strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None


def _short(fault: BaseException) -> str:
    text = fault.args[-1] if fault.args else type(fault).__name__
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return " ".join(text.split())[:200] or type(fault).__name__
