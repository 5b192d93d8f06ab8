"""The section of the settings for ways in besides SMTP, each kind with its inlets by name."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from canary.mailbox_settings import ImapSettings, MaildirSettings, OAuthSettings


class InletSettings(BaseModel):
    """Ways in besides SMTP, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    imap: dict[str, ImapSettings] = Field(default={}, description="Mailboxes that are read by IMAP, by name.")
    maildir: dict[str, MaildirSettings] = Field(default={}, description="Maildirs that are watched, by name.")
    backlog: int = Field(
        default=2000, ge=10, description="Mails waiting to be judged above which no further stored mail is fetched."
    )

    @field_validator("imap", "maildir")
    @classmethod
    def _are_names(cls, inlets: dict[str, BaseModel]) -> dict[str, BaseModel]:
        bad = next((name for name in inlets if not _is_name(name)), None)
        if bad is not None:
            raise ValueError(f"{bad!r} is not a name; use up to 40 lower-case letters, digits, - and _")
        return inlets

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        if twice := set(self.imap) & set(self.maildir):
            raise ValueError(f"two inlets are called {min(twice)!r}; give each a name of its own")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all."""
        return (*self.imap, *self.maildir)

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """What is read of mailboxes, by the names under which their states are noted."""
        by_imap = (label for name, chosen in self.imap.items() for label in chosen.labels(name))
        return (*by_imap, *self.maildir)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be in no log."""
        kept = [s for each in self.imap.values() for s in (each.password, *_tokens(each.oauth)) if s]
        return tuple(secret.get_secret_value() for secret in kept)


def _tokens(oauth: OAuthSettings | None) -> tuple[SecretStr | None, ...]:
    return (oauth.client_secret, oauth.refresh_token) if oauth else ()


def _is_name(name: str) -> bool:
    return (
        0 < len(name) <= 40 and name[0] not in "-_" and all(c in "abcdefghijklmnopqrstuvwxyz0123456789-_" for c in name)
    )
