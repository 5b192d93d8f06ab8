"""Who forwarded a mail, by proof, and what that forwarder states about it: who wrote, from where, and with what proof."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from canary.authenticate.forwarder_registry import Forwarder, ForwarderKind
from canary.authenticate.message import Message
from canary.authenticate.results.field import read_field
from canary.authenticate.results.trusted import proofs_stated
from canary.authenticate.vouching.recipients import text_of
from canary.authenticate.vouching.rewritten import is_rewritten, shown_author, srs_sender
from canary.authenticate.vouching.sealed import sealed_results
from canary.authenticate.vouching.side import MAX_FIELDS, ReceivingSide
from canary.mail.received import Hop
from canary.model.domain_names import is_within
from canary.model.mail import Client, Envelope, Mailbox, ParsedMail
from canary.model.proof import DmarcResult, Proofs, Result, SpfResult

UNSEEN = Client("")

_BARE = re.compile(r"[^\s<>()\[\],:;\"@]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
_BRACKETED = re.compile(r"<([^\s<>()\[\],:;\"@]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,252})>")


@dataclass(frozen=True, slots=True)
class Carried:
    """One mail as it came to our side: what it says, what was proven, and for which addresses it was delivered there.

    `host` is the verified reverse name of the host that brought it. `delivered` are addresses of anybody's.
    """

    message: Message
    mail: ParsedMail
    envelope: Envelope
    proofs: Proofs
    side: ReceivingSide
    hop: Hop | None = None
    host: str = ""
    delivered: tuple[str, ...] = ()

    @property
    def claim(self) -> str:
        """The domain of the From address."""
        return self.mail.sender.domain.lower().rstrip(".")

    @property
    def bouncing(self) -> str:
        """The domain of the reverse-path, where SPF passed for it."""
        spf = self.proofs.spf
        return spf.domain if spf.result is Result.PASS else ""

    @property
    def machine(self) -> str:
        """The verified reverse name of the host that brought it, by our own look or by the line of our side."""
        return self.host or (self.hop.name if self.hop else "")

    def stated(self, names: Sequence[str]) -> str:
        """Return the value of the first of some headers that the mail has; empty where two of one name disagree."""
        for name in names:
            values = {text_of(each.value) for each in self.message.named(name.lower().encode())[:10]}
            if values:
                return values.pop() if len(values) == 1 else ""
        return ""


@dataclass(frozen=True, slots=True)
class Forwarding:
    """How a mail was forwarded: by whom, and what its forwarder states.

    `author` is the address that wrote; empty where the From was rewritten and no header says whose it was, as `shown` is
    only what the new From still shows. `drops` are the domains whose proof is the forwarder's. `proofs` are what is
    proven of the writer: what came through, and what the forwarder states of it. `of_list` means that a mailing list sent
    it, where many write.
    """

    name: str
    author: str = ""
    shown: str = ""
    envelope: Envelope | None = None
    proofs: Proofs = field(default_factory=Proofs)
    of_list: bool = False


def forwarding_of(carried: Carried) -> Forwarding | None:
    """Return how a mail was forwarded, None where nothing proves that it was."""
    found = next((each for rule in RULES if (each := rule(carried)) is not None), None)
    return _forwarding(carried, found) if found else None


@dataclass(frozen=True, slots=True)
class _Proven:
    """A forwarder that was proven: its name, its row where the registry has one, and results that it sealed."""

    name: str
    row: Forwarder | None = None
    sealed: Proofs | None = None


def listed(carried: Carried) -> _Proven | None:
    """A forwarder of the registry signed it, bounces it, or brought it with its own machine."""
    registry, proofs = carried.side.forwarders, carried.proofs
    rows = [registry.signer(domain) for domain in proofs.dkim_domains[:10]]
    rows += [registry.bouncer(carried.bouncing), registry.machine(carried.machine)]
    found = next((row for row in rows if row is not None and _did_forward(row, carried)), None)
    return _Proven(found.name, found) if found else None


def _did_forward(row: Forwarder, carried: Carried) -> bool:
    """Whether it forwarded the mail: who keeps mailboxes or sites for others sends the mail that these write, too."""
    registry, path = carried.side.forwarders, carried.envelope.mail_from
    if row.kind in (ForwarderKind.ALIAS, ForwarderKind.LIST):
        return True
    if registry.holder_of(carried.claim) is row:
        return False
    if row.kind is ForwarderKind.MAILBOX:
        return is_rewritten(path) or _came_elsewhere(carried)
    signed = any(registry.signer(domain) is row for domain in carried.proofs.dkim_domains[:10])
    # Its machine alone, with a reverse-path that SPF proves and nobody rewrote, sent what the writer wrote there.
    return signed or registry.bouncer(carried.bouncing) is row or not carried.bouncing or is_rewritten(path)


def alias_service_of_ours(carried: Carried) -> _Proven | None:
    """An alias service that the owner runs, or lends the own domain to: our domain signed it, and its marks or forms are there."""
    row = _alias_of_ours(carried) if _own_domain(carried) else None
    return _Proven(row.name, row) if row else None


def _alias_of_ours(carried: Carried) -> Forwarder | None:
    """Return the alias service whose marks a mail has, or whose form of address its From at a domain of ours has."""
    registry, address = carried.side.forwarders, carried.mail.sender.address
    names = {each.key.decode() for each in carried.message.fields[:MAX_FIELDS]}
    marked = next(_aliases(registry.marked(names)), None)
    if marked or not carried.side.is_own(carried.claim):
        return marked
    return next((row for row in _aliases(registry.forwarders) if shown_author("", address, row.rewrites)), None)


def _aliases(rows: Sequence[Forwarder]) -> Iterator[Forwarder]:
    return (row for row in rows if row.kind is ForwarderKind.ALIAS)


def rewritten_for_us(carried: Carried) -> _Proven | None:
    """A domain of ours signed what others wrote, or stands in a reverse-path that was rewritten."""
    domain = "" if carried.side.is_own(carried.claim) else _own_domain(carried)
    return _Proven(domain) if domain else None


def _own_domain(carried: Carried) -> str:
    domains = (carried.bouncing, *carried.proofs.dkim_domains[:10])
    return next((domain for domain in domains if domain and carried.side.is_own(domain)), "")


def sealed(carried: Carried) -> _Proven | None:
    """A forwarder that the owner trusts sealed it, and the chain of seals is whole."""
    side = carried.side
    found = sealed_results(carried.message, carried.proofs.arc, (*side.writers, *side.trusted.hosts, *side.domains))
    if found is None:
        return None
    row = side.forwarders.sealer(found.domain)
    return _Proven(row.name if row else found.domain, row, found.proofs)


def by_scheme(carried: Carried) -> _Proven | None:
    """The reverse-path was rewritten, SPF proves the new one, and the mail was not brought straight to an address of ours."""
    path = carried.envelope.mail_from
    straight = any(carried.side.is_own(address.rpartition("@")[2]) for address in carried.delivered)
    return _Proven(carried.bouncing) if carried.bouncing and is_rewritten(path) and not straight else None


def to_another_mailbox(carried: Carried) -> _Proven | None:
    """It was written to an address of ours and came to another mailbox, so that the host that brought it passed it on."""
    if not _came_elsewhere(carried):
        return None
    registry = carried.side.forwarders
    row = _alias_of_ours(carried) if carried.side.is_own(carried.claim) else registry.holder_of(carried.claim)
    if row and row.kind is ForwarderKind.ALIAS and carried.proofs.dmarc.result is not Result.FAIL:
        return _Proven(row.name, row)  # old mail that nothing proves any more
    return _Proven(carried.machine or "An unknown host")


def _came_elsewhere(carried: Carried) -> bool:
    """Whether a mail for us was delivered to somebody else; whose own reverse-path proves its machine sent that itself."""
    side = carried.side
    if carried.bouncing and not is_rewritten(carried.envelope.mail_from):
        return False
    straight = any(side.is_own(address.rpartition("@")[2]) for address in carried.delivered)
    ours = any(side.is_own(box.domain) for box in carried.mail.recipients[:100])
    named = carried.mail.has("x-forwarded-for", "x-forwarded-to", "x-gm-original-to")
    return bool(carried.delivered) and not straight and (ours or (named and bool(side.domains)))


RULES: tuple[Callable[[Carried], _Proven | None], ...] = (
    alias_service_of_ours,
    listed,
    sealed,
    rewritten_for_us,
    by_scheme,
    to_another_mailbox,
)
"""Tried in this order."""


def _forwarding(carried: Carried, found: _Proven) -> Forwarding:
    row = found.row
    rewritten = _is_rewritten_from(carried, row)
    author = _author(carried, row) if rewritten else carried.mail.sender.address
    shown = (
        ""
        if author
        else shown_author(carried.mail.sender.name, carried.mail.sender.address, row.rewrites if row else ())
    )
    stated = _stated_proofs(carried, row, author) or found.sealed
    proofs = _behind(carried, found.name, rewritten=rewritten, stated=stated)
    of_list = row is not None and row.kind is ForwarderKind.LIST
    return Forwarding(found.name, author, shown, _original(carried, row), proofs, of_list)


def _is_rewritten_from(carried: Carried, row: Forwarder | None) -> bool:
    """Whether the From is the forwarder's: at its own domain or, of one that hides the writer, at ours, unproven or masked."""
    if row is None:
        return False
    if carried.side.forwarders.holder_of(carried.claim) is row:
        return True
    if not row.hides or carried.side.is_own(carried.claim):
        return row.hides
    sender = carried.mail.sender
    author = _author(carried, row) or shown_author(sender.name, sender.address, row.rewrites)
    came_through = any(_same_site(domain, carried.claim) for domain in carried.proofs.dkim_domains[:10])
    return not came_through or (bool(author) and author.lower() != sender.address.lower())


