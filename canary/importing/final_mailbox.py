"""The mailbox that everything ends in: what is delivered there was sent to other addresses, which the mail names."""

from collections.abc import Iterable

from canary.importing.progress import Deliveries
from canary.judge.localpart import shape_of
from canary.model.attempt import LocalShape

SHARE, SOME = 0.5, 0.2


def final_mailboxes(deliveries: Iterable[Deliveries]) -> frozenset[str]:
    """Return the addresses that mail for others ends in, by most of their mail, or by some where they get most of all.

    An address with a tag is none, and a single mail shows it only of a name or an office, as mailboxes are called.
    """
    found = [each for each in deliveries if "+" not in each.address]
    most = sum(each.mails for each in found) * SHARE
    return frozenset(
        each.address
        for each in found
        if each.elsewhere >= each.mails * (SOME if each.mails >= most else SHARE)
        and (each.mails > 1 or shape_of(each.address.partition("@")[0]) in (LocalShape.ROLE, LocalShape.NAME))
    )
