"""The settings of mailboxes that are read: by IMAP, or as a Maildir."""

from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

TOKEN_URLS = {
    "google": "https://oauth2.googleapis.com/token",
    "microsoft": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
}
"""Where access tokens are renewed."""

SCOPES = {"google": "", "microsoft": "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"}

RECEIVERS = {
    "imap.gmail.com": ("mx.google.com",),
    "imap.googlemail.com": ("mx.google.com",),
    "outlook.office365.com": ("protection.outlook.com",),
}
"""Who received the mail in mailboxes of these hosts, where that is the same for all of them."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OAuthSettings(_Section):
    """Access by tokens that are renewed, in place of a password."""

    provider: Literal["google", "microsoft", "other"] = Field(description="Whose tokens they are.")
    client_id: str = Field(description="Client id of your registered application.")
    client_secret: SecretStr | None = Field(default=None, description="Its secret, if it has one.")
    refresh_token: SecretStr = Field(description="Token that renews the access.")
    token_url: str | None = Field(default=None, description="Where tokens are renewed; left out: the provider's.")

    @model_validator(mode="after")
    def _has_endpoint(self) -> Self:
        url = self.token_url or TOKEN_URLS.get(self.provider, "")
        parts = urlsplit(url)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        ):
            raise ValueError(f"token_url = {url!r} must begin with https://, such as {TOKEN_URLS['google']}")
        return self

    @property
    def endpoint(self) -> str:
        """Where tokens are renewed."""
        return self.token_url or TOKEN_URLS[self.provider]

    @property
    def scope(self) -> str:
        """What is asked for when a token is renewed, empty for the same as before."""
        return SCOPES.get(self.provider, "")


class ImapSettings(_Section):
    """A mailbox that is read by IMAP."""

    host: str = Field(description="Its IMAP server.")
    port: int = Field(default=993, ge=1, le=65535, description="Its port.")
    security: Literal["tls", "starttls", "none"] = Field(
        default="tls", description="How the connection is secured; none only on this machine."
    )
    ca_file: Path | None = Field(default=None, description="PEM file of the authority that signed its certificate.")
    user: str = Field(description="Name to log in with, mostly the address.")
    password: SecretStr | None = Field(default=None, description="Password, best one made for this application.")
    oauth: OAuthSettings | None = Field(default=None, description="Tokens in place of a password.")
    folders: tuple[str, ...] = Field(
        default=("INBOX",), min_length=1, max_length=20, description="Folders that are read."
    )
    receivers: tuple[str, ...] = Field(
        default=(), description="Names of the hosts that received this mail, as in its Authentication-Results."
    )
    poll: float = Field(
        default=30.0, ge=0.2, le=3600, description="Seconds between looks, also while it says news itself."
    )
    idle: bool = Field(default=True, description="Whether the server is asked to report new mail at once (IDLE).")
    mark_seen: bool = Field(default=False, description="Whether mail that was read here is marked as seen.")
    move_to: str = Field(default="", description="Folder to which mail that was charged to a vendor is moved.")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.password is None) == (self.oauth is None):
            raise ValueError("set either password (or its _FILE in the environment) or oauth")
        if self.move_to in self.folders:
            raise ValueError(f"move_to = {self.move_to!r} is among folders; name one that is not read")
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError(f"security = 'none' would send the password in clear to {self.host}; use tls or starttls")
        return self

    @property
    def trusted(self) -> tuple[str, ...]:
        """Whose trace lines and results are believed."""
        return self.receivers or RECEIVERS.get(self.host.lower(), ())

    def labels(self, name: str) -> tuple[str, ...]:
        """Return what its folders are called, the mailbox having this name."""
        return (name,) if len(self.folders) == 1 else tuple(f"{name}/{folder}" for folder in self.folders)


class MaildirSettings(_Section):
    """A Maildir that is watched."""

    path: Path = Field(description="The folder that has cur, new and tmp.")
    receivers: tuple[str, ...] = Field(
        default=(), description="Names of the hosts that received this mail, as in its Authentication-Results."
    )
    poll: float = Field(default=2.0, ge=0.1, le=3600, description="Seconds between looks.")
    remove: bool = Field(default=False, description="Whether mail that is stored here is removed from the Maildir.")

    @property
    def trusted(self) -> tuple[str, ...]:
        """Whose trace lines and results are believed."""
        return self.receivers


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, where nobody listens on the way."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
