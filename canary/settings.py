"""Every setting, typed and frozen: read once at start from canary.toml and the environment, all faults reported at once."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from canary.attribution_settings import Assumptions
from canary.canary_settings import CanarySettings
from canary.evidence_settings import EvidenceSettings
from canary.http_inlet_settings import HttpInletSettings
from canary.inlet_settings import InletSettings
from canary.judge_settings import JudgeSettings
from canary.model.alert import SEVERITY, DestinationKind, Mode, Route, Severity
from canary.model.verdict import Verdict
from canary.net.masking import mask_of
from canary.smtp_settings import SmtpSettings
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

    copies: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Mails of a campaign, the first, that keep their octets; 0 keeps all.",
    )
    copies_days: int = Field(default=7, ge=1, le=36500, description="Days after which the octets of the others go.")

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
