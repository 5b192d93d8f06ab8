"""Group domains by the organisation that holds them, without merging the tenants of a platform into one."""

from collections.abc import Callable, Collection
from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

from canary.model.domain_names import parents

MAX_DOMAIN = 253
MAX_WRITTEN = 300
"""Characters of a domain as it is written, with the blanks around it."""

FREE_MAILBOXES = frozenset(
    """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com yahoo.co.uk ymail.com aol.com icloud.com
    me.com mac.com gmx.de gmx.net gmx.com web.de t-online.de mail.ru yandex.ru proton.me protonmail.com pm.me fastmail.com
    orange.fr free.fr laposte.net libero.it qq.com 163.com 126.com mail.com zoho.com
    """.split()
)
"""Where everybody can have a mailbox: such a domain names no vendor."""

_MAILBOX_LABELS = frozenset("gmail googlemail hotmail yahoo ymail rocketmail aol gmx protonmail yandex icloud".split())
"""Names that providers of mailboxes have under the endings of many countries."""
FREE_HOSTS = frozenset(
    """
    onmicrosoft.com firebaseapp.com web.app netlify.app vercel.app github.io gitlab.io pages.dev workers.dev 000webhostapp.com
    wordpress.com blogspot.com substack.com medium.com wixsite.com wix.com weebly.com webflow.io jimdosite.com strikingly.com
    squarespace.com notion.site carrd.co glitch.me
    discourse.group discoursemail.com discoursehosting.net discourse.cloud groups.io googlegroups.com mn.co circle.so bettermode.io
    khoros.com lithium.com invisionzone.com freeforums.net boards.net proboards.com createaforum.com forumotion.com
    docs.google.com typeform.com jotform.com jotform.me formstack.com cognitoforms.com wufoo.com surveymonkey.com
    surveymonkeyuser.com surveysparrow.com formsubmit.co formspree.io getform.io paperform.co tally.so zohoforms.com 123formbuilder.com
    """.split()
)
"""Where everybody gets a name, a community or a form for nothing, and mail from there: free tenants, community and form hosts."""

_PUBLIC_BODIES = frozenset(
    "gov mil edu int gov.uk ac.uk nhs.uk police.uk mod.uk gv.at ac.at gouv.fr admin.ch bund.de europa.eu".split()
)
_PUBLIC_SECOND = frozenset("gov gob gouv govt go gv mil edu ac".split())
"""Second labels that registries of countries give to public bodies and schools only."""

# Platforms that hand a subdomain to every tenant and are not in the private section of the public suffix list.
_TENANTED = (
    ".anpdm.com",
    ".atlassian.net",
    ".bfi0.com",
    ".ccsend.com",
    ".chtah.com",
    ".freshdesk.com",
    ".gappssmtp.com",
    ".intercom-mail.com",
    ".onmicrosoft.com",
    ".sharepoint.com",
    ".zendesk.com",
)


def same_organisation(a: str, b: str) -> bool:
    """Whether two domains belong to one organisation; two tenants of one platform do not, nor do empty domains."""
    return organisation(a) == organisation(b) != ""


def is_mailbox_provider(domain: str) -> bool:
    """Whether everybody can have a mailbox at a domain, whatever the country of its ending."""
    holder = organisation(domain)
    return holder in FREE_MAILBOXES or holder.partition(".")[0] in _MAILBOX_LABELS


def is_never_vendor(domain: str, own: Collection[str] = (), carrier: Callable[[str], object] = lambda _: None) -> bool:
    """Whether a domain names no vendor, however much mail comes from it: the owner's, a forwarder's, a mailbox provider's.

    `carrier` returns the forwarder that holds a domain, or None (`ForwarderRegistry.carrier_of`).
    """
    held = any(same_organisation(domain, each) for each in own)
    return held or is_mailbox_provider(domain) or bool(carrier(normal(domain)) or carrier(organisation(domain)))


def is_public_body(domain: str) -> bool:
    """Whether a domain stands under an ending that is given to public bodies and schools only."""
    labels = normal(domain).split(".")
    country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _PUBLIC_SECOND
    return country or any(".".join(labels[-n:]) in _PUBLIC_BODIES for n in (1, 2) if len(labels) > n)


def is_tenant(domain: str) -> bool:
    """Whether a domain is the one that a platform gave to a tenant."""
    return normal(domain).endswith(_TENANTED)


def is_free_host(domain: str) -> bool:
    """Whether a domain is, or stands below, one where everybody gets a name or a form for nothing."""
    return any(name in FREE_HOSTS for name in parents(normal(domain)))


def stands_for(tenant: str, domain: str) -> bool:
    """Whether a platform made this name from a domain, which it does only for the one who controls that domain.

    Google Workspace signs for `shop.example` as `shop-example.20230601.gappssmtp.com` until it has a key of its own.
    """
    label, _, platform = normal(tenant).partition(".")
    return platform.endswith(".gappssmtp.com") and bool(domain) and label == normal(domain).replace(".", "-")


@lru_cache(maxsize=4096)
def organisation(domain: str) -> str:
    """Return the organisational domain, in lower case and A-labels; empty for anything else.

    Alignment in the sense of DMARC is found by the tree walk of RFC 9989; this one only groups senders.
    """
    name = normal(domain)
    if not name or name.rpartition(".")[2].isdigit():
        return name
    if name.endswith(_TENANTED):
        return name
    return _suffixes().privatesuffix(name) or name


def is_domain(text: str) -> bool:
    """Whether a text can be a domain that somebody sends from."""
    name = normal(text)
    return "." in name and not any(c in name for c in "@/\\:*") and not name.startswith(".")


def normal(domain: str) -> str:
    """Return a domain in lower case, in A-labels (RFC 5890) and without final dot; empty if it cannot be one."""
    return _normal(domain) if len(domain) <= MAX_WRITTEN else ""


@lru_cache(maxsize=2048)  # a mail names the same few domains over and over
def _normal(domain: str) -> str:
    name = domain.strip().lower().removesuffix(".")
    if not name.isascii():
        try:
            name = name[:MAX_DOMAIN].encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    fits = 0 < len(name) <= MAX_DOMAIN and all(name.split("."))
    return name if fits and not any(c.isspace() for c in name) else ""


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
