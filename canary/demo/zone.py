"""DNS in the world of the demo: keys, SPF records and DMARC policies, in the form of a zone file."""

from collections.abc import Mapping

from canary.demo.signing import Signer
from canary.demo.world import FRIEND, SPAMMER, DemoWorld, Station

Zone = dict[str, dict[str, list[object]]]

_STRICT = {"playbox", "tollmark", "farewing", "hearthline"}
"""Vendors that ask receivers to refuse mail that fails DMARC; the others only ask for reports."""


def write_zone(world: DemoWorld, keys: Mapping[str, Signer]) -> Zone:
    """Return the records of every sender: `{name: {"TXT": [...], "A": [...]}}`."""
    zone: Zone = {world.domain: {"MX": [[10, f"mx.{world.domain}"]], "TXT": ["v=spf1 -all"]}}
    for slug, station in world.stations.items():
        zone |= _records(station, keys[station.domain], _networks(world, slug))
        policy = "reject" if slug in _STRICT else "none"
        if station.domain not in (FRIEND, SPAMMER):
            zone[f"_dmarc.{station.domain}"] = {"TXT": [f"v=DMARC1; p={policy}; rua=mailto:dmarc@{station.domain}"]}
    return zone


def _networks(world: DemoWorld, slug: str) -> list[str]:
    """Return the networks that may send in the name of a station: its own, and those of its suppliers."""
    helpers = [supply.supplier for supply in world.supplies if supply.vendor == slug]
    return [world.stations[name].network for name in dict.fromkeys((slug, *helpers))]


def _records(station: Station, signer: Signer, networks: list[str]) -> Zone:
    spf = " ".join(("v=spf1", *(f"ip4:{network}" for network in networks), "-all"))
    return {
        station.domain: {"A": [station.ip], "MX": [[10, station.host]], "TXT": [spf]},
        station.host: {"A": [station.ip]},
        f"bounce.{station.domain}": {"TXT": [spf], "MX": [[10, station.host]]},
        signer.name: {"TXT": [signer.record]},
    }
