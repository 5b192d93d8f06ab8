"""The forms for inlets: for each kind its fields, read as the settings have them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import BaseModel

from canary.model.entered import SettingView
from canary.web.rendering import FormText
from canary.web.word_lists import read_words, written_lists

_LONG_HINT = 30


@dataclass(frozen=True, slots=True)
class InletField:
    """A field of a form.

    `kind` is text, secret, words (with commas between), secrets (likewise), whole, number, flag, or the choices. Of a
    secret field the page shows nothing, and what is left empty stays. `within` is the setting that holds it, if it is
    inside of one; such fields are shown apart.
    """

    name: str
    label: str
    kind: str | tuple[str, ...] = "text"
    hint: str = ""
    example: str = ""
    required: bool = False
    within: str = ""

    @property
    def is_secret(self) -> bool:
        """Whether it is never shown."""
        return self.kind in ("secret", "secrets")

    @property
    def is_broad(self) -> bool:
        """Whether its hint needs the breadth of the form."""
        return len(self.hint) > _LONG_HINT


@dataclass(frozen=True, slots=True)
class InletKind:
    """A kind of inlets: what it is called, and its fields.

    `posts` is where a service posts to, `further` the words above the fields that are shown apart.
    """

    title: str
    fields: tuple[InletField, ...]
    posts: str = ""
    further: str = ""

    @property
    def plain(self) -> tuple[InletField, ...]:
        """The fields at the top."""
        return tuple(each for each in self.fields if not each.within)

    @property
    def apart(self) -> tuple[InletField, ...]:
        """Those that are shown apart, under the word `further`."""
        return tuple(each for each in self.fields if each.within)


_RECEIVERS = InletField(
    "receivers", "Received by", "words", "hosts whose Authentication-Results are believed", "mx.provider.example"
)
_FOLDERS = InletField("folders", "Folders", "words", example="INBOX")
_POLL = InletField("poll", "Seconds between looks", "number", example="30")
_PASSWORD = InletField("password", "Password", "secret", "at least 16 characters", required=True)
_SIGNING = InletField("secrets", "Signing secrets", "secrets", "with commas between, each is accepted", required=True)

MAILBOXES: Mapping[str, InletKind] = MappingProxyType({
    "imap": InletKind("A mailbox by IMAP", (
        InletField("host", "IMAP server", example="imap.provider.example", required=True),
        InletField("user", "User", hint="mostly the address", example="me@inbox.example", required=True),
        InletField("password", "Password", "secret", "best one made for Canary"),
        _FOLDERS,
        InletField("port", "Port", "whole", example="993"),
        InletField("security", "Secured by", ("tls", "starttls", "none")),
        InletField("move_to", "Move leaks to", hint="a folder for mail that is charged to a vendor", example="Leaks"),
        InletField("mark_seen", "Mark read mail as seen", "flag"),
        _POLL,
        InletField("receivers", "Received by", "words",
                   "hosts whose Authentication-Results are believed; known for Gmail and Microsoft 365",
                   "mx.provider.example"),
        InletField("provider", "Tokens of", ("", "google", "microsoft", "other"), within="oauth"),
        InletField("client_id", "Client id", within="oauth"),
        InletField("client_secret", "Client secret", "secret", within="oauth"),
        InletField("refresh_token", "Refresh token", "secret", within="oauth"),
        InletField("token_url", "Renewed at", hint="for other providers", example="https://", within="oauth"),
    ), further="A token in place of a password (OAuth)"),
    "maildir": InletKind("A Maildir on this machine", (
        InletField("path", "Folder", hint="on this machine, with new, cur and tmp in it", example="/home/me/Maildir",
                   required=True),
        _RECEIVERS,
    )),
    "jmap": InletKind("A mailbox by JMAP: Fastmail, Stalwart, Cyrus", (
        InletField("url", "Session", example="https://api.fastmail.com/jmap/session", required=True),
        InletField("password", "API token", "secret", "or the password of the user", required=True),
        InletField("user", "User", hint="empty for a token"),
        InletField("hosts", "Further hosts", "words", "from which it gives mail"),
        _FOLDERS, _POLL, _RECEIVERS,
    )),
    "graph": InletKind("A mailbox at Microsoft 365 by Graph", (
        InletField("user", "Address", example="me@company.example", required=True),
        InletField("tenant", "Tenant", example="company.example", required=True),
        InletField("client_id", "Client id", required=True),
        InletField("client_secret", "Client secret", "secret"),
        InletField("refresh_token", "Refresh token", "secret", "where a user logged in"),
        InletField("folders", "Folders", "words", example="inbox"),
        _POLL, _RECEIVERS,
    )),
    "sqs": InletKind("Amazon SES by a queue of SQS, without any open port", (
        InletField("queue", "Queue", example="https://sqs.eu-west-1.amazonaws.com/123456789012/canary", required=True),
        InletField("region", "Region", example="eu-west-1", required=True),
        InletField("buckets", "Buckets", "words", "that mail is fetched from"),
        InletField("topics", "Topics", "words", "by their ARN, if SNS fills the queue"),
        InletField("access_key", "Access key"),
        InletField("secret_key", "Secret key", "secret"),
    )),
})  # fmt: skip
"""The kinds of mailboxes, each a section of what is entered."""

SERVICES: Mapping[str, InletKind] = MappingProxyType({
    "ingest/raw": InletKind("Programs of yours, or a Cloudflare Worker", (
        InletField("secrets", "Secret", "secrets", "whsec_ and 24 or more octets in base64", "whsec_", required=True),
        _RECEIVERS,
    ), "/ingest/raw"),
    "ingest/mailgun": InletKind("Mailgun", (_SIGNING, _RECEIVERS), "/ingest/mailgun/mime"),
    "ingest/ses": InletKind("Amazon SES by SNS", (
        InletField("topics", "Topics", "words", "by their ARN", "arn:aws:sns:eu-west-1:123456789012:canary", required=True),
        InletField("access_key", "Access key", hint="where the mail is in S3"),
        InletField("secret_key", "Secret key", "secret"),
        InletField("region", "Region of the bucket", hint="if not the topic's", example="eu-west-1"),
    ), "/ingest/ses"),
    "ingest/sendgrid": InletKind("SendGrid", (
        InletField("public_key", "Public key", hint="of the security policy", required=True),
    ), "/ingest/sendgrid"),
    "ingest/postmark": InletKind("Postmark", (
        InletField("user", "User", example="canary"), _PASSWORD, _RECEIVERS,
    ), "/ingest/postmark"),
    "ingest/resend": InletKind("Resend", (
        _SIGNING, InletField("token", "API key", "secret", "one that may read mail", "re_", required=True),
    ), "/ingest/resend"),
    "ingest/forward-email": InletKind("Forward Email", (_SIGNING,), "/ingest/forward-email"),
    "ingest/stalwart": InletKind("The MTA hook of Stalwart", (
        InletField("user", "User", hint="empty for a bearer token", example=""), _PASSWORD,
    ), "/ingest/stalwart"),
})  # fmt: skip
"""The services that post mail, each a section of what is entered, by the name under which its state is noted."""

KINDS: Mapping[str, InletKind] = {**MAILBOXES, **SERVICES}


class InletForm(BaseModel):
    """A form as it comes in: the fields of all kinds."""

    kind: FormText = "imap"
    name: FormText = ""
    host: FormText = ""
    port: FormText = ""
    security: FormText = ""
    user: FormText = ""
    password: FormText = ""
    folders: FormText = ""
    path: FormText = ""
    receivers: FormText = ""
    move_to: FormText = ""
    mark_seen: FormText = ""
    poll: FormText = ""
    provider: FormText = ""
    client_id: FormText = ""
    client_secret: FormText = ""
    refresh_token: FormText = ""
    token_url: FormText = ""
    url: FormText = ""
    hosts: FormText = ""
    tenant: FormText = ""
    secrets: FormText = ""
    topics: FormText = ""
    access_key: FormText = ""
    secret_key: FormText = ""
    region: FormText = ""
    queue: FormText = ""
    buckets: FormText = ""
    public_key: FormText = ""
    token: FormText = ""

    @property
    def entry(self) -> str:
        """The name of the entry: services have none beside their kind."""
        return "" if self.kind in SERVICES else self.name.strip()

    @property
    def inlet(self) -> str:
        """What the inlet is called in tests, states and lists."""
        return self.kind if self.kind in SERVICES else self.name.strip()

    def values(self) -> dict[str, object]:
        """Return what was filled in; a secret that was left empty is not in it, and so stays. Raises ValueError."""
        kind = KINDS.get(self.kind)
        if kind is None:
            raise ValueError(f"kind {self.kind[:20]!r}: choose {', '.join(KINDS)}")
        found = {each.name: self._read(each) for each in kind.plain}
        found |= {"oauth": within} if (within := self._within(kind.apart)) else {}
        return _without_rivals(self.kind, {name: value for name, value in found.items() if value not in ("", [], None)})

    def _within(self, fields: Sequence[InletField]) -> dict[str, object]:
        return {each.name: value for each in fields if (value := self._read(each))}

    def _read(self, field: InletField) -> object:
        text: str = getattr(self, field.name)
        if field.kind in ("words", "secrets"):
            return read_words(text)
        if field.kind in ("whole", "number"):
            return _number(field, text.strip())
        if field.kind == "flag":
            return bool(text)
        return text if field.kind == "secret" else text.strip()


def _without_rivals(kind: str, values: dict[str, object]) -> dict[str, object]:
    """Return the values with what they take the place of: what was entered before must not stay beside them."""
    if kind == "imap":
        if "password" in values and "oauth" not in values:
            return {**values, "oauth": None}
        if "oauth" in values and "password" not in values:
            return {**values, "password": None}
    if kind in ("ingest/ses", "sqs") and "access_key" not in values:
        return {**values, "secret_key": values.get("secret_key")}
    if kind == "ingest/stalwart":
        return {"user": "", **values}  # a bearer token has none
    return values


def form_of(view: SettingView) -> InletForm:
    """Return the form of an inlet that there is, without its secrets."""
    fields = [each for each in KINDS[view.section].plain if not each.is_secret]
    shown = {each.name: _written(view.values.get(each.name)) for each in fields}
    lists = written_lists(view.values, [each.name for each in fields if each.kind == "words"])
    return InletForm.model_validate({**shown, **lists, "kind": view.section, "name": view.name})


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:g}" if isinstance(value, float) else str(value or "")


def _number(field: InletField, text: str) -> int | float | None:
    if not text:
        return None
    try:
        number = float(text) if len(text) <= 8 and text.isascii() else None
    except ValueError:
        number = None
    if number is None or (field.kind == "whole" and not number.is_integer()):
        raise ValueError(f"{field.name} {text[:20]!r}: give a number, such as {field.example}")
    return int(number) if number.is_integer() else number
