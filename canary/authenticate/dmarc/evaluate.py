"""DMARC: is the author's domain proven by an identifier of its own organisation? (RFC 9989)."""

from collections.abc import Iterator
from dataclasses import dataclass

from canary.authenticate.dmarc.record import Policy, select_policy
from canary.authenticate.lookup import Lookup, Temporary, dns_name
from canary.model.proof import DkimResult, DmarcResult, Result, SpfResult

MAX_QUERIES = 8
"""Queries of one tree walk (4.10)."""

MAX_IDENTIFIERS = 10


async def check_dmarc(author_domain: str, spf: SpfResult, dkim: tuple[DkimResult, ...], lookup: Lookup) -> DmarcResult:
    """Judge the author's domain by what SPF and DKIM proved; never raises, DNS trouble is a temperror (5.3.6)."""
    author = dns_name(author_domain)
    if not author:
        return DmarcResult(reason="there is no author domain (RFC 9989 5.3.1)")
    tree = _Tree(lookup)
    try:
        found = await _discover(tree, author)
    except Temporary as error:
        return DmarcResult(Result.TEMPERROR, author, reason=f"DNS could not answer ({error.word})")
    if found is None or not found.policy.p:
        return DmarcResult(Result.NONE, author, author, reason="no policy is published (RFC 9989 4.10.1)")
    return await _judge(tree, found, spf, dkim)


@dataclass(frozen=True, slots=True)
class _Found:
    """The policy that applies to an author domain, where it was found, and the organisation, empty if DNS failed."""

    author: str
    domain: str
    policy: Policy
    organisation: str


class _Tree:
    """The policies published along the names asked so far; every name is asked once."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self._asked: dict[str, Policy | None] = {}

    async def policy(self, domain: str) -> Policy | None:
        """Return the policy published at a domain; raises `Temporary`."""
        if domain not in self._asked:
            self._asked[domain] = select_policy((await self.lookup(f"_dmarc.{domain}", "TXT")).records)
        return self._asked[domain]

    async def walk(self, start: str) -> dict[str, Policy]:
        """Return the policies found from a domain up to the root or a psd tag, longest name first (4.10)."""
        found = {}
        for domain in _names(start):
            policy = await self.policy(domain)
            if policy is not None:
                found[domain] = policy
                if policy.psd != "u":
                    break
        return found

    async def organisation(self, start: str) -> str:
        """Return the organisational domain of a domain (4.10.2); raises `Temporary`."""
        return _organisation(start, await self.walk(start))


def _names(start: str) -> Iterator[str]:
    """Return the names a walk asks: the start, then its parents; of a long name only those of at most 7 labels."""
    yield start
    labels = start.split(".")
    for count in range(min(len(labels), MAX_QUERIES) - 1, 0, -1):
        yield ".".join(labels[-count:])


def _organisation(start: str, found: dict[str, Policy]) -> str:
    """Select the organisational domain among the domains with a policy, longest name first (4.10.2)."""
    for domain, policy in found.items():
        if policy.psd == "n":
            return domain
        if policy.psd == "y" and domain != start:
            return _child(start, domain)
    return next(reversed(found), start)


def _child(start: str, parent: str) -> str:
    """The name one label below a parent, towards the start."""
    return ".".join(start.split(".")[-parent.count(".") - 2 :])


async def _discover(tree: _Tree, author: str) -> _Found | None:
    """Find the policy that applies: the author domain's own, its organisation's, its public suffix's (4.10.1)."""
    own = await tree.policy(author)
    try:
        found = await tree.walk(author)
    except Temporary:
        if own is None:
            raise
        # Its own policy applies; only identifiers other than the author domain itself cannot be compared.
        return _Found(author, author, own, "")
    if not found:
        return None
    organisation = _organisation(author, found)
    domain = next((name for name in (author, organisation) if name in found), next(reversed(found)))
    return _Found(author, domain, found[domain], organisation)


async def _judge(tree: _Tree, found: _Found, spf: SpfResult, dkim: tuple[DkimResult, ...]) -> DmarcResult:
    signers = [(each.domain, each.result) for each in dkim[:MAX_IDENTIFIERS]]
    by_dkim, dkim_unsure = await _aligned(tree, found, "adkim", signers)
    by_spf, spf_unsure = await _aligned(tree, found, "aspf", [(spf.domain, spf.result)])
    result = _result(aligned=bool(by_dkim or by_spf), unsure=dkim_unsure or spf_unsure)
    policy = ""
    try:
        policy = await _policy(tree.lookup, found)
    except Temporary:
        result = result if result is Result.PASS else Result.TEMPERROR
    reason = f"{_REASONS[result]}; policy {policy or 'unknown'} of {found.domain}"
    return DmarcResult(result, found.author, found.organisation, policy, by_dkim, by_spf, reason)


_REASONS = {
    Result.PASS: "proven by an aligned domain",
    Result.FAIL: "no aligned domain is proven",
    Result.TEMPERROR: "DNS could not answer for a domain that may be aligned",
}


def _result(*, aligned: bool, unsure: bool) -> Result:
    if aligned:
        return Result.PASS
    return Result.TEMPERROR if unsure else Result.FAIL


async def _aligned(tree: _Tree, found: _Found, mode: str, identifiers: list[tuple[str, Result]]) -> tuple[str, bool]:
    """Return the first proven and aligned identifier, and whether DNS trouble leaves open that there is one."""
    unsure = False
    for name, result in identifiers:
        domain = dns_name(name)
        if result not in {Result.PASS, Result.TEMPERROR} or not _may_align(found, mode, domain):
            continue
        try:
            aligned = result is Result.PASS and await _is_aligned(tree, found, domain)
        except Temporary:
            aligned, unsure = False, True
        if aligned:
            return domain, False
        unsure = unsure or result is Result.TEMPERROR
    return "", unsure


def _may_align(found: _Found, mode: str, domain: str) -> bool:
    """Whether the names allow alignment; only then the tree of an identifier is walked."""
    if domain == found.author:
        return True
    if not domain or mode in found.policy.strict:
        return False
    return not found.organisation or f".{domain}".endswith(f".{found.organisation}")


async def _is_aligned(tree: _Tree, found: _Found, domain: str) -> bool:
    """Whether an identifier has the author domain's organisation (4.10.2)."""
    if domain == found.author:
        return True
    if not found.organisation:
        raise Temporary
    return await tree.organisation(domain) == found.organisation


async def _policy(lookup: Lookup, found: _Found) -> str:
    """The policy that applies to the author domain; only np asks whether that domain exists (3.2.13)."""
    below = found.domain != found.author
    exists = not (below and found.policy.np) or (await lookup(found.author, "A")).exists
    return found.policy.for_domain(below=below, exists=exists)
