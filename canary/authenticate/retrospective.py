"""What today's DNS says about mail of years ago: a pass is proof, anything else only means it was asked too late."""

from dataclasses import replace

from canary.authenticate.spf.check import CLIENT_UNKNOWN
from canary.model.proof import DkimResult, DmarcResult, Proofs, Result, SpfResult

TOO_LATE = "asked too late to tell"


def believed_late(proofs: Proofs) -> Proofs:
    """Return proofs with every result but a pass made a temporary error.

    Keys are withdrawn and records rewritten, so a signature that no key verifies and a host that no record names may
    have been right in their time. What passes today still needs the sender's key, or the sender's record for that host.
    """
    return replace(
        proofs, spf=_spf(proofs.spf), dkim=tuple(_dkim(each) for each in proofs.dkim), dmarc=_dmarc(proofs.dmarc)
    )


def believed_without_client(proofs: Proofs) -> Proofs:
    """Return proofs without a DMARC failure, which SPF might have averted had anybody seen the client."""
    if proofs.dmarc.result is not Result.FAIL:
        return proofs
    why = f"{CLIENT_UNKNOWN}, so SPF could not speak for it"
    return replace(proofs, dmarc=replace(proofs.dmarc, result=Result.NONE, policy="", reason=why))


def is_too_late(proofs: Proofs) -> bool:
    """Whether DNS was asked so late that what it did not prove says nothing."""
    return proofs.dmarc.reason.startswith(TOO_LATE)


def _spf(found: SpfResult) -> SpfResult:
    if found.result is Result.PASS:
        return found
    return replace(found, result=Result.TEMPERROR, reason=_why(found.result, found.reason), explanation="")


def _dkim(found: DkimResult) -> DkimResult:
    if found.result is Result.PASS:
        return found
    return replace(found, result=Result.TEMPERROR, reason=_why(found.result, found.reason))


def _dmarc(found: DmarcResult) -> DmarcResult:
    if found.result is Result.PASS:
        return found
    return replace(found, result=Result.TEMPERROR, policy="", reason=_why(found.result, found.reason))


def _why(result: Result, reason: str) -> str:
    return f"{TOO_LATE}: today {result.value}" + (f" ({reason})" if reason else "")
