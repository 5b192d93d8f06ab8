"""The rules that everybody starts with, measured beside ours: both accuse by the mail alone."""

import re
from collections.abc import Callable, Sequence

from canary.judge.names import under
from canary.mail.text import link_host
from canary.model.mail import ParsedMail

NaiveRule = Callable[[ParsedMail, str, Sequence[str]], bool]
"""Whether a rule accuses a mail, given the name and the domains of the vendor."""


def is_foreign_domain(mail: ParsedMail, name: str, domains: Sequence[str]) -> bool:
    """It is a leak when the From domain is not the vendor's."""
    return not under(_claim(mail), domains)


def has_no_tie(mail: ParsedMail, name: str, domains: Sequence[str]) -> bool:
    """It is a leak when neither From domain, nor sender's name, nor a link is of the vendor; anybody can write these."""
    if under(_claim(mail), domains):
        return False
    said = f"{mail.sender.name} {_claim(mail)}".lower()
    named = any(word in said for word in re.findall(r"[a-z]{4,}", name.lower()))
    return not named and not any(under(link_host(link), domains) for link in mail.links)


def _claim(mail: ParsedMail) -> str:
    return mail.sender.address.rpartition("@")[2]


NAIVE: dict[str, NaiveRule] = {"From domain": is_foreign_domain, "name or link": has_no_tie}
"""The naive rules by the words that head their columns."""
