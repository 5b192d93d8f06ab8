"""The sections of the settings that may be entered in the browser, each with its fields and which of them are secret."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from canary.http_inlet_settings import (
    LABEL,
    MailgunSettings,
    PasswordSettings,
    PostmarkSettings,
    RawSettings,
    ResendSettings,
    SendgridSettings,
    SesSettings,
    SignedSettings,
)
from canary.mailbox_settings import ImapSettings, MaildirSettings
from canary.remote_mailbox_settings import GraphSettings, JmapSettings, SqsSettings
from canary.settings import DecoySettings, Destination, RetentionSettings


@dataclass(frozen=True, slots=True)
class EnteredSection:
    """A section that may be entered: its path in the settings, its fields, and which of them are secret.

    A section of `named` entries is a dictionary there; any other has one entry without a name. An `optional` one of those
    is not there before it is written or entered, and then it is so as a whole. `fixed` fields are never entered, as they
    name files of the machine or need more than a form. Where one of the fields `bound` changes, secrets are entered
    again, so that nobody has them sent elsewhere. Names in the sections `beside` belong to others.
    """

    path: tuple[str, ...]
    model: type[BaseModel]
    secret: frozenset[str] = frozenset()
    named: bool = False
    optional: bool = False
    fixed: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    beside: tuple[tuple[str, ...], ...] = ()


def _mailbox(
    kind: str, model: type[BaseModel], secret: tuple[str, ...], bound: tuple[str, ...] = (), fixed: tuple[str, ...] = ()
) -> EnteredSection:
    others = tuple(("inlet", other) for other in MAILBOXES if other != kind)
    return EnteredSection(
        ("inlet", kind),
        model,
        frozenset(secret),
        named=True,
        bound=frozenset(bound),
        fixed=frozenset(fixed),
        beside=others,
    )


def _service(name: str, model: type[BaseModel], *secret: str) -> tuple[str, EnteredSection]:
    return f"{LABEL}{name.replace('_', '-')}", EnteredSection(("ingest", name), model, frozenset(secret), optional=True)


MAILBOXES = ("imap", "maildir", "jmap", "graph", "sqs")
"""The sections of mailboxes that are read."""

_POSTED = (
    _service("raw", RawSettings, "secrets"),
    _service("mailgun", MailgunSettings, "secrets"),
    _service("ses", SesSettings, "secret_key"),
    _service("sendgrid", SendgridSettings),
    _service("postmark", PostmarkSettings, "password"),
    _service("resend", ResendSettings, "secrets", "token"),
    _service("forward_email", SignedSettings, "secrets"),
    _service("stalwart", PasswordSettings, "password"),
)

SERVICES = tuple(section for section, _ in _POSTED)
"""The sections of services that post mail, each by the name under which its state is noted."""

SECTIONS: Mapping[str, EnteredSection] = {
    "destination": EnteredSection(
        ("alert", "destinations"), Destination, frozenset({"url", "secret", "retiring"}), named=True
    ),
    "retention": EnteredSection(("retention",), RetentionSettings),
    "decoys": EnteredSection(("decoys",), DecoySettings, fixed=frozenset({"key_file"})),
    "imap": _mailbox(
        "imap", ImapSettings, ("password", "oauth"), ("host", "port", "security", "user"), fixed=("ca_file",)
    ),
    "maildir": _mailbox("maildir", MaildirSettings, (), fixed=("remove",)),
    "jmap": _mailbox("jmap", JmapSettings, ("password",), ("url", "hosts", "user")),
    "graph": _mailbox(
        "graph", GraphSettings, ("client_secret", "refresh_token"), ("url", "token_url", "tenant", "client_id", "user")
    ),
    "sqs": _mailbox(
        "sqs",
        SqsSettings,
        ("secret_key",),
        ("queue", "region", "access_key"),
        fixed=("endpoint", "visibility", "tries"),
    ),
    **dict(_POSTED),
}
"""What can be entered in the browser. A new section is one line here."""
