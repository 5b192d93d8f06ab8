"""What a probe means, a recipient that was asked for and sent no mail: somebody checks whether a list is still good."""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from canary.judge.confidence import confidence
from canary.judge.guess import Chance
from canary.judge.guess_reasons import at_decoy, guessing
from canary.model.canary import Canary
from canary.model.verdict import Judgement, Reason, Verdict, state_reason


def came_from(network: str, hosts: Iterable[str]) -> bool:
    """Whether one of these hosts is in a network; what is not an address is in none."""
    try:
        wanted = ip_network(network, strict=False)
        return any(ip_address(host) in wanted for host in hosts if host)
    except ValueError:
        return False


def judge_probe(canary: Canary, source: str, chance: Chance) -> Judgement:
    """Judge a probe at a canary; `source` is the network that asked, if known, `chance` how likely the address was guessed.

    It charges the vendor weakly: the address is on somebody's list, or a connection broke at the wrong moment.
    """
    if canary.vendor is None:
        return at_decoy(chance)
    reasons = [state_reason(Reason.NO_MAIL_FOLLOWED, source=source or "Somebody")]
    if canary.published:
        reasons.append(state_reason(Reason.PUBLISHED_ADDRESS))
    sure = confidence(Verdict.PROBE, (reason.code for reason in reasons)) * chance.leaked
    return Judgement(Verdict.PROBE, round(sure, 4), (*reasons, guessing(chance)))
