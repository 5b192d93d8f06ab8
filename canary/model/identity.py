"""Who a sender proved to be, as opposed to who it claims to be."""

from dataclasses import dataclass
from enum import StrEnum


class Proof(StrEnum):
    """What the identity rests on, strongest first."""

    DKIM_ALIGNED = "dkim-aligned"
    SPF_ALIGNED = "spf-aligned"
    DKIM = "dkim"
    SPF = "spf"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Identity:
    """The proven sender of one mail.

    `claim` is the unproven From domain. `domain` and `organisation` are proven (empty when `proof` is none).
    `esp` and `account` name the mail provider and the provider's customer, only where tied to proof; `shared` means
    that `domain` proves a platform with many tenants, but not which of them sent it. `domains` are all proven ones.
    `carriers` are slug and name of that provider, followed by those it was proven to send through.

    `forwarder` names who carried a mail that was forwarded. What it proves is the forwarder's, and never stands here; so
    `proven` means that the writer's own proof came through. `author` is the address that wrote, as the forwarder states it.
    `platform` is the name of the shop, courier, payment service and so on that wrote it from its own domain, `merchants`
    are the names or domains that it states as those it writes for, `named` those that its users can choose as they like.
    `by_contract` means that the provider opens accounts by contract only, so that nobody has one within the hour.
    """

    claim: str = ""
    domain: str = ""
    organisation: str = ""
    proof: Proof = Proof.NONE
    esp: str | None = None
    account: str | None = None
    shared: bool = False
    domains: tuple[str, ...] = ()
    carriers: tuple[tuple[str, str], ...] = ()
    forwarder: str = ""
    author: str = ""
    platform: str = ""
    merchants: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    by_contract: bool = False

    @property
    def proven(self) -> bool:
        """Whether anything at all is proven."""
        return self.proof is not Proof.NONE

    @property
    def behind_forwarder(self) -> bool:
        """Whether a forwarder brought it and nothing proves who wrote."""
        return self.forwarder != "" and not self.proven
