"""From proofs to an identity: the proven domain, and the mail provider's customer behind it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from canary.judge.organisation import normal, organisation, same_organisation
from canary.judge.platforms import statement_of
from canary.judge.providers import AccountRule, Provider, ProviderRegistry
from canary.judge.signatures import MAX_SIGNATURES, covered_headers
from canary.model.identity import Identity, Proof
from canary.model.mail import Envelope, ParsedMail
from canary.model.proof import Proofs, Result

_STRENGTH = tuple(Proof)


def identify(mail: ParsedMail, proofs: Proofs, envelope: Envelope, book: ProviderRegistry, host: str = "") -> Identity:
    """Return who sent a mail, as far as proofs go; `host` is the verified reverse name of the client, if known.

    The strongest proof wins, in the order of `Proof`; but among domains that do not align with the From, one that many
    customers of a platform share does not show who wrote, so it comes last.
    """
    claim = normal(mail.sender.domain)
    proven = list(_proven(claim, proofs))
    tie = _tie(proofs, envelope, book, host)
    esp, account = _customer(_Evidence(mail, proofs, envelope, book, tie)) if tie else (None, None)
    who = Identity(
        claim=claim, esp=esp, account=account, domains=tuple(dict.fromkeys(name for _, name in proven)),
        carriers=_carriers(tie, esp, book) if tie else (), by_contract=esp is not None and book.is_by_contract(esp),
    )  # fmt: skip
    if not proven:
        return who
    proof, domain = min(proven, key=lambda found: _rank(found, claim, book))
    shared, said = book.is_shared(domain), statement_of(mail, proofs, envelope, book.services)
    return replace(
        who, domain=domain, organisation=organisation(domain), proof=proof, shared=shared,
        platform=said.platform, merchants=said.merchants, named=said.named,
    )  # fmt: skip


def of_list(who: Identity, domain: str, book: ProviderRegistry, *, signed: bool) -> Identity:
    """Return the identity of a mailing list instead of the author who wrote to it: the list alone knows who reads.

    A platform of many lists, or a provider whose customers send newsletters, stands for none of them.
    """
    if book.is_shared(domain) or book.signer(domain) or book.bouncer(domain):
        return who
    proof = Proof.DKIM_ALIGNED if signed else Proof.SPF_ALIGNED
    return replace(
        who, claim=normal(domain), domain=normal(domain), organisation=organisation(domain), proof=proof, shared=False
    )


def behind(who: Identity, forwarder: str, author: str) -> Identity:
    """Return the identity of a writer whose mail a forwarder brought; where nothing proves it, no account is its own."""
    found = replace(who, forwarder=forwarder, author=author)
    return found if found.proven else replace(found, esp=None, account=None, carriers=())


def among_many(who: Identity, forwarder: str) -> Identity:
    """Return what is known of a writer on a platform of mailing lists: which domains are proven, but not that it is theirs."""
    return Identity(domains=who.domains, forwarder=forwarder)


def _proven(claim: str, proofs: Proofs) -> Iterator[tuple[Proof, str]]:
    for domain in filter(None, map(normal, proofs.dkim_domains)):
        yield (Proof.DKIM_ALIGNED if same_organisation(domain, claim) else Proof.DKIM), domain
    domain = _spf_domain(proofs)
    if domain:
        yield (Proof.SPF_ALIGNED if same_organisation(domain, claim) else Proof.SPF), domain


def _spf_domain(proofs: Proofs) -> str:
    return normal(proofs.spf.domain) if proofs.spf.result is Result.PASS else ""


def _rank(found: tuple[Proof, str], claim: str, book: ProviderRegistry) -> tuple[bool, int, bool]:
    proof, domain = found
    anybody = proof in (Proof.DKIM, Proof.SPF) and book.is_shared(domain)
    return anybody, _STRENGTH.index(proof), domain != claim


@dataclass(frozen=True, slots=True)
class _Tie:
    """A provider that proof points to; `machine` when its own machine brought the mail, `bounces` when SPF says so.

    `seen` are all providers that proof points to.
    """

    provider: Provider
    machine: bool
    bounces: bool
    seen: tuple[Provider, ...] = ()


def _tie(proofs: Proofs, envelope: Envelope, book: ProviderRegistry, host: str) -> _Tie | None:
    """Return the provider; one that sends through another is preferred to that other."""
    signers = [book.signer(domain) for domain in proofs.dkim_domains[:MAX_SIGNATURES]]
    bouncer, machine = book.bouncer(_spf_domain(proofs)), book.machine(envelope.client.ip, host)
    found = [provider for provider in (*signers, bouncer, machine) if provider is not None]
    ridden = {slug for provider in found for slug in provider.rides}
    chosen = next((provider for provider in found if provider.slug not in ridden), None)
    return _Tie(chosen, chosen is machine, chosen is bouncer, tuple(found)) if chosen else None


def _carriers(tie: _Tie, esp: str | None, book: ProviderRegistry) -> tuple[tuple[str, str], ...]:
    """Return the provider and those it was proven to send through: each of them saw the address."""
    first = next((p for p in book.providers if p.slug == esp), tie.provider)
    through = (p for p in (tie.provider, *tie.seen) if p.slug in first.rides)
    return tuple(dict.fromkeys((p.slug, p.name) for p in (first, *through)))


def _customer(evidence: "_Evidence") -> tuple[str, str | None]:
    """Return the provider and its customer; where that customer is a provider itself, that one and its customer.

    A provider that sends through another holds an account there, shared by all customers of its own. The registry has
    some of these accounts. Where it has not, marks of such a provider make both accounts count, or none.
    """
    tie, book, account = evidence.tie, evidence.book, evidence.account()
    slug = tie.provider.slug
    holder = book.holder(f"{slug}/{account}")
    if holder:
        return holder.slug, replace(evidence, tie=replace(tie, provider=holder)).account()
    riders = [p for p in book.providers if slug in p.rides and any(_marks(evidence.mail, p))]
    if account and riders:
        inner = replace(evidence, tie=replace(tie, provider=riders[0])).account()
        account = f"{account}.{inner}" if inner else None
    return slug, account


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What a mail says about the account, by how hard it is to forge.

    Another customer of the same provider can write headers as it likes, and a replayed mail keeps its signature
    under new headers. So a value counts only where the provider itself vouches for it: its signing domain, the
    reverse-path for which SPF passed, a header that its signature covers, or what a mail says that its own machine
    brought (the registry names only what providers overwrite in their customers' mail). Where values contradict each
    other, no account is named: an unknown account is never taken for the vendor's.
    """

    mail: ParsedMail
    proofs: Proofs
    envelope: Envelope
    book: ProviderRegistry
    tie: _Tie

    @property
    def delivered(self) -> bool:
        """Whether the mail came straight from the provider."""
        return self.tie.machine or self.tie.bounces

    def account(self) -> str | None:
        """Return the account that the first matching rule reads."""
        return next(filter(None, map(self._read, self.tie.provider.account)), None)

    def _read(self, rule: AccountRule) -> str | None:
        sources = {"envelope": self._reverse_path, "signer": self._signers, "selector": self._selectors}
        values = sources[rule.place]() if rule.place in sources else self._header(rule.place)
        accounts = {account for value in values if (account := rule.read(value))}
        return accounts.pop() if len(accounts) == 1 else None

    def _signers(self) -> list[str]:
        return [d for d in self.proofs.dkim_domains[:MAX_SIGNATURES] if self.book.signer(d) is self.tie.provider]

    def _selectors(self) -> list[str]:
        passed = [d.selector for d in self.proofs.dkim[:MAX_SIGNATURES] if d.result is Result.PASS]
        return passed if self.delivered else []

    def _reverse_path(self) -> list[str]:
        path, spf = self.envelope.mail_from, self.proofs.spf
        passed = spf.scope == "mailfrom" and normal(path.rpartition("@")[2]) == _spf_domain(self.proofs)
        return [path] if "@" in path and (self.tie.machine or (self.tie.bounces and passed)) else []

    def _header(self, name: str) -> list[str]:
        values = [value for key, value in self.mail.headers if key.lower() == name]
        covered = covered_headers(self.mail, self.proofs, set(self._signers()))[name]
        if covered:
            # RFC 6376 5.4.2: signers count instances from the bottom; what was added on top later is not covered.
            return values[-covered:]
        return values if self.delivered else []


def _marks(mail: ParsedMail, provider: Provider) -> Iterator[bool]:
    for name, shape in provider.headers:
        yield bool(mail.has(name) and shape.fullmatch(mail.header(name)[:2000]))
    if provider.feedback_id:
        yield bool(provider.feedback_id.fullmatch(mail.header("Feedback-ID")[:500]))
    hosts = re.findall(r"[a-z0-9.-]+", mail.header("List-Unsubscribe")[:2000].lower())
    yield any(f".{host}".endswith(f".{domain}") for host in hosts for domain in provider.unsubscribe)
