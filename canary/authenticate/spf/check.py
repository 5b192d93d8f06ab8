"""SPF: may this host send for the domain of the envelope? (RFC 7208)."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from canary.authenticate.lookup import DnsAnswer, Lookup, Temporary, dns_name
from canary.authenticate.spf.lookups import MAX_HOSTS, Asking, address
from canary.authenticate.spf.macro import SpfSender, expand_text
from canary.authenticate.spf.record import Broken, Mechanism, SpfRecord, parse_record, select_record
from canary.model.proof import Result, SpfResult

MAX_ADDRESS = 512
CLIENT_UNKNOWN = "the address of the client is unknown"
"""The reason of a result that there is none, as nobody who is trusted saw the client."""

_DOMAIN = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+")


async def check_spf(
    client_ip: str,
    mail_from: str,
    helo: str,
    lookup: Lookup,
    *,
    receiver: str = "unknown",
    now: datetime | None = None,
) -> SpfResult:
    """Judge the sending host by the domain of MAIL FROM, or of HELO for the null sender; never raises.

    `receiver` and `now` only serve the explanation, which is the sender's own text and as hostile as the mail.
    """
    local, domain, scope = _identity(mail_from, helo)
    ip = address(client_ip)
    if ip is None:
        return SpfResult(Result.NONE, domain, scope, CLIENT_UNKNOWN)
    if not _DOMAIN.fullmatch(domain):
        return SpfResult(Result.NONE, domain, scope, "there is no domain to ask (RFC 7208 4.3)")
    asking = Asking(lookup, SpfSender(local, domain, dns_name(helo[:MAX_ADDRESS]), ip, receiver, now))
    try:
        verdict = await _check_host(asking, domain)
    except Broken as error:
        return SpfResult(Result.PERMERROR, domain, scope, str(error))
    except Temporary as error:
        return SpfResult(Result.TEMPERROR, domain, scope, f"DNS could not answer ({error.word})")
    return SpfResult(verdict.result, domain, scope, verdict.reason, await _explanation(asking, verdict))


def _identity(mail_from: str, helo: str) -> tuple[str, str, str]:
    """Return the local part and domain to judge, and their scope; the null sender is postmaster at HELO (2.4)."""
    sender = mail_from[:MAX_ADDRESS].strip().removeprefix("<").removesuffix(">")
    if not sender:
        return "postmaster", dns_name(helo[:MAX_ADDRESS]), "helo"
    local, _, domain = sender.rpartition("@")
    return local or "postmaster", dns_name(domain), "mailfrom"


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A result, its reason, and the name that would have an explanation, still to be expanded."""

    result: Result
    reason: str
    domain: str = ""
    explanation: str = ""


async def _check_host(asking: Asking, domain: str) -> _Verdict:
    """Judge the client by the record of one domain (4); raises `Broken` or `Temporary` for an error."""
    record = await _record(asking, domain)
    if record is None:
        return _Verdict(Result.NONE, f"{domain or 'the domain'} has no SPF record")
    for mechanism in record.mechanisms:
        if await _MATCHERS[mechanism.name](asking, mechanism, domain):
            return _Verdict(mechanism.verdict, f"{mechanism.text} of {domain}", domain, record.explanation)
    if record.redirect:
        return await _redirect(asking, record.redirect, domain)
    return _Verdict(Result.NEUTRAL, f"nothing in the record of {domain} matches")


async def _record(asking: Asking, domain: str) -> SpfRecord | None:
    text = select_record((await asking.ask(domain, "TXT")).records)
    return None if text is None else parse_record(text)


async def _redirect(asking: Asking, target: str, domain: str) -> _Verdict:
    asking.count_term()
    verdict = await _check_host(asking, await asking.expand(target, domain))
    if verdict.result is Result.NONE:
        raise Broken(f"redirect={target} leads to no SPF record (RFC 7208 6.1)")
    return verdict


async def _explanation(asking: Asking, verdict: _Verdict) -> str:
    """Return the publisher's explanation of a fail, empty if there is any trouble with it (6.2)."""
    if verdict.result is not Result.FAIL or not verdict.explanation:
        return ""
    try:
        name = await asking.expand(verdict.explanation, verdict.domain)
        (record,) = (await asking.ask(name, "TXT")).records
        text = record.decode("ascii") if isinstance(record, bytes) else ""
    except (Temporary, ValueError):
        return ""
    return expand_text(text, await asking.values(text, verdict.domain))


async def _all(asking: Asking, mechanism: Mechanism, domain: str) -> bool:  # noqa: ARG001 - the shape of a matcher
    return True


async def _include(asking: Asking, mechanism: Mechanism, domain: str) -> bool:
    asking.count_term()
    verdict = await _check_host(asking, await asking.target(mechanism, domain))
    if verdict.result is Result.NONE:
        raise Broken(f"{mechanism.text} leads to no SPF record (RFC 7208 5.2)")
    return verdict.result is Result.PASS


async def _a(asking: Asking, mechanism: Mechanism, domain: str) -> bool:
    return _within(asking, mechanism, await asking.ask_term(mechanism, domain, asking.kind))


async def _mx(asking: Asking, mechanism: Mechanism, domain: str) -> bool:
    answer = await asking.ask_term(mechanism, domain, "MX")
    hosts = sorted(record for record in answer.records if isinstance(record, tuple))
    if len(hosts) > MAX_HOSTS:
        raise Broken(f"{mechanism.text} has more than {MAX_HOSTS} hosts (RFC 7208 4.6.4)")
    for _, host in hosts:
        if _within(asking, mechanism, await asking.ask(host, asking.kind)):
            return True
    return False


async def _ptr(asking: Asking, mechanism: Mechanism, domain: str) -> bool:
    asking.count_term()
    suffix = f".{dns_name(await asking.target(mechanism, domain))}"
    names = await asking.names()
    asking.count_void(void=not names)
    for name in names:
        if f".{name}".endswith(suffix) and await asking.proves(name):
            return True
    return False


async def _exists(asking: Asking, mechanism: Mechanism, domain: str) -> bool:
    # Always the A record, whatever the client's kind of address (5.7).
    return bool((await asking.ask_term(mechanism, domain, "A")).records)


async def _network(asking: Asking, mechanism: Mechanism, domain: str) -> bool:  # noqa: ARG001 - the shape of a matcher
    return mechanism.network is not None and asking.sender.ip in mechanism.network


def _within(asking: Asking, mechanism: Mechanism, answer: DnsAnswer) -> bool:
    """Whether an address of the answer is the client's, as far as the prefix length goes."""
    ip = asking.sender.ip
    spare = ip.max_prefixlen - mechanism.lengths[ip.version == 6]
    addresses = filter(None, (address(str(record)) for record in answer.records))
    return any(each.version == ip.version and not (int(each) ^ int(ip)) >> spare for each in addresses)


_MATCHERS: dict[str, Callable[[Asking, Mechanism, str], Awaitable[bool]]] = {
    "all": _all,
    "include": _include,
    "a": _a,
    "mx": _mx,
    "ptr": _ptr,
    "exists": _exists,
    "ip4": _network,
    "ip6": _network,
}
