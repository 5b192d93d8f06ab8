"""The store of an installation, from its settings."""

from functools import cache
from typing import TYPE_CHECKING

from canary.attribute.priors import CARRIED_AS
from canary.senders.profile import PLATFORMS
from canary.settings import Settings
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac

if TYPE_CHECKING:
    from canary.judge.providers import ProviderRegistry


def open_store(settings: Settings, kind: type[Database] = Database) -> Database:
    """Open the store, making the data folder if need be; cases are assessed by the assumptions of the settings."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    carried = {CARRIED_AS: settings.attribution.rates, PLATFORMS: is_platform}
    return kind(settings.store_url, decoy_mac=decoy_mac_from(settings), carried=carried)


def is_platform(domain: str) -> bool:
    """Whether many senders share a domain; what is known of providers is read at the first question."""
    return _book().is_shared(domain)


@cache
def _book() -> "ProviderRegistry":
    from canary.processes.judging import supplier_book  # noqa: PLC0415 - most commands ask nothing of it

    return supplier_book()


def decoy_mac_from(settings: Settings) -> DecoyMac:
    """Return what tells decoys from issued addresses, by the key in its file."""
    return DecoyMac(settings.decoy_key, settings.decoys.every if settings.decoys.count else 0)
