"""The store of an installation, from its settings."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from canary.attribute.priors import CARRIED_AS
from canary.cases.weighing import CASE_AT
from canary.judge_settings import JudgeSettings
from canary.senders.profile import PLATFORMS
from canary.settings import Settings
from canary.store.database import Database
from canary.store.decoy_mac import DecoyMac

if TYPE_CHECKING:
    from canary.judge.providers import ProviderRegistry


def open_store(settings: Settings, kind: Callable[..., Database] = Database) -> Database:
    """Open the store, making the data folder if need be; cases are assessed by the assumptions of the settings."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    carried = {
        CARRIED_AS: settings.attribution.rates,
        CASE_AT: settings.judge.case_at,
        PLATFORMS: platform_domains(settings.judge),
    }
    return kind(settings.store_url, decoy_mac=decoy_mac_from(settings), carried=carried)


def platform_domains(judge: JudgeSettings) -> Callable[[str], bool]:
    """Return what says whether many senders share a domain; the registries are read at the first question."""

    @cache
    def book() -> "ProviderRegistry":
        from canary.processes.judging import own_book  # noqa: PLC0415 - most commands ask nothing of it

        return own_book(judge)

    return lambda domain: book().is_shared(domain)


def decoy_mac_from(settings: Settings) -> DecoyMac:
    """Return what tells decoys from issued addresses, by the key in its file."""
    return DecoyMac(settings.decoy_key, settings.decoys.every if settings.decoys.count else 0)
