"""What authentication found out about a sender: SPF, DKIM, DMARC and ARC results with their reasons."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """Result words of RFC 8601 section 2.7, shared by all mechanisms."""

    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"
    POLICY = "policy"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class SpfResult:
    """SPF (RFC 7208) for one mail; `scope` is `mailfrom` or `helo`, `domain` the one that was checked."""

    result: Result = Result.NONE
    domain: str = ""
    scope: str = "mailfrom"
    reason: str = ""
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class DkimResult:
    """One DKIM signature (RFC 6376) judged on its own; `unsigned` counts the body octets that `l=` leaves out."""

    result: Result
    domain: str = ""
    selector: str = ""
    identity: str = ""
    algorithm: str = ""
    key_bits: int = 0
    testing: bool = False
    reason: str = ""
    unsigned: int = 0


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """DMARC (RFC 9989); `domain` is the author domain, `organisation` the one the tree walk found.

    `policy` is the one that applies here (`none`, `quarantine`, `reject`, or empty without a record).
    """

    result: Result = Result.NONE
    domain: str = ""
    organisation: str = ""
    policy: str = ""
    aligned_dkim: str = ""
    aligned_spf: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ArcResult:
    """The ARC chain (RFC 8617): `none`, `pass` or `fail`, and who sealed it last; recorded, of low weight."""

    result: Result = Result.NONE
    domain: str = ""
    instances: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Proofs:
    """Everything that SPF, DKIM, DMARC and ARC say about one mail."""

    spf: SpfResult = SpfResult()
    dkim: tuple[DkimResult, ...] = ()
    dmarc: DmarcResult = DmarcResult()
    arc: ArcResult = ArcResult()

    @property
    def dkim_domains(self) -> tuple[str, ...]:
        """The domains whose signatures verified over the whole body, in order.

        Anybody may have written octets that `l=` left unsigned (RFC 6376 8.2), so such a signature names no sender.
        """
        return tuple(dict.fromkeys(d.domain for d in self.dkim if d.result is Result.PASS and not d.unsigned))

    @property
    def unsettled(self) -> bool:
        """Whether DNS failed for the moment, so that asking again later could prove more."""
        results = [self.spf.result, self.dmarc.result, *(d.result for d in self.dkim)]
        return Result.TEMPERROR in results
