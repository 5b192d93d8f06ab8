"""Plus signs that programs lose: `me+shop@` written as `meshop@` or `me shop@`, which is no guess."""

from collections.abc import Iterable

MAX_LOCAL = 64  # RFC 5321 4.5.3.1.1
SHORTEST_TAG = 3


def plus_readings(address: str) -> tuple[str, ...]:
    """Return every plus address that an address may be, if a program dropped its plus sign or made it a blank."""
    local, at, domain = address.lower().rpartition("@")
    bare = local.strip('"').replace("%20", " ")
    if not at or "+" in bare or not 1 < len(bare) <= MAX_LOCAL:
        return ()
    if " " in bare:
        first, _, rest = bare.partition(" ")
        return (f"{first}+{rest}@{domain}",) if first and rest and " " not in rest else ()
    return tuple(f"{bare[:end]}+{bare[end:]}@{domain}" for end in range(1, len(bare) - SHORTEST_TAG + 1))


def misread_as(address: str, written: Iterable[str]) -> str:
    """Return the one among the addresses that a mail was sent to which is this one without its plus sign; else empty."""
    sent = [each.lower() for each in written]
    if "+" not in address or address.lower() in sent:
        return ""
    return next((each for each in sent if address.lower() in plus_readings(each)), "")
