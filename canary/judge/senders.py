"""Who sends for a vendor: the key of a sender, whether an unknown one may be the vendor's, and when it is learned."""

import re
from collections.abc import Collection, Iterator
from datetime import timedelta

from canary.judge.fraud import fraud_signs, risky_files
from canary.judge.lookalike import imitated
from canary.judge.names import links_to, mail_names
from canary.judge.organisation import is_tenant, organisation, same_organisation
from canary.mail.text import link_host, words
from canary.model.identity import Identity, Proof
from canary.model.mail import ParsedMail
from canary.model.party import Vendor
from canary.model.sender import Sender, SenderState
from canary.model.verdict import Judgement, Reason, Verdict

SOON = timedelta(days=3)
"""How soon after an address was given a request to confirm it is trusted."""

FIRST_WEEKS = timedelta(days=42)
"""For how long after an address was given an undeclared sender is more likely than a leak."""

MAX_TEXT = 32 * 1024
_ALIGNED = frozenset({Proof.DKIM_ALIGNED, Proof.SPF_ALIGNED})
_ADDRESS = re.compile(r"\S*(?:://|@)\S*|\S+\.\S+")
_CONFIRM = re.compile(
    r"\b(?:confirm|verify|activate|subscri|sign(?:ed|ing)? up|bestätig|anmeld|aktivier|confirm[eao]|inscri|suscri"
    r"|iscri|attiva|bevestig|aanmeld|bekræft|bekräfta)",
    re.IGNORECASE,
)


def sender_key(who: Identity) -> str:
    """Return the key under which a proven sender is kept, empty where nothing distinguishes it from others.

    A domain of its own that aligns with the From comes first, then the account at a provider, then the tenant's name
    at a platform that signed for it; last a platform alone, which only means something beside the From domain. So does
    a forwarder, behind which nothing proves who wrote.
    """
    if not who.proven:
        return f"{organisation(who.claim)} via {who.forwarder}" if who.forwarder and who.claim else ""
    if who.proof in _ALIGNED and not who.shared:
        return organisation(who.domain)
    if who.account:
        return f"{who.esp}/{who.account}"
    if _vouched(who):
        return organisation(who.claim)
    if who.esp or who.shared:
        return f"{organisation(who.claim)} via {who.esp or organisation(who.domain)}" if who.claim else ""
    # A reverse-path alone may be that of a forwarder, which passes on anything it gets.
    return organisation(who.domain) if who.proof is Proof.DKIM else ""


def writer_key(who: Identity) -> str:
    """Return what a proven sender is recognised by when it writes to the same address again."""
    return sender_key(who) or organisation(who.domain)


def sender_keys(who: Identity) -> tuple[str, ...]:
    """Return every key that a decision on this sender may be about, the one under which it is kept first."""
    account = f"{who.esp}/{who.account}" if who.account else ""
    own = (organisation(domain) for domain in who.domains)
    # The claim comes last: what is decided about a domain concerns the mail that only claims it, too.
    return tuple(dict.fromkeys(filter(None, (sender_key(who), account, *own, organisation(who.claim)))))


def known_as(who: Identity, keys: Collection[str]) -> str:
    """Return which of some keys a sender proved, empty if none; a platform of many tenants proves none of them."""
    if not keys or not (who.proven or who.behind_forwarder):
        return ""
    own = [d for d in who.domains if not (who.shared and d == who.domain)]
    proved = (sender_key(who), f"{who.esp}/{who.account}", *own, *map(organisation, own))
    return next((key for key in proved if key in keys), "")


def refused_as(who: Identity, denied: Collection[str]) -> str:
    """Return which of the keys that were refused a sender proved, or claims: to be refused needs no proof."""
    claim = organisation(who.claim)
    return known_as(who, denied) or (claim if claim in denied else "")


def is_supply(key: str) -> bool:
    """Whether a key is an account or tenant at a provider, and not a domain."""
    return "/" in key or " via " in key


def may_speak_for(mail: ParsedMail, who: Identity, vendor: Vendor, age: timedelta) -> bool:
    """Whether a stranger may act for the vendor: it proved its own From, and says its own name and the vendor's.

    Help desks, payment and survey services do so, and brands of the vendor. A forger proves nothing, an intruder who
    sends from a broken site does not name that site, and a buyer of lists does not say whose customers they are. A name
    like the vendor's may be one of its own in the first weeks after the address was given; later it is bait. None of
    this matters where all links lead to the vendor's own site, as then nobody else can gain by the mail.
    """
    if fraud_signs(mail) or risky_files(mail) or leads_astray(mail, vendor):
        return False
    if _vouched(who):
        return _is_tenant_of(who, vendor) or mail_names(mail, vendor)
    if vendor.supplies_through(who.esp) and who.account:
        return mail_names(mail, vendor)
    if who.proof not in _ALIGNED or who.shared or not mail_names(mail, vendor):
        return False
    named = says_own_name(mail, organisation(who.domain)) and (age <= FIRST_WEEKS or not _sounds_like(who, vendor))
    return named or leads_home(mail, vendor)


def asks_to_confirm(mail: ParsedMail, who: Identity, vendor: Vendor, age: timedelta) -> bool:
    """Whether it is the double opt-in for an address that was given a moment ago, which nobody else can know yet."""
    if not timedelta(0) <= age <= SOON or who.proof not in _ALIGNED or fraud_signs(mail) or risky_files(mail):
        return False
    near = imitated([who.claim, *who.domains], vendor.domains, vendor.name)
    shape = 1 <= len(mail.links) <= 8 and _CONFIRM.search(f"{mail.subject} {mail.text[:MAX_TEXT]}")
    return bool(shape) and (mail_names(mail, vendor) or links_to(mail, vendor)) and not (near and near[1].near)


