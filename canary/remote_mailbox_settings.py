"""The settings of mailboxes and queues that are asked by HTTP."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from canary.mailbox_settings import is_loopback

JMAP_HOSTS = {"api.fastmail.com": ("www.fastmailusercontent.com",)}
"""Where else the mail of a JMAP server is fetched from, where that is known."""


class _AskedByHttp(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JmapSettings(_AskedByHttp):
    """A mailbox that is read by JMAP."""

    url: str = Field(description="Its session resource, such as https://api.fastmail.com/jmap/session.")
    hosts: tuple[str, ...] = Field(
        default=(), max_length=10, description="Further hosts of the provider from which mail is fetched."
    )
    user: str = Field(default="", description="Name to log in with; left out: the password is an API token.")
    password: SecretStr = Field(description="API token, best one that may only read mail, or the password of user.")
    folders: tuple[str, ...] = Field(
        default=("INBOX",), min_length=1, max_length=20, description="Folders that are read."
    )
    receivers: tuple[str, ...] = Field(
        default=(), description="Names of the hosts that received this mail, as in its Authentication-Results."
    )
    poll: float = Field(default=30.0, ge=0.1, le=3600, description="Seconds between looks.")

    @model_validator(mode="after")
    def _is_secure(self) -> Self:
        check_url("url", self.url, "https://api.fastmail.com/jmap/session")
        return self

    @property
    def origins(self) -> tuple[str, ...]:
        """Addresses whose hosts may be asked."""
        further = (*self.hosts, *JMAP_HOSTS.get(urlsplit(self.url).hostname or "", ()))
        return (self.url, *(f"https://{host}" for host in further))

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """What must be in no log."""
        return (self.password,)


class GraphSettings(_AskedByHttp):
    """A mailbox at Microsoft 365 that is read by Graph."""

    user: str = Field(min_length=1, max_length=320, description="Address of the mailbox.")
    tenant: str = Field(pattern=r"^[A-Za-z0-9.-]{1,100}$", description="Id or domain of the organisation.")
    client_id: str = Field(description="Client id of your registered application.")
    client_secret: SecretStr | None = Field(default=None, description="Its secret, if it has one.")
    refresh_token: SecretStr | None = Field(
        default=None, description="Token of a user who logged in; left out: the application logs in by itself."
    )
    url: str = Field(default="https://graph.microsoft.com/v1.0", description="The API; national clouds have their own.")
    token_url: str = Field(default="", description="Where tokens are renewed; left out: Microsoft's for the tenant.")
    folders: tuple[str, ...] = Field(
        default=("inbox",), min_length=1, max_length=20, description="Folders that are read: ids or well-known names."
    )
    receivers: tuple[str, ...] = Field(
        default=("protection.outlook.com",), description="Names of the hosts that received this mail."
    )
    poll: float = Field(default=30.0, ge=0.1, le=3600, description="Seconds between looks.")

    @model_validator(mode="after")
    def _can_log_in(self) -> Self:
        check_url("url", self.url, "https://graph.microsoft.com/v1.0")
        check_url("token_url", self.endpoint, "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token")
        if self.client_secret is None and self.refresh_token is None:
            raise ValueError("set client_secret, for an application that logs in by itself, or refresh_token")
        return self

    @property
    def endpoint(self) -> str:
        """Where tokens are renewed."""
        return self.token_url or f"https://login.microsoftonline.com/{self.tenant}/oauth2/v2.0/token"

    @property
    def scope(self) -> str:
        """What is asked for: what the application was given, or to read the mail of the user."""
        parts = urlsplit(self.url)
        api = f"{parts.scheme}://{parts.netloc}"
        return f"{api}/Mail.Read offline_access" if self.refresh_token else f"{api}/.default"

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """What must be in no log."""
        return tuple(secret for secret in (self.client_secret, self.refresh_token) if secret)


class SqsSettings(_AskedByHttp):
    """A queue of Amazon SQS that names mail in S3, or holds it."""

    queue: str = Field(description="Its address, as https://sqs.eu-west-1.amazonaws.com/123456789012/canary.")
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$", description="Its region, which is that of the bucket.")
    access_key: str = Field(default="", description="Id of a key; left out: what the AWS tools of this machine use.")
    secret_key: SecretStr | None = Field(default=None, description="Its secret.")
    topics: tuple[str, ...] = Field(default=(), max_length=20, description="Topics of SNS that are believed, by ARN.")
    buckets: tuple[str, ...] = Field(default=(), max_length=20, description="Buckets that mail is fetched from.")
    receivers: tuple[str, ...] = Field(
        default=(), description="Names of the hosts that received this mail; left out: those of SES in the region."
    )
    poll: float = Field(default=10.0, ge=1, le=20, description="Seconds that the queue waits with its answer.")
    visibility: int = Field(
        default=120, ge=1, le=43200, description="Seconds for which nobody else gets what is worked on."
    )
    tries: int = Field(
        default=5, ge=1, le=100, description="Times that what cannot be read is tried before it is kept apart."
    )
    endpoint: str = Field(default="", description="Where another server answers in place of Amazon.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        check_url("queue", self.queue, "https://sqs.eu-west-1.amazonaws.com/123456789012/canary")
        if self.endpoint:
            check_url("endpoint", self.endpoint, "https://s3.provider.example")
        if bool(self.access_key) != (self.secret_key is not None):
            raise ValueError("access_key and secret_key belong together; set both or neither")
        if not (self.topics or self.buckets):
            raise ValueError("set topics, buckets, or both: what names any other is not believed")
        return self

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """What must be in no log."""
        return (self.secret_key,) if self.secret_key else ()

    @property
    def trusted(self) -> tuple[str, ...]:
        """Whose trace lines and results are believed, where no notification says the envelope."""
        return self.receivers or (f"inbound-smtp.{self.region}.amazonaws.com", "amazonses.com")


def check_url(name: str, url: str, example: str) -> None:
    """Raise ValueError for an address to which a secret would go in clear."""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    except ValueError:
        secure = False
    if not (secure and parts.hostname) or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{name} = {url!r} must begin with https:// and hold no secret, such as {example}")
