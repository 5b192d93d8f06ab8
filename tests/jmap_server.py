"""A mailbox that answers by JMAP, in the forms of RFC 8620 and RFC 8621."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.api_server import Asked, Said, answering, said

TOKEN = "fmu1-a-token"
MAIL = "urn:ietf:params:jmap:mail"


@dataclass
class JmapServer:
    """`mails` by id: content and folders; `faults` are answers in place of the next ones."""

    url: str = ""
    mails: dict[str, tuple[bytes, set[str]]] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Said] = field(default_factory=list)
    oldest: int = 0
    download: str = "/download/{accountId}/{blobId}/{name}?type={type}"
    fetched: list[str] = field(default_factory=list)
    at_once: int = 100

    def deliver(self, name: str, content: bytes, *folders: str) -> None:
        self.mails[name] = (content, set(folders or ("f1",)))
        self.log.append(("created", name))

    def touch(self, name: str) -> None:
        self.log.append(("updated", name))

    def remove(self, name: str) -> None:
        del self.mails[name]
        self.log.append(("destroyed", name))

    def answer(self, asked: Asked) -> Said:
        if self.faults:
            return self.faults.pop(0)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return said({"type": "about:blank"}, 401)
        if asked.path == "/session":
            return said({
                "capabilities": {}, "accounts": {"u1": {}}, "primaryAccounts": {MAIL: "u1"}, "username": "me",
                "apiUrl": "/api/", "downloadUrl": f"{self.url}{self.download}", "state": "s",
            })  # fmt: skip
        if asked.path == "/api/":
            [[method, arguments, call]] = json.loads(asked.body)["methodCalls"]
            name, found = self._called(method, arguments)
            return said({"methodResponses": [[name, found, call]], "sessionState": "s"})
        blob = unquote(asked.path).split("/")[3].removeprefix("b-")
        self.fetched.append(blob)
        return Said(200, self.mails[blob][0]) if blob in self.mails else said({}, 404)

    def _called(self, method: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if method == "Mailbox/get":
            return method, {"list": [
                {"id": "f1", "name": "Inbox", "role": "inbox"}, {"id": "f2", "name": "Sent", "role": "sent"},
                {"id": "f3", "name": "Shops", "role": None},
            ]}  # fmt: skip
        if method == "Email/get":
            return method, {"state": str(len(self.log)), "list": [
                {"id": name, "blobId": f"b-{name}", "receivedAt": "2026-03-01T12:00:00Z",
                 "size": len(self.mails[name][0]), "mailboxIds": dict.fromkeys(self.mails[name][1], True)}
                for name in given["ids"] if name in self.mails
            ]}  # fmt: skip
        if method == "Email/query":
            return self._query(given)
        if (since := int(given["sinceState"])) < self.oldest:
            return "error", {"type": "cannotCalculateChanges"}
        upto = min(len(self.log), since + self.at_once)
        parts: dict[str, list[str]] = {"created": [], "updated": [], "destroyed": []}
        for kind, name in self.log[since:upto]:
            parts[kind].append(name)
        return method, {"oldState": str(since), "newState": str(upto), "hasMoreChanges": upto < len(self.log), **parts}

    def _query(self, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        wanted = {each["inMailbox"] for each in given["filter"]["conditions"]}
        names = [name for name, (_, folders) in self.mails.items() if folders & wanted]
        if given.get("anchor", names[:1] and names[0]) not in names and "anchor" in given:
            return "error", {"type": "anchorNotFound"}
        start = names.index(given["anchor"]) + given["anchorOffset"] if "anchor" in given else given["position"]
        upto = start + min(given["limit"], self.at_once)
        return "Email/query", {"ids": names[start:upto], "position": start, "total": len(names)}


@contextmanager
def jmap_server() -> Iterator[JmapServer]:
    found = JmapServer()
    with answering(found.answer) as url:
        found.url = url
        yield found
