"""The section of the settings for mail that is posted by HTTP: where that is served, and which services may post."""

from collections.abc import Iterator
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from canary.net.standard_webhooks import check_key

LABEL = "ingest/"
"""What the noted name of a service begins with, and that of no mailbox."""
_SECRET_ROOM = 16
"""Characters of a password or token at least: anybody may try one."""


class _HttpSection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _readable(secrets: tuple[SecretStr, ...]) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in secrets)


class SignedSettings(_HttpSection):
    """A service that signs with a secret; of several each is accepted, so that one can be replaced."""

    secrets: tuple[SecretStr, ...] = Field(min_length=1, max_length=5, description="Secrets that it may sign with.")

    @property
    def readable(self) -> tuple[str, ...]:
        """The secrets as text."""
        return _readable(self.secrets)

    @field_validator("secrets")
    @classmethod
    def _are_long(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(secret) < _SECRET_ROOM for secret in secrets):
            raise ValueError(f"has fewer than {_SECRET_ROOM} characters: generate a new one")
        return secrets


class WebhookSettings(SignedSettings):
    """A service that signs by the Standard Webhooks specification: each secret is base64 after `whsec_`."""

    @field_validator("secrets")
    @classmethod
    def _are_keys(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in secrets:
            check_key(secret.get_secret_value())
        return secrets


class ReceivedSettings(_HttpSection):
    """A service that does not say who its client was."""

    receivers: tuple[str, ...] = Field(
        default=(), max_length=20,
        description="Hosts that always write the topmost Received and Authentication-Results, which are then believed.",
    )  # fmt: skip


class RawSettings(WebhookSettings, ReceivedSettings):
    """Raw mail."""


class MailgunSettings(SignedSettings, ReceivedSettings):
    """A route of Mailgun."""


class SesSettings(_HttpSection):
    """Amazon SES by SNS."""

    topics: tuple[str, ...] = Field(min_length=1, max_length=20, description="Topics that are believed, by their ARN.")
    access_key: str = Field(default="", description="Id of a key that may read mail in S3.")
    secret_key: SecretStr | None = Field(default=None, description="Its secret.")
    region: str = Field(default="", pattern=r"^[a-z0-9-]*$", description="Region of the bucket, if not the topic's.")

    @field_validator("topics")
    @classmethod
    def _are_topics(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        from canary.inlets.http.sns import topic_region  # noqa: PLC0415 - only where it is used

        for topic in topics:
            topic_region(topic)
        return topics

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.access_key) != (self.secret_key is not None):
            raise ValueError("access_key and secret_key belong together; set both, or neither where mail is not in S3")
        return self


class SendgridSettings(_HttpSection):
    """SendGrid Inbound Parse with a security policy."""

    public_key: str = Field(description="The public key of the policy, as it is shown.")

    @field_validator("public_key")
    @classmethod
    def _is_key(cls, text: str) -> str:
        from canary.inlets.http.sendgrid import read_key  # noqa: PLC0415 - only where it is used

        read_key(text)
        return text


class PasswordSettings(_HttpSection):
    """A service that has a name and a password, or a bearer token where the name is empty."""

    user: str = Field(default="canary", max_length=100, pattern=r"^[^:]*$", description="Name; empty for a token.")
    password: SecretStr = Field(min_length=_SECRET_ROOM, description="Password, or token.")


class PostmarkSettings(PasswordSettings, ReceivedSettings):
    """Inbound webhooks of Postmark."""


class ResendSettings(WebhookSettings):
    """Resend, whose mail is fetched by a key of its API."""

    token: SecretStr = Field(description="Key of the API that may read mail.")


class HttpInletSettings(_HttpSection):
    """Mail by HTTP; served where a service is set."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8026, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    connections: int = Field(default=200, ge=10, description="Connections in all.")
    header_seconds: float = Field(default=10.0, gt=0, le=300, description="Seconds for the headers of a request.")
    body_seconds: float = Field(default=60.0, gt=0, le=600, description="Seconds for a body.")
    memory: int = Field(default=256 * 1024 * 1024, ge=1024, description="Octets of all bodies held at once.")
    mail_rate: int = Field(default=3000, ge=0, description="Mails of one service a minute; 0: no limit.")
    raw: RawSettings | None = Field(default=None, description="Raw mail signed by Standard Webhooks.")
    mailgun: MailgunSettings | None = Field(default=None, description="Mailgun; the secrets are its signing keys.")
    ses: SesSettings | None = Field(default=None, description="Amazon SES by SNS.")
    sendgrid: SendgridSettings | None = Field(default=None, description="SendGrid Inbound Parse.")
    postmark: PostmarkSettings | None = Field(default=None, description="Postmark.")
    resend: ResendSettings | None = Field(default=None, description="Resend.")
    forward_email: SignedSettings | None = Field(default=None, description="Forward Email.")
    stalwart: PasswordSettings | None = Field(default=None, description="The MTA hook of a Stalwart server.")

    @property
    def services(self) -> tuple[str, ...]:
        """The names of those that are set."""
        return tuple(name for name in _SERVICES if getattr(self, name))

    @property
    def labels(self) -> tuple[str, ...]:
        """The names under which it is noted how it goes with those that are set."""
        return tuple(f"{LABEL}{name.replace('_', '-')}" for name in self.services)

    @property
    def hidden(self) -> tuple[str, ...]:
        """What must be in no log."""
        return tuple(secret.get_secret_value() for secret in self._all_secrets())

    def _all_secrets(self) -> Iterator[SecretStr]:
        for signed in (self.raw, self.mailgun, self.forward_email, self.resend):
            yield from signed.secrets if signed else ()
        for named in (self.postmark, self.stalwart):
            yield from [named.password] if named else []
        yield from [self.resend.token] if self.resend else []
        yield from [self.ses.secret_key] if self.ses and self.ses.secret_key else []


_SERVICES = ("raw", "mailgun", "ses", "sendgrid", "postmark", "resend", "forward_email", "stalwart")
