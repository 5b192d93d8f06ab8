"""Group domains by the organisation that holds them, without merging the tenants of a platform into one."""

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

MAX_DOMAIN = 253

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


def is_tenant(domain: str) -> bool:
    """Whether a domain is the one that a platform gave to a tenant."""
    return normal(domain).endswith(_TENANTED)


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
