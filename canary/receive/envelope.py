"""The envelope of a mail as text: written once, for the spool and for the journal."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _quoted

from canary.model.mail import Client, Envelope


class _Stamps:
    """Writes times in ISO 8601, and of all that fall into one second only the fraction anew."""

    def __init__(self) -> None:
        self._known = (datetime.min.replace(tzinfo=UTC), "", "")

    def text(self, at: datetime) -> str:
        """A time, which has a zone, to the microsecond."""
        second, before, after = self._known
        since = at - second
        if since.days or since.seconds:
            second = at.replace(microsecond=0)
            written = second.isoformat()
            before, after = written[:19], written[19:]
            self._known = (second, before, after)
        return f"{before}.{str(at.microsecond).zfill(6)}{after}"


_stamps = _Stamps()


def envelope_text(mail_from: str, rcpt_to: Iterable[str], client: str, received: datetime) -> str:
    """An envelope as JSON in ASCII, which takes whatever a client may have said; `client` is `client_text`.

    It is written for every mail before its 250, and by hand in a quarter of the time.
    """
    recipients = ",".join([_quoted(address) for address in rcpt_to])
    return (
        f'{{"mail_from":{_quoted(mail_from)},"rcpt_to":[{recipients}],'
        f'"client":{client},"received":"{_stamps.text(received)}"}}'
    )


def client_text(client: Client) -> str:
    """A client as JSON in ASCII."""
    tls = _quoted(client.tls) if client.tls is not None else "null"
    return f'{{"ip":{_quoted(client.ip)},"port":{client.port},"helo":{_quoted(client.helo)},"tls":{tls}}}'


def envelope_from(text: str | bytes) -> Envelope:
    """The envelope that `envelope_text` wrote."""
    said = json.loads(text)
    received = datetime.fromisoformat(said["received"])
    return Envelope(said["mail_from"], tuple(said["rcpt_to"]), Client(**said["client"]), received)
