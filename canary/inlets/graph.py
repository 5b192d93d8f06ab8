"""Folders of a mailbox at Microsoft 365, read by Microsoft Graph: delta queries, and each mail as MIME.

learn.microsoft.com/graph, "Get incremental changes to messages in a folder" and "Get MIME content of a message": a page
ends in `@odata.nextLink`, the last one in `@odata.deltaLink`; a link that is too old is answered 410, or by another 4xx
with a code such as `syncStateNotFound` ("Use delta query to track changes", synchronization reset).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from canary.inlets.api_client import MOST_JSON, ApiAnswer, ApiClient
from canary.inlets.desk import InletDesk
from canary.inlets.faults import InletFault
from canary.inlets.listed_mail import ListedMail, PolledReader, moment, store_listed
from canary.inlets.stored_mail import MailboxSide

_PREFER = 'IdType="ImmutableId", odata.maxpagesize=100'
"""Without immutable ids a mail that is moved is another one."""
_LONGEST_LINK, _LONGEST_ID = 10_000, 1000


class RenewedToken(Protocol):
    """A token that is renewed, such as `canary.inlets.oauth.AccessToken`."""

    def current(self) -> str:
        """Return a token that is valid; raises InletFault."""

    def discard(self) -> None:
        """Forget a token that was refused."""


@dataclass(frozen=True, slots=True)
class GraphMailbox:
    """A mailbox of a user, `url` being that of the API; folders are ids or well-known names."""

    inlet: str
    url: str
    user: str
    folders: tuple[str, ...]
    side: MailboxSide
    poll: float = 30.0

    @property
    def label(self) -> str:
        """What it is called in states and logs."""
        return self.inlet

    @property
    def own(self) -> tuple[str, ...]:
        """The address of the mailbox itself, to which mail is no guess."""
        return (self.user.lower(),)

    @property
    def root(self) -> str:
        """Where this user is."""
        return _root(self.url, self.user)


class GraphReader(PolledReader[GraphMailbox]):
    """Reads every mail of some folders once; nothing in the mailbox is changed."""

    def __init__(
        self, place: GraphMailbox, desk: InletDesk, open_client: Callable[[], ApiClient], token: RenewedToken
    ) -> None:
        """Connect to nothing yet."""
        self.place, self.desk, self.open_client, self._token = place, desk, open_client, token

    def looking(self, client: ApiClient) -> Callable[[], None]:
        """Return what reads all that is new."""
        return partial(self._read_folders, client)

    def _read_folders(self, client: ApiClient) -> None:
        for folder in self.place.folders:
            self._read_folder(client, folder)

    def _read_folder(self, client: ApiClient, folder: str) -> None:
        ledger, inlet = self.desk.ledger, self.place.inlet
        mark, more = ledger.mark(inlet, folder), True
        while more:
            self.desk.wait_for_room()
            answer = self._ask(client, mark or _changes(self.place.root, folder))
            if mark and _is_link_too_old(answer):
                # Listed again from the beginning; what was dealt with is known by its id.
                mark = ""
                continue
            page = _checked(answer, f"folder {folder!r}", self.place.url).document
            self._store(client, page)
            after, more = self._link(page)
            if after == mark and more:
                raise InletFault(f"{self.place.url} names the same page again and again: it is tried again")
            mark = after
            ledger.note_mark(inlet, folder, mark)

    def _store(self, client: ApiClient, page: Mapping[str, Any]) -> None:
        rows = page.get("value")
        entries = [each for each in rows if isinstance(each, dict) and _id(each)] if isinstance(rows, list) else []
        listed = [
            ListedMail(_id(each), _id(each), moment(each.get("receivedDateTime")))
            for each in entries
            if "@removed" not in each
        ]
        store_listed(self.desk, self.place, listed, lambda mail: self._content(client, mail))
        gone = [_id(each) for each in entries if "@removed" in each]
        self.desk.ledger.note_files(self.place.inlet, [], gone)

    def _content(self, client: ApiClient, mail: ListedMail) -> bytes | None:
        url = f"{self.place.root}/messages/{quote(mail.at, safe='')}/$value"
        answer = self._ask(client, url, self.desk.intake.policy.max_size)
        return None if answer.status == httpx.codes.NOT_FOUND else _checked(answer, "a mail", self.place.url).content

    def _link(self, page: Mapping[str, Any]) -> tuple[str, bool]:
        """Return the link after a page, and whether it leads to more now; raises InletFault for one that leads elsewhere."""
        further = page.get("@odata.nextLink")
        link = further or page.get("@odata.deltaLink")
        if not (
            isinstance(link, str) and len(link) <= _LONGEST_LINK and link.startswith(f"{self.place.url.rstrip('/')}/")
        ):
            raise InletFault(f"{self.place.url} names no further page below its own address: it is tried again")
        return link, bool(further)

    def _ask(self, client: ApiClient, url: str, most: int = MOST_JSON) -> ApiAnswer:
        answer = self._ask_once(client, url, most)
        if answer.status != httpx.codes.UNAUTHORIZED:
            return answer
        self._token.discard()
        return self._ask_once(client, url, most)

    def _ask_once(self, client: ApiClient, url: str, most: int) -> ApiAnswer:
        return client.ask("GET", url, _headers(self._token.current()), most=most)


def folder_page(client: ApiClient, url: str, user: str, folder: str, token: str) -> Mapping[str, Any]:
    """Return the first page of what a folder of a user holds; raises InletFault."""
    answer = client.ask("GET", _changes(_root(url, user), folder), _headers(token))
    return _checked(answer, f"folder {folder!r}", url).document


def _root(url: str, user: str) -> str:
    return f"{url.rstrip('/')}/users/{quote(user, safe='@')}"


def _changes(root: str, folder: str) -> str:
    """Return where the mails of a folder are listed from the beginning."""
    return f"{root}/mailFolders/{quote(folder, safe='')}/messages/delta?$select=id,receivedDateTime"


def _headers(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "prefer": _PREFER}


def _checked(answer: ApiAnswer, what: str, url: str) -> ApiAnswer:
    if answer.status == httpx.codes.OK:
        return answer
    code = _code(answer)
    cure = {
        401: "check the application and its permission Mail.Read",
        403: "give the application the permission Mail.Read for this mailbox",
        404: "check user and folders; a folder is an id or a well-known name such as inbox or junkemail",
    }.get(answer.status, "it is tried again")
    line = f"{url} answered {answer.status} {code!r} for {what}: {cure}"
    raise InletFault(line, by_settings=answer.status in (401, 403, 404))


def _is_link_too_old(answer: ApiAnswer) -> bool:
    return answer.status == httpx.codes.GONE or (
        400 <= answer.status < 500 and _code(answer).lower().startswith(("syncstate", "resync"))
    )


def _code(answer: ApiAnswer) -> str:
    error = answer.document.get("error")
    return str(error.get("code", ""))[:100] if isinstance(error, dict) else ""


def _id(entry: Mapping[str, Any]) -> str:
    name = entry.get("id")
    return name if isinstance(name, str) and len(name) <= _LONGEST_ID else ""
