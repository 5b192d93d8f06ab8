"""A mailbox that answers as Microsoft Graph does by its documentation."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.api_server import Asked, Said, answering, said

USER, SECRET = "me@in.example", "a~client~secret"
ROOT = f"/v1.0/users/{USER}"


@dataclass
class GraphServer:
    """`log` are the ids in order of change, `mails` their content; a link is the place in the log."""

    url: str = ""
    mails: dict[str, bytes] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    faults: list[Said] = field(default_factory=list)
    valid: str = ""
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    oldest: int = 0
    too_old: int = 410
    page: int = 100
    host: str = ""

    def deliver(self, name: str, content: bytes) -> None:
        self.mails[name] = content
        self.log.append(name)

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/token":
            self.forms.append(parse_qs(asked.body.decode()))
            self.valid = f"token-{len(self.forms)}"
            return said({"access_token": self.valid, "expires_in": 3599, "token_type": "Bearer"})
        if self.faults:
            return self.faults.pop(0)
        if asked.headers.get("authorization") != f"Bearer {self.valid}":
            return said({"error": {"code": "InvalidAuthenticationToken"}}, 401)
        assert 'IdType="ImmutableId"' in asked.headers["prefer"]
        if asked.path.endswith("/$value"):
            return self._mail(asked.path.removeprefix(f"{ROOT}/messages/").removesuffix("/$value"))
        return self._delta(asked)

    def _mail(self, name: str) -> Said:
        self.fetched.append(name)
        return (
            Said(200, self.mails[name]) if name in self.mails else said({"error": {"code": "ErrorItemNotFound"}}, 404)
        )

    def _delta(self, asked: Asked) -> Said:
        path, _, query = asked.path.partition("?")
        if path != f"{ROOT}/mailFolders/inbox/messages/delta":
            return said({"error": {"code": "ErrorItemNotFound"}}, 404)
        start = int(parse_qs(query).get("$token", ["0"])[0])
        if 0 < start < self.oldest:
            return said({"error": {"code": "SyncStateNotFound"}}, self.too_old)
        upto = min(len(self.log), start + self.page)
        kind = "deltaLink" if upto == len(self.log) else "nextLink"
        return said({
            "value": [
                {"id": name, "receivedDateTime": "2026-03-01T12:00:00Z"}
                if name in self.mails else {"id": name, "@removed": {"reason": "deleted"}}
                for name in self.log[start:upto]
            ],
            f"@odata.{kind}": f"{self.host or self.url}{path}?$token={upto}",
        })  # fmt: skip


@contextmanager
def graph_server() -> Iterator[GraphServer]:
    found = GraphServer()
    with answering(found.answer) as url:
        found.url = url
        yield found
