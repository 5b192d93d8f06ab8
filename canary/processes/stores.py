"""The store of an installation, from its settings."""

from canary.attribute.priors import CARRIED_AS
from canary.settings import Settings
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac


def open_store(settings: Settings, kind: type[Database] = Database) -> Database:
    """Open the store, making the data folder if need be; cases are assessed by the assumptions of the settings."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return kind(
        settings.store_url, decoy_mac=decoy_mac_from(settings), carried={CARRIED_AS: settings.attribution.rates}
    )


def decoy_mac_from(settings: Settings) -> DecoyMac:
    """Return what tells decoys from issued addresses, by the key in its file."""
    return DecoyMac(settings.decoy_key, settings.decoys.every if settings.decoys.count else 0)
