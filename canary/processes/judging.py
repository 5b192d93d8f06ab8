"""What judging needs from outside: the providers that ship with the program, and DNS."""

import json
import tomllib
from collections.abc import Callable
from typing import TYPE_CHECKING

from canary.authenticate.lookup import Lookup, ZoneLookup
from canary.judge.providers import ProviderRegistry, read_suppliers
from canary.package_data import config_folder

if TYPE_CHECKING:
    from canary.settings import Settings


def supplier_book() -> ProviderRegistry:
    """Read what is known of mail providers; raises ProviderError naming every bad entry."""
    return read_suppliers(tomllib.loads((config_folder() / "suppliers.toml").read_text(encoding="utf-8")))


def lookups(settings: "Settings") -> Callable[[], Lookup]:
    """Return what makes a Lookup for each mail: live DNS with a budget, or the zone file of the settings."""
    if settings.dns.zone:
        zone = ZoneLookup(json.loads(settings.dns.zone.read_text(encoding="utf-8")))
        return lambda: zone
    from canary.net.dns import LiveLookup  # noqa: PLC0415 - a zone file needs no DNS library

    live = LiveLookup(settings.dns.nameservers, timeout=settings.dns.timeout)
    return lambda: live.for_mail(seconds=4 * settings.dns.timeout)
