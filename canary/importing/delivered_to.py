"""To which mailbox a stored mail was delivered, which need not be ours: only to say so, never to judge by it."""

import re

from canary.authenticate.vouching.recipients import DELIVERED, WRITTEN

MAX_HEADER = 64 * 1024
_ADDRESS = rb"<?([^\s<>()\[\],:;\"@]{1,64}@[a-z0-9][a-z0-9.-]{0,253})"
_FIELDS = tuple(
    re.compile(rb"^(?:" + names + rb"):[^\n@]{0,200}?" + _ADDRESS, re.MULTILINE | re.IGNORECASE)
    for names in (b"|".join(DELIVERED), *WRITTEN)
)
_END = re.compile(rb"\n\r?\n")


def delivered_to(content: bytes) -> str:
    """Return the address of the mailbox that a mail says it was delivered to, else the first of To or Cc, else nothing."""
    end = _END.search(content, 0, MAX_HEADER)
    header = content[: end.end() if end else MAX_HEADER]
    found = next((match for field in _FIELDS if (match := field.search(header))), None)
    return found[1].decode("ascii", "replace").lower().strip(".'") if found else ""
