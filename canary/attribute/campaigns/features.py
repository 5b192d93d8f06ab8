"""From a mail to what it shows of its sending: the sketch of its text, and its strong features.

A feature is strong when mails of unrelated senders hardly ever have the same value. What many share - a mail
platform's signature, a shortener's links, a subject of two words - is no feature here, so it can link nobody.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from canary.attribute.campaigns.minhash import ENOUGH_WORDS, sketch
from canary.attribute.campaigns.normalise import Addressee, fold, normal_words, subject_words
from canary.attribute.campaigns.shared_hosting import COUNTRIES, HOSTERS, MAILERS, ROLES, SITES, STORES
from canary.judge.organisation import organisation
from canary.judge.providers import ProviderRegistry
from canary.mail.text import hides_text, html_to_text, link_host, visible_text
from canary.model.campaign import CampaignSending, Feature, FeatureKind
from canary.model.canary import Canary
from canary.model.domain_names import parents
from canary.model.identity import Identity
from canary.model.mail import Attachment, Client, ParsedMail
from canary.model.party import Vendor
from canary.model.proof import Proofs

MAX_VALUE = 200
MAX_LINKS = 20
MAX_ATTACHMENTS = 2
MAX_ADDRESSEES = 50

_ENOUGH_LETTERS = 14
_SMALL_FILE, _SMALL_IMAGE = 1024, 16 * 1024
"""Smaller files are signatures and calling cards, smaller images the logos of those who are imitated."""
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
_OWN_NETWORKS = tuple(
    ip_network(net)
    for net in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)


def addressee(mail: ParsedMail, owners: Iterable[tuple[Canary, Vendor]]) -> Addressee:
    """Say whom a mail was for: the canaries it reached, their personas and vendors, and the names in To and Cc."""
    names, domains = [box.name for box in mail.recipients[:5] if len(box.name) <= 60], []
    for canary, vendor in list(owners)[:MAX_ADDRESSEES]:
        names += [vendor.name, canary.address.rpartition("@")[0]]
        domains += [canary.domain, *vendor.domains]
        if (persona := canary.persona) is not None:
            full = f"{persona.given_name} {persona.family_name}"
            names += [full, persona.given_name, persona.family_name, persona.company]
    return Addressee(tuple(filter(None, names)), tuple(map(organisation, domains)))


def sending(
    mail: ParsedMail, proofs: Proofs, identity: Identity, client: Client, to: Addressee, book: ProviderRegistry
) -> CampaignSending:
    """Return what a mail shows of the sending it belongs to."""
    words = _text(mail, to)
    drawn, link = sketch(words), tuple(_link(mail, to, book))
    features = (
        *(() if drawn else _worded(FeatureKind.WORDS, words)),
        *_worded(FeatureKind.SUBJECT, subject_words(mail.subject, to)),
        *(() if _own_site(mail, link) else _sender(mail, to)),
        *link,
        *_attachments(mail.attachments),
        *_signer(proofs, to, book),
        *_account(identity),
        *_hosts(client, to, book),
    )
    return CampaignSending(drawn, features)


def worded(mail: ParsedMail, to: Addressee) -> CampaignSending:
    """Return what the words of a mail alone show of its sending."""
    return CampaignSending(sketch(_text(mail, to)))


def _text(mail: ParsedMail, to: Addressee) -> list[str]:
    if hides_text(mail.html):
        # What is hidden from the reader is the same in all mails of one spammer's tool, whatever they are about.
        return normal_words(visible_text(mail.html), to)
    words = normal_words(mail.text, to)
    if len(words) < ENOUGH_WORDS and mail.html:
        # A plain part often says no more than that the other one is to be read.
        return max(words, normal_words(html_to_text(mail.html)[0], to), key=len)
    return words


def _worded(kind: FeatureKind, words: list[str]) -> Iterator[Feature]:
    solid = sum(len(word) == 1 for word in words)
    if len(words) - solid >= 3 or solid >= 6:
        value = " ".join(words)[:MAX_VALUE]
        if len(value) >= _ENOUGH_LETTERS or solid >= 6:
            yield Feature(kind, value)


def _sender(mail: ParsedMail, to: Addressee) -> Iterator[Feature]:
    """The display name and the shape of the local part; a domain is cheap and changes, a habit of naming does not."""
    local = fold(mail.sender.address.rpartition("@")[0])[:64]
    shape = re.sub(r"[0-9]+", "0", local)
    name = " ".join(subject_words(mail.sender.name, to))
    specific = len(name) + (0 if local in ROLES else len(re.sub(r"[^a-z]", "", local)))
    if name and specific >= _ENOUGH_LETTERS:
        yield Feature(FeatureKind.SENDER, f"{name} <{shape}>"[:MAX_VALUE])


def _link(mail: ParsedMail, to: Addressee, book: ProviderRegistry) -> Iterator[Feature]:
    hosts = (link_host(link) for link in mail.links[:MAX_LINKS])
    domains = (organisation(host) for host in hosts if host and not _anybody(host))
    first = next((d for d in domains if d and d not in to.domains and d not in book.platforms), None)
    if first:
        yield Feature(FeatureKind.LINK, first[:MAX_VALUE])


def _own_site(mail: ParsedMail, link: tuple[Feature, ...]) -> bool:
    """Whether a mail leads to the site of its sender, so that both say one thing: who that is."""
    return any(feature.value == organisation(mail.sender.domain) for feature in link)


def _attachments(attachments: tuple[Attachment, ...]) -> Iterator[Feature]:
    big = (a for a in attachments if a.size >= (_SMALL_IMAGE if a.type.startswith("image/") else _SMALL_FILE))
    hashes = dict.fromkeys(a.sha256 for a in big if a.type not in _SIGNATURES)
    yield from (Feature(FeatureKind.ATTACHMENT, sha256) for sha256 in sorted(hashes)[:MAX_ATTACHMENTS])


def _signer(proofs: Proofs, to: Addressee, book: ProviderRegistry) -> Iterator[Feature]:
    domains = (organisation(d) for d in proofs.dkim_domains if not book.is_shared(d))
    first = next((d for d in domains if d and _tells(d, to, book) and d not in MAILERS), None)
    if first:
        yield Feature(FeatureKind.DKIM, first[:MAX_VALUE])


def _account(identity: Identity) -> Iterator[Feature]:
    if identity.esp and identity.account:
        yield Feature(FeatureKind.ACCOUNT, f"{identity.esp}/{identity.account}"[:MAX_VALUE])


def _hosts(client: Client, to: Addressee, book: ProviderRegistry) -> Iterator[Feature]:
    """What the host called itself, and its network; both are one feature with two values."""
    name = client.helo.strip("[]")
    helo = organisation(name) if "." in name and not name.rpartition(".")[2].isdigit() else ""
    if helo in MAILERS or book.is_shared(helo) or book.machine(client.ip, helo):
        return
    if helo and helo not in HOSTERS and helo.rpartition(".")[2] not in HOSTERS and _tells(helo, to, book):
        yield Feature(FeatureKind.HOST, helo[:MAX_VALUE])
    if network := _network(client.ip):
        yield Feature(FeatureKind.HOST, network)


def _network(ip: str) -> str:
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in network for network in _OWN_NETWORKS):
        return ""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 48), strict=False))
    return str(IPv4Network((address, 24), strict=False))


def _anybody(host: str) -> bool:
    """Whether a link to this host stands in anybody's mail, or the host is none."""
    if host.rpartition(".")[2].isdigit():
        return not _is_address(host)
    if any(name in SITES for name in parents(host)):
        return True
    return any(shape.fullmatch(host) for shape in (COUNTRIES, STORES))


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _tells(domain: str, to: Addressee, book: ProviderRegistry) -> bool:
    """Whether a domain says something of the sender: it is neither the addressee's own world nor a platform."""
    return domain not in to.domains and not book.is_shared(domain)
