"""Adoption by a list: addresses become canaries of the vendors that the list names, without any mail."""

from collections.abc import Mapping
from datetime import datetime

from canary.judge.adoption import AdoptionProposal, KnownVendors, Left, one_name_each, propose_listed
from canary.judge.adoption_rules import MapRow
from canary.store.database import Database
from canary.store.queries import canaries, vendors


def from_list(store: Database, told: Mapping[str, MapRow], now: datetime) -> list[AdoptionProposal | Left]:
    """Return what becomes of the addresses of a list that are not issued yet, without any mail."""
    with store.reading() as session:
        known = KnownVendors(vendors.list_vendors(session))
        issued = {canary.address for canary in canaries.list_canaries(session)}
    rows = ((address, row) for address, row in told.items() if address not in issued)
    return one_name_each(propose_listed(address, row, known, now) for address, row in rows)