def confirms(mail: ParsedMail, who: Identity, age: timedelta) -> bool:
    """Whether it asks to confirm an address, or confirms it, on the day it was given; nobody else can know it then."""
    today = timedelta(0) <= age <= timedelta(days=1) and who.proven
    return bool(today and len(mail.links) <= 20 and is_confirmation(mail.subject)) and not risky_files(mail)


def is_confirmation(subject: str) -> bool:
    """Whether a subject asks to confirm an address or confirms it."""
    return _CONFIRM.search(subject) is not None


def asks_owner(sender: Sender, judgement: Judgement) -> bool:
    """Whether to ask the owner about a sender that waits, by one more of its mails; nobody is asked twice.

    What asks to confirm an address that was given a moment ago may well be all that its sender ever writes.
    """
    only_confirms = any(reason.code is Reason.ASKS_TO_CONFIRM for reason in judgement.reasons)
    return sender.asked is None and not (only_confirms and not sender.count)


def observed_senders(who: Identity, vendor: Vendor, judgement: Judgement) -> Iterator[tuple[str, SenderState]]:
    """Yield the keys that one judged mail shows to be, or to claim to be, senders of the vendor, with their state."""
    if judgement.verdict in (Verdict.EXPECTED, Verdict.SUPPLIER):
        own = next((d for d in who.domains if any(same_organisation(d, v) for v in vendor.domains)), "")
        key = organisation(own) if own and judgement.verdict is Verdict.EXPECTED else known_as(who, vendor.senders)
        if key:
            told = own or key in vendor.declared_accounts
            yield key, SenderState.DECLARED if told else SenderState.LEARNED
    elif judgement.verdict is Verdict.NEW_SENDER:
        key = sender_key(who)
        # A provider that the vendor is known to use, without an account: there is nothing to ask about.
        hidden = " via " in key and any(known.startswith(f"{who.esp}/") for known in vendor.senders)
        if key and not hidden:
            yield key, SenderState.PENDING
    elif key := refused_as(who, vendor.denied):
        yield key, SenderState.DENIED


def pending(who: Identity, vendor: Vendor, judgement: Judgement) -> frozenset[str]:
    """Return the keys that one judged mail brings before the owner."""
    return frozenset(key for key, state in observed_senders(who, vendor, judgement) if state is SenderState.PENDING)


def confirmed_account(
    who: Identity, vendor: Vendor, judgement: Judgement, age: timedelta, learned_for: timedelta
) -> str:
    """Return the account that a mail in the first weeks proves to be the vendor's, by the vendor's own proof beside it.

    That proof must be tied to the address it came to: a newsletter can be sent on through anybody's account.
    """
    early = timedelta(0) <= age <= learned_for and judgement.verdict is Verdict.EXPECTED
    own = any(same_organisation(who.domain, v) for v in vendor.domains) and who.proof in _ALIGNED
    key = f"{who.esp}/{who.account}"
    return key if early and own and who.account and key not in vendor.senders | vendor.denied else ""


def _vouched(who: Identity) -> bool:
    """Whether a platform that names each tenant below its own domain proved the From of one."""
    return is_tenant(who.claim) and any(
        who.claim == domain or who.claim.endswith(f".{domain}") for domain in who.domains
    )


def _is_tenant_of(who: Identity, vendor: Vendor) -> bool:
    return who.claim.partition(".")[0].replace("-", "") in _labels(vendor)


def _labels(vendor: Vendor) -> set[str]:
    """Return the vendor's name and the labels of its domains, each as one word."""
    labels = (organisation(domain).partition(".")[0].replace("-", "") for domain in vendor.domains)
    named = ("".join(words(name)) for name in vendor.names)
    return {label for label in (*labels, *named) if len(label) >= 4}


def says_own_name(mail: ParsedMail, domain: str) -> bool:
    """Whether the label that people read in a domain is said as a name, not only as a part of addresses."""
    label = "".join(words(domain.partition(".")[0]))
    if len(label) < 3:
        return False
    said = _ADDRESS.sub(" ", f"{mail.sender.name} {mail.subject} {mail.text[:MAX_TEXT]}")
    return label in "".join(words(_ADDRESS.sub(" ", mail.sender.name))) or label in words(said)


def _sounds_like(who: Identity, vendor: Vendor) -> bool:
    own = organisation(who.domain).partition(".")[0].replace("-", "")
    return any(label in own for label in _labels(vendor)) or bool(imitated(who.domains, vendor.domains, vendor.name))


def leads_home(mail: ParsedMail, vendor: Vendor) -> bool:
    """Whether a mail has links, and all of them go to the vendor's own site."""
    hosts = {link_host(link) for link in mail.links}
    return bool(hosts) and all(any(same_organisation(host, domain) for domain in vendor.domains) for host in hosts)


def leads_astray(mail: ParsedMail, vendor: Vendor) -> bool:
    """Whether a mail links to a look-alike of the vendor's site."""
    led = imitated(dict.fromkeys(link_host(link) for link in mail.links[:20]), vendor.domains, vendor.name)
    return bool(led and led[1].near)
