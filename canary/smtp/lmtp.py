"""LMTP (RFC 2033): the same session for a mail server of our own, with an answer for each recipient."""

from aiosmtpd.lmtp import LMTP

from canary.smtp.session import CanarySMTP


class CanaryLMTP(CanarySMTP, LMTP):
    """A session that begins with LHLO; aiosmtpd answers a mail once for all of them."""

    def _each(self, reply: str) -> str:
        """RFC 2033 4.2: one for each RCPT that was answered 250, a repeated one too."""
        return "\r\n".join([reply] * self.envelope.accepted)
