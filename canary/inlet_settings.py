"""The section of the settings for ways in besides SMTP, each kind with its inlets by name."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from canary.mailbox_settings import ImapSettings, MaildirSettings, OAuthSettings
from canary.remote_mailbox_settings import GraphSettings, JmapSettings, SqsSettings


class InletSettings(BaseModel):
    """Ways in besides SMTP, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    imap: dict[str, ImapSettings] = Field(default={}, description="Mailboxes that are read by IMAP, by name.")
    maildir: dict[str, MaildirSettings] = Field(default={}, description="Maildirs that are watched, by name.")
    jmap: dict[str, JmapSettings] = Field(default={}, description="Mailboxes that are read by JMAP, by name.")
    graph: dict[str, GraphSettings] = Field(
        default={}, description="Mailboxes at Microsoft 365 that are read by Graph, by name."
    )
    sqs: dict[str, SqsSettings] = Field(
        default={}, description="Queues of Amazon SQS by which SES hands mail over, by name."
    )
    backlog: int = Field(
        default=2000, ge=10, description="Mails waiting to be judged above which no further stored mail is fetched."
    )

    @field_validator("imap", "maildir", "jmap", "graph", "sqs")
    @classmethod
    def _are_names(cls, inlets: dict[str, BaseModel]) -> dict[str, BaseModel]:
        bad = next((name for name in inlets if not _is_name(name)), None)
        if bad is not None:
            raise ValueError(f"{bad!r} is not a name; use up to 40 lower-case letters, digits, - and _")
        return inlets

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        if twice := {name for name in self.names if self.names.count(name) > 1}:
            raise ValueError(f"two inlets are called {min(twice)!r}; give each a name of its own")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all."""
        return (*self.imap, *self.maildir, *self.remote)

    def kind_of(self, name: str) -> str:
        """Return of which kind an inlet is; raises StopIteration where there is none of this name."""
        return next(kind for kind in _KINDS if name in getattr(self, kind))

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """What is read of mailboxes, by the names under which their states are noted."""
        by_imap = (label for name, chosen in self.imap.items() for label in chosen.labels(name))
        return (*by_imap, *self.maildir, *self.remote)

    @property
    def remote(self) -> Mapping[str, JmapSettings | GraphSettings | SqsSettings]:
        """Those that are asked by HTTP, by name."""
        return {**self.jmap, **self.graph, **self.sqs}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be in no log."""
        kept = [s for each in self.imap.values() for s in (each.password, *_tokens(each.oauth)) if s]
        kept += [secret for each in self.remote.values() for secret in each.secrets]
        return tuple(secret.get_secret_value() for secret in kept)


_KINDS = ("imap", "maildir", "jmap", "graph", "sqs")


def _tokens(oauth: OAuthSettings | None) -> tuple[SecretStr | None, ...]:
    return (oauth.client_secret, oauth.refresh_token) if oauth else ()


def _is_name(name: str) -> bool:
    return (
        0 < len(name) <= 40 and name[0] not in "-_" and all(c in "abcdefghijklmnopqrstuvwxyz0123456789-_" for c in name)
    )
