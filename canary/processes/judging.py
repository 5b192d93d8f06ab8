"""What judging needs from outside: the registries that ship with the program and the owner's own, and DNS."""

import json
import tomllib
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from canary.authenticate.forwarder_registry import ForwarderRegistry, read_forwarders
from canary.authenticate.lookup import Lookup, ZoneLookup
from canary.judge.organisation import is_never_vendor
from canary.judge.platforms import PlatformRegistry, read_platforms
from canary.judge.providers import ProviderRegistry, read_suppliers
from canary.model.registry_rows import RegistryError, RegistryFile
from canary.package_data import config_folder

if TYPE_CHECKING:
    from canary.judge_settings import JudgeSettings
    from canary.settings import Settings


def supplier_book(own: Sequence[Path] = (), platforms: Sequence[Path] = ()) -> ProviderRegistry:
    """Read what is known of mail providers and platforms, with files of the owner's; raises RegistryError naming every fault."""
    return replace(_providers(own), services=_services(platforms))


def own_book(judge: "JudgeSettings") -> ProviderRegistry:
    """Read what is known of mail providers and platforms, with the owner's files of the settings; raises RegistryError."""
    return supplier_book(judge.suppliers, judge.platforms)


def never_vendor(judge: "JudgeSettings", own: Collection[str]) -> Callable[[str, str], bool]:
    """Return whether a domain can be no vendor's at an address of another domain; `own` are the owner's domains."""
    book, carrier = own_book(judge), forwarder_registry(judge.forwarders).carrier_of

    def never(domain: str, home: str) -> bool:
        return book.is_shared(domain) or is_never_vendor(domain, (*own, home), carrier)

    return never


def check_registries(judge: "JudgeSettings") -> str:
    """Read all registries and say how much each holds; raises RegistryError with the faults of all of them."""
    faults: list[str] = []
    held = []
    readers: dict[str, Callable[[], int]] = {
        "suppliers": lambda: len(_providers(judge.suppliers).providers),
        "platforms": lambda: len(_services(judge.platforms).platforms),
        "forwarders": lambda: len(forwarder_registry(judge.forwarders).forwarders),
    }
    for name, read in readers.items():
        try:
            held.append(f"{read()} {name}")
        except RegistryError as fault:
            faults += fault.faults
    if faults:
        raise RegistryError(faults)
    return ", ".join(held)


def forwarder_registry(own: Sequence[Path] = ()) -> ForwarderRegistry:
    """Read what is known of forwarders, with files of the owner's; raises RegistryError naming every bad entry."""
    return read_forwarders(_shipped("forwarders.toml"), _owners(own))


def _providers(own: Sequence[Path]) -> ProviderRegistry:
    return read_suppliers(_shipped("suppliers.toml"), _owners(own))


def _services(own: Sequence[Path]) -> PlatformRegistry:
    return read_platforms(_shipped("platforms.toml"), _owners(own))


def _shipped(name: str) -> dict[str, object]:
    return tomllib.loads((config_folder() / name).read_text(encoding="utf-8"))


def _owners(paths: Sequence[Path]) -> tuple[RegistryFile, ...]:
    faults, files = [], []
    for path in paths:
        try:
            files.append(RegistryFile(str(path), tomllib.loads(path.read_text(encoding="utf-8"))))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
            faults.append(f"{path}: {getattr(fault, 'strerror', None) or fault}; name a TOML file that can be read")
    if faults:
        raise RegistryError(faults)
    return tuple(files)


def lookups(settings: "Settings") -> Callable[[], Lookup]:
    """Return what makes a Lookup for each mail: live DNS with a budget, or the zone file of the settings."""
    if settings.dns.zone:
        zone = ZoneLookup(json.loads(settings.dns.zone.read_text(encoding="utf-8")))
        return lambda: zone
    from canary.net.dns import LiveLookup  # noqa: PLC0415 - a zone file needs no DNS library

    live = LiveLookup(settings.dns.nameservers, timeout=settings.dns.timeout)
    return lambda: live.for_mail(seconds=4 * settings.dns.timeout)
