"""LMTP (RFC 2033): the same session for a mail server of our own, with an answer for each recipient."""

from collections.abc import Callable, Mapping

from canary.smtp.dialogue import Reply
from canary.smtp.session import SMTP_VERBS, Session
from canary.smtp.transaction import Draft


class Lmtp(Session):
    """A session that begins with LHLO and answers a mail once for each accepted recipient."""

    @property
    def greeting(self) -> str:
        """RFC 2033 4.2 leaves it as it is, but that it names the protocol."""
        return f"220 {self._service.hostname} LMTP"

    def method(self, verb: str) -> Callable[..., Reply] | None:
        """The method for a verb."""
        return LMTP_VERBS.get(verb)

    def lhlo(self, argument: str) -> Reply:
        """RFC 2033 4.1: as EHLO."""
        self._meet(argument, "LMTP")
        return self._abilities()

    def each(self, reply: str, draft: Draft) -> str:
        """RFC 2033 4.2: one for each RCPT that was answered 250, a repeated one too."""
        return "\r\n".join([reply] * draft.accepted)


LMTP_VERBS: Mapping[str, Callable[..., Reply]] = {
    **{verb: method for verb, method in SMTP_VERBS.items() if verb not in ("HELO", "EHLO")},
    "LHLO": Lmtp.lhlo,
}
