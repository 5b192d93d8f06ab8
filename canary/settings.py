"""Every setting, typed and frozen: read once at start from canary.toml and the environment, all faults reported at once."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from canary.attribution_settings import Assumptions
from canary.canary_settings import CanarySettings
from canary.evidence_settings import EvidenceSettings
from canary.http_inlet_settings import HttpInletSettings
from canary.inlet_settings import InletSettings
from canary.judge_settings import JudgeSettings
from canary.mail.received import read_trusted
from canary.model.alert import SEVERITY, DestinationKind, Mode, Route, Severity
from canary.model.networks import read_networks
from canary.model.verdict import Verdict
from canary.net.masking import mask_of
from canary.role_settings import RoleMailSettings
from canary.smtp.listeners import ListenAddress, read_listen_address
from canary.web_settings import WebSettings

PREFIX = "CANARY_"
_OURS_ELSEWHERE = {
    "CANARY_CONFIG", "CANARY_PASSPHRASE", "CANARY_PASSWORD", "CANARY_CORPUS",
    "CANARY_STREAMS", "CANARY_SUITES", "CANARY_TEST_DSN",
}  # fmt: skip


class SettingsError(Exception):
    """The settings cannot be used; one line for each fault, naming the key, the value and the cure."""


class Section(BaseModel):
    """What all sections share: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreSettings(Section):
    """Where everything is stored."""

    url: SecretStr | None = Field(default=None, description="Database URL; without it SQLite in the data folder.")


class LimitSettings(Section):
    """Limits of one mail, one session, one network or all of them, for each receiving process."""

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


class SmtpSettings(Section):
    """The listener for mail."""

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


class DnsSettings(Section):
    """Which DNS servers to ask, and how long to wait."""

    nameservers: tuple[str, ...] = Field(default=(), description="Resolvers; empty: those of the system.")
    timeout: float = Field(
        default=5.0, gt=0, le=60, description="Seconds for one question; all of one mail get four times that."
    )
    zone: Path | None = Field(default=None, description="JSON zone file that answers instead of DNS (for trials).")


_SCHEMES: dict[str, tuple[str, ...]] = {"syslog": ("udp", "tcp", "tls"), "apprise": ()}
"""How the address of a kind of destination begins; that of others begins with https or http, that of apprise with any."""

_FOR_PROGRAMS = ("webhook", "syslog")


