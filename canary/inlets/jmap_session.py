"""A mailbox by JMAP (RFC 8620 and 8621): what it holds, what changed, and the octets of a mail."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urljoin

import httpx

from canary.inlets.api_client import ApiAnswer, ApiClient
from canary.inlets.faults import InletFault
from canary.inlets.listed_mail import ListedMail, moment

AT_ONCE = 100
"""Mails that are listed or asked about at once; a server has to allow more (RFC 8620 2, maxObjectsInGet)."""

_MAIL = "urn:ietf:params:jmap:mail"
_USING = ("urn:ietf:params:jmap:core", _MAIL)
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_LONGEST_STATE = 10_000
_NAMES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class JmapAccount:
    """Where the session resource of a mailbox is, and the header field that lets in."""

    url: str
    authorization: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class JmapChanges:
    """Mails that came or changed since a state, those that are gone, the state after it, and whether there is more."""

    touched: tuple[str, ...]
    gone: tuple[str, ...]
    state: str
    more: bool


class JmapRefusal(Exception):
    """A method was answered by an error, of this type (RFC 8620 3.6.2)."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class JmapSession:
    """An account that was opened."""

    def __init__(self, account: JmapAccount, client: ApiClient) -> None:
        """Ask for the session resource; raises InletFault."""
        self._account, self._client = account, client
        found = self._checked(client.ask("GET", account.url, self._headers)).document
        self._api = self._address(found, "apiUrl")
        self._download = self._address(found, "downloadUrl")
        accounts = found.get("primaryAccounts")
        self._id = str(accounts.get(_MAIL, "")) if isinstance(accounts, dict) else ""
        if not _ID.fullmatch(self._id):
            raise InletFault(
                f"{account.url}: no mailbox is open to this user: check user and password", by_settings=True
            )

    def folders(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the ids of folders by role, or by name; raises InletFault where one is missing."""
        there = self._list("Mailbox/get", {"ids": None, "properties": ["id", "name", "role"]})
        by_name = {str(each.get("name", "")): str(each.get("id", "")) for each in there}
        by_role = {each["role"]: str(each.get("id", "")) for each in there if isinstance(each.get("role"), str)}
        missing = next((name for name in names if not (by_name.get(name) or by_role.get(name.lower()))), None)
        if missing is not None:
            shown = ", ".join(repr(name[:100]) for name in list(by_name)[:_NAMES_SHOWN])
            raise InletFault(f"there is no folder {missing!r}; there are {shown}", by_settings=True)
        return tuple(by_role.get(name.lower()) or by_name[name] for name in names)

    def state(self) -> str:
        """Return the state of all mails now (RFC 8620 5.1)."""
        return _state(self._call("Email/get", {"ids": [], "properties": ["id"]}), "state")

    def page(self, folders: Sequence[str], after: str = "") -> tuple[list[str], int]:
        """Return the ids of some mails of folders, the oldest first, and how many there are; raises JmapRefusal.

        `after` is the last one before them; where it is gone the refusal is `anchorNotFound`.
        """
        wanted: dict[str, Any] = {"operator": "OR", "conditions": [{"inMailbox": each} for each in folders]}
        start = {"anchor": after, "anchorOffset": 1} if after else {"position": 0}
        found = self._call(
            "Email/query",
            {"filter": wanted, "sort": [{"property": "receivedAt", "isAscending": True}], "limit": AT_ONCE,
             "calculateTotal": True, **start},
        )  # fmt: skip
        total = found.get("total")
        return _ids(found, "ids"), total if isinstance(total, int) else 0

    def changes(self, since: str) -> JmapChanges:
        """Return what changed since a state; raises JmapRefusal.

        Where that is too long ago the refusal is `cannotCalculateChanges`.
        """
        found = self._call("Email/changes", {"sinceState": since, "maxChanges": AT_ONCE})
        touched = (*_ids(found, "created"), *_ids(found, "updated"))
        return JmapChanges(
            touched, tuple(_ids(found, "destroyed")), _state(found, "newState"), found.get("hasMoreChanges") is True
        )

    def listed(self, ids: Sequence[str], folders: Sequence[str]) -> list[ListedMail]:
        """Return those mails that are in one of the folders, by their ids."""
        wanted = ["id", "blobId", "receivedAt", "size", "mailboxIds"]
        found = list[dict[str, Any]]()
        for start in range(0, len(ids), AT_ONCE):
            found += self._list("Email/get", {"ids": list(ids[start : start + AT_ONCE]), "properties": wanted})
        return [mail for each in found if (mail := _listed(each, folders))]

    def content(self, mail: ListedMail, most: int) -> bytes | None:
        """Return the octets of a mail, None where it is gone; raises InletFault and AnswerTooBig."""
        values = {"accountId": self._id, "blobId": mail.at, "type": "message/rfc822", "name": "mail.eml"}
        url = re.sub(r"\{(\w+)\}", lambda found: quote(values.get(found[1], ""), safe=""), self._download)
        answer = self._client.ask("GET", url, self._headers, most=most)
        return None if answer.status == httpx.codes.NOT_FOUND else self._checked(answer).content

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": self._account.authorization}

    def _address(self, found: Mapping[str, Any], name: str) -> str:
        """Return an address that the session resource names; raises InletFault for one of a foreign host."""
        url = urljoin(self._account.url, str(found.get(name, ""))[:2000])
        if not self._client.admits(url):
            line = (
                f"{self._account.url} names {url[:200]!r} as its {name}: add its host to hosts if it is the provider's"
            )
            raise InletFault(line, by_settings=True)
        return url

    def _checked(self, answer: ApiAnswer) -> ApiAnswer:
        place, status = self._account.url, answer.status
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise InletFault(f"{place} refused the login ({status}): check user and password", by_settings=True)
        if status == httpx.codes.NOT_FOUND:
            raise InletFault(f"{place} answered 404: name the session resource of JMAP as url", by_settings=True)
        if status != httpx.codes.OK:
            raise InletFault(
                f"{place} answered {status} {str(answer.document.get('type', ''))[:100]!r}: it is tried again"
            )
        return answer

    def _list(self, method: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = self._call(method, arguments).get("list")
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def _call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call one method; raises InletFault and JmapRefusal."""
        call = {"using": _USING, "methodCalls": [[method, {"accountId": self._id, **arguments}, "0"]]}
        headers = {**self._headers, "content-type": "application/json"}
        answer = self._checked(self._client.ask("POST", self._api, headers, json.dumps(call).encode()))
        match answer.document.get("methodResponses"):
            case [["error", {"type": str(kind)}, *_], *_]:
                raise JmapRefusal(kind[:100])
            case [[str(name), dict(found), *_], *_] if name == method:
                return found
        raise InletFault(f"{self._account.url} did not answer {method}: it is tried again")


def _ids(found: Mapping[str, Any], name: str) -> list[str]:
    listed = found.get(name)
    return (
        [each for each in listed if isinstance(each, str) and _ID.fullmatch(each)] if isinstance(listed, list) else []
    )


def _state(found: Mapping[str, Any], name: str) -> str:
    state = found.get(name)
    if not (isinstance(state, str) and 0 < len(state) <= _LONGEST_STATE):
        raise InletFault("the server named no state of the mailbox: it is tried again")
    return state


def _listed(found: Mapping[str, Any], folders: Sequence[str]) -> ListedMail | None:
    mail, blob, size, inside = (found.get(name) for name in ("id", "blobId", "size", "mailboxIds"))
    if not (isinstance(mail, str) and isinstance(blob, str) and _ID.fullmatch(mail) and isinstance(inside, dict)):
        return None
    if not any(inside.get(folder) for folder in folders):
        return None
    return ListedMail(mail, blob[:1000], moment(found.get("receivedAt")), size if isinstance(size, int) else 0)
