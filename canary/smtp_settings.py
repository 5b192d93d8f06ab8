"""Settings of receiving: where to listen, and what one session, network and process may take."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from canary.mail.received import read_trusted
from canary.model.networks import read_networks
from canary.role_settings import RoleMailSettings
from canary.smtp.listeners import ListenAddress, read_listen_address


class LimitSettings(BaseModel):
    """Limits of one mail, one session, one network or all of them, for each receiving process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipients: int = Field(default=100, ge=1, description="Recipients of one mail.")
    errors: int = Field(default=20, ge=1, description="Wrong commands of one session.")
    unknown: int = Field(default=100, ge=1, description="Refused recipients of one session.")
    commands: int = Field(default=1000, ge=10, description="Commands of one session since its last mail.")
    connections: int = Field(default=2500, ge=1, description="Connections in all.")
    connections_per_network: int = Field(default=100, ge=1, description="Connections of one network, /24 or /48.")
    connection_rate: int = Field(default=600, ge=0, description="Connections of one network a minute; 0: no limit.")
    mail_rate: int = Field(default=3000, ge=0, description="Mails of one network a minute; 0: no limit.")
    unknown_rate: int = Field(default=300, ge=0, description="Refused recipients of one network a minute; 0: no limit.")
    idle: float = Field(default=300.0, gt=0, description="Seconds of silence.")
    idle_when_full: float = Field(
        default=30.0, gt=0, description="Seconds without a mail before a connection may be closed for another."
    )
    session: float = Field(default=1800.0, gt=0, description="Seconds of one session in all.")
    memory: int = Field(default=128 * 1024 * 1024, ge=1024, description="Octets of all mails not yet stored.")
    discard: int = Field(default=1024 * 1024 * 1024, ge=1024, description="Octets read of a mail that is too big.")
    tarpit: float = Field(default=0.0, ge=0, le=30, description="Seconds waited at a refusal for each one before.")


class SmtpSettings(BaseModel):
    """The listener for mail."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=2525, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    listen: tuple[str, ...] = Field(
        default=(), description="Further addresses, such as [::]:25 or lmtp:/run/lmtp.sock."
    )
    socket_mode: str = Field(default="0600", pattern=r"^0?[0-7]{3}$", description="Mode of Unix sockets.")
    processes: int = Field(default=1, ge=1, le=64, description="Processes that receive, each with a spool of its own.")
    hostname: str = Field(
        default="mail.invalid",
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
        description="Name in the banner, as in the MX record.",
    )
    max_size: int = Field(
        default=25 * 1024 * 1024 + 256 * 1024, ge=1024, description="Largest mail accepted, in octets."
    )
    trusted: tuple[str, ...] = Field(
        default=(), description="Our own machines that pass mail on to us: networks, hosts."
    )
    proxies: tuple[str, ...] = Field(default=(), description="Networks whose connections begin with a PROXY header.")
    xclient: tuple[str, ...] = Field(default=(), description="Networks that may name their client by XCLIENT.")
    exempt: tuple[str, ...] = Field(
        default=("127.0.0.1", "::1"), description="Networks exempt from limits on connections and rates."
    )
    spool_reserve: int = Field(
        default=100 * 1024 * 1024, ge=0, description="Free disk below which mail is refused for the moment."
    )
    spool_backlog: int = Field(
        default=1_000_000, ge=1, description="Mails waiting above which more are refused for the moment."
    )
    spool_pages: int | None = Field(default=None, ge=64, description="Largest spool file, in pages of 4 KB.")
    starttls: bool = Field(default=True, description="Whether STARTTLS is offered.")
    tls_certificate: Path | None = Field(default=None, description="PEM chain for STARTTLS; one is made if left out.")
    tls_key: Path | None = Field(default=None, description="PEM key, if it is not in the file of the certificate.")
    mask_addresses: bool = Field(default=False, description="Show only the domain of addresses in the log.")
    metrics: str | None = Field(default=None, description="Address that shows the receivers' metrics by HTTP.")
    limits: LimitSettings = LimitSettings()
    roles: RoleMailSettings = RoleMailSettings()

    @field_validator("listen")
    @classmethod
    def _are_doors(cls, places: tuple[str, ...]) -> tuple[str, ...]:
        for place in places:
            read_listen_address(place)
        return places

    @field_validator("metrics")
    @classmethod
    def _is_address(cls, place: str | None) -> str | None:
        if place is not None and read_listen_address(place).path:
            raise ValueError(f"{place!r} is not an IP address and port; write 127.0.0.1:9125")
        return place

    @field_validator("proxies", "xclient", "exempt")
    @classmethod
    def _are_networks(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        read_networks(names)
        return names

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.tls_key and not self.tls_certificate:
            raise ValueError(f"tls_key = {str(self.tls_key)!r} has no certificate; set tls_certificate, or remove it")
        if self.processes > 1 and 0 in (self.port, *(door.port for door in self.doors if not door.path)):
            raise ValueError("port 0 differs between several processes; name the port, or set processes = 1")
        return self

    @property
    def doors(self) -> tuple[ListenAddress, ...]:
        """All addresses to listen on."""
        return (ListenAddress(host=self.host, port=self.port), *(read_listen_address(place) for place in self.listen))

    @field_validator("trusted")
    @classmethod
    def _are_machines(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        read_trusted(names)
        return names