class Destination(Section):
    """Somewhere alerts go; the kind is chosen, never guessed."""

    kind: DestinationKind
    url: SecretStr
    secret: SecretStr | None = None
    retiring: tuple[SecretStr, ...] = ()
    mode: Mode | None = None
    vendors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    kinds: tuple[str, ...] = ()
    severity: Literal["low", "medium", "high"] = "low"

    @field_validator("url")
    @classmethod
    def _is_reachable(cls, url: SecretStr, others: ValidationInfo) -> SecretStr:
        schemes = _SCHEMES.get(others.data.get("kind", ""), ("https", "http"))
        scheme, _, rest = url.get_secret_value().partition("://")
        if not rest or (schemes and scheme not in schemes):
            raise ValueError(f"must begin with {' or '.join(f'{s}://' for s in schemes) or 'the name of a service'}")
        return url

    @field_validator("kinds")
    @classmethod
    def _are_kinds(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [kind for kind in kinds if kind not in SEVERITY]:
            raise ValueError(f"no such kind of fact: {unknown[0]}; there are {', '.join(SEVERITY)}")
        return kinds

    @property
    def when(self) -> Mode:
        """Its mode: programs get every fact, people what is new, unless it is set."""
        return self.mode or (Mode.EVERY if self.kind in _FOR_PROGRAMS else Mode.IMMEDIATE)

    @property
    def secrets(self) -> tuple[str, ...]:
        """All secrets, the newest first."""
        return tuple(s.get_secret_value() for s in ((self.secret,) if self.secret else ()) + self.retiring)

    @property
    def route(self) -> Route:
        """The alerts it wants."""
        verdicts = tuple(verdict.value for verdict in self.verdicts)
        return Route(self.vendors, self.tags, verdicts, self.kinds, Severity[self.severity.upper()])


class AlertSettings(Section):
    """Where alerts go."""

    destinations: dict[str, Destination] = Field(default={}, description="Destinations by name.")
    allow_private: bool = Field(default=False, description="Let alerts go to private and loopback addresses.")


class DecoySettings(Section):
    """Never-issued addresses, kept among the issued ones."""

    count: int = Field(default=20, ge=0, le=1000, description="Decoys kept at each domain, half of each kind; 0: none.")
    every: int = Field(default=10, ge=0, description="One more is made for so many addresses issued; 0 makes none.")
    key_file: Path | None = Field(
        default=None, description="Key that tells them from issued ones; decoy.key in the data folder if left out."
    )


class RetentionSettings(Section):
    """How long mail that is no longer needed is kept whole."""

    days: int = Field(
        default=0, ge=0, le=36500, description="Days after which octets and text of mail in no case go; 0 keeps all."
    )

    @property
    def after(self) -> timedelta | None:
        """The same as a time, None for ever."""
        return timedelta(days=self.days) if self.days else None


class RspamdSettings(Section):
    """A second opinion on mail from strangers; without an address rspamd is not asked."""

    url: str | None = Field(default=None, description="Address of a rspamd worker, such as http://127.0.0.1:11333.")
    password: SecretStr | None = Field(default=None, description="Its password, if it has one.")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return url


class LogSettings(Section):
    """The log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Lowest level that is logged."
    )
    json_lines: bool = Field(default=False, description="One JSON document a line.")


class Settings(BaseSettings):
    """All settings of one installation."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    arranged: ClassVar[bool] = False

    data: Path = Field(default=Path("data"), description="Folder of spool and database.")
    domains: tuple[str, ...] = Field(default=(), description="Domains whose mail is received here.")
    store: StoreSettings = StoreSettings()
    smtp: SmtpSettings = SmtpSettings()
    inlet: InletSettings = InletSettings()
    web: WebSettings = WebSettings()
    ingest: HttpInletSettings = HttpInletSettings()
    dns: DnsSettings = DnsSettings()
    alert: AlertSettings = AlertSettings()
    judge: JudgeSettings = JudgeSettings()
    attribution: Assumptions = Assumptions()
    canaries: CanarySettings = CanarySettings()
    decoys: DecoySettings = DecoySettings()
    retention: RetentionSettings = RetentionSettings()
    rspamd: RspamdSettings = RspamdSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment override the file, which arrives as arguments, and read nothing else."""
        del others, named
        return (init_settings,) if cls.arranged else (_Environment(settings_cls), init_settings)

    @property
    def store_url(self) -> str:
        """The database URL, SQLite in the data folder by default."""
        return self.store.url.get_secret_value() if self.store.url else f"sqlite:///{self.data.absolute()}/canary.db"

    @property
    def decoy_key(self) -> Path:
        """The file with the key of the decoys, in the data folder by default."""
        return self.decoys.key_file or self.data / "decoy.key"

    @property
    def has_secrets(self) -> bool:
        """Whether any of them is a secret."""
        return any(
            (self.store.url, self.alert.destinations, self.rspamd.password, self.inlet.secrets, self.ingest.hidden)
        )

    @property
    def mask(self) -> Callable[[str], str]:
        """What takes the addresses and secrets of destinations out of a text."""
        found = self.alert.destinations.values()
        secrets = (*(s for d in found for s in d.secrets), *self.inlet.secrets, *self.ingest.hidden)
        return mask_of((d.url.get_secret_value() for d in found), secrets)

    @property
    def web_url(self) -> str:
        """The public address of the dashboard."""
        return (self.web.url or f"http://{self.web.host}:{self.web.port}").rstrip("/")


class Arranged(Settings):
    """Settings taken from arguments alone, whatever the environment says."""

    arranged: ClassVar[bool] = True


class _Environment(EnvSettingsSource):
    """The environment, in which `NAME_FILE` is replaced by the content of that file."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        expanded = dict(self.env_vars)
        for name, path in self.env_vars.items():
            if name.startswith(PREFIX.lower()) and name.endswith("_file") and path:
                expanded[name.removesuffix("_file")] = Path(path).read_text(encoding="utf-8").strip()
                del expanded[name]
        self.env_vars = expanded


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the settings; raises SettingsError with every fault at once."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        why = getattr(fault, "strerror", None) or fault
        raise SettingsError(f"{path}: {why}: correct it, or name another file with --config") from None
    faults = list(_unknown_names(environ))
    try:
        settings = Settings(**written)
    except ValidationError as fault:
        faults += _faults(fault)
    except (OSError, ValueError) as fault:
        faults.append(f"environment: {fault}: give a readable file or a value that can be read")
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _unknown_names(environ: Mapping[str, str]) -> Iterator[str]:
    known = {name.upper() for name in Settings.model_fields}
    for name in sorted(environ):
        section = name.removeprefix(PREFIX).partition("__")[0].removesuffix("_FILE")
        if name.startswith(PREFIX) and name not in _OURS_ELSEWHERE and section not in known:
            value = "(hidden)" if _is_secret(name.lower()) else repr(environ[name][:40])
            yield f"{name} = {value}: no such setting; the sections are {', '.join(sorted(known)).lower()}"


def _is_secret(key: str) -> bool:
    return any(word in key for word in ("url", "secret", "password", "retiring", "token"))


def _faults(fault: ValidationError) -> Iterator[str]:
    for error in fault.errors(include_url=False):
        key = ".".join(str(part) for part in error["loc"])
        # A whole section may have a secret in it.
        secret = _is_secret(key) or error["type"] == "extra_forbidden" or isinstance(error.get("input"), dict)
        value = "(hidden)" if secret else repr(error.get("input"))[:60]
        cure = "remove it or correct its name" if error["type"] == "extra_forbidden" else error["msg"]
        yield f"{key} = {value}: {cure}"