def _author(carried: Carried, row: Forwarder | None) -> str:
    value = carried.stated(row.sender)[:1000] if row else ""
    found = set(_BRACKETED.findall(value) or _BARE.findall(value))
    return str(found.pop()) if len(found) == 1 else ""


def _stated_proofs(carried: Carried, row: Forwarder | None, author: str) -> Proofs | None:
    """Return the results that a forwarder states as it saw them.

    They count only of one that makes a new mail and names its author: others pass on what anybody wrote.
    """
    value = carried.stated(row.results) if row and row.hides and author else ""
    return proofs_stated([read_field(value.encode())], row.name) if row and value else None


def _original(carried: Carried, row: Forwarder | None) -> Envelope:
    """Return the envelope as the forwarder got it, as far as it is stated; what is not known is left empty."""
    envelope = carried.envelope
    path = carried.stated(row.envelope_sender).strip("<> ") if row else ""
    client = carried.stated(row.client).strip("[] ") if row and row.hides else ""
    sender = path or srs_sender(envelope.mail_from) or ("" if row and row.hides else envelope.mail_from)
    return replace(envelope, mail_from=sender[:320], client=Client(client[:45]) if client else UNSEEN)


def _behind(carried: Carried, name: str, *, rewritten: bool, stated: Proofs | None) -> Proofs:
    """Return what is proven of the writer: signatures that are not the forwarder's, and what it states it saw."""
    proofs, why = carried.proofs, f"{name} forwarded it"
    dropped = _drops(carried, rewritten=rewritten)
    dkim = tuple(each for each in proofs.dkim if each.domain not in dropped)
    spf, dmarc = SpfResult(reason=why), DmarcResult(reason=why)
    if not rewritten and proofs.dmarc.result is Result.PASS and proofs.dmarc.aligned_dkim not in ("", *dropped):
        dmarc = proofs.dmarc
    if stated is None:
        return Proofs(spf, dkim, dmarc, proofs.arc)
    dmarc = stated.dmarc if stated.dmarc.result is Result.PASS else dmarc
    passed = tuple(each for each in stated.dkim if each.result is Result.PASS)
    return Proofs(stated.spf if stated.spf.result is Result.PASS else spf, (*dkim, *passed), dmarc, proofs.arc)


def _drops(carried: Carried, *, rewritten: bool) -> Collection[str]:
    """Return the signers that speak for the forwarder: itself, our own domains, and the signer of a rewritten From."""
    side = carried.side
    signers = {each.domain for each in carried.proofs.dkim}
    ours = {d for d in signers if side.is_own(d) or side.forwarders.signer(d)}
    return ours | ({d for d in signers if _same_site(d, carried.claim)} if rewritten else set())


def _same_site(signer: str, claim: str) -> bool:
    return is_within(claim, signer) or is_within(signer, claim)


def written_by(mail: ParsedMail, author: str) -> ParsedMail:
    """Return a mail as its author wrote it, with the address that its forwarder replaced."""
    if not author or author == mail.sender.address:
        return mail
    return replace(mail, senders=(Mailbox(mail.sender.name, author),))
