"""What the mail of strangers and phishers would be taken for if they wrote the vendor's name and linked to its site.

Streams hold no such mail, so no count shows what it takes to keep it out: that is why what anybody can write is capped.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from canary.judge.hit_context import HitContext
from canary.judge.rules import judge
from canary.judge.signs import SIGNS, Sign, SignWeight
from canary.model.mail import Mailbox
from canary.model.verdict import OWN
from tests.quality.stream_measure import is_accused
from tests.quality.stream_replay import StreamHit

YEAR = timedelta(days=365)


def disguised(context: HitContext) -> HitContext:
    """Return a mail as a thief would write it: the vendor's name as the sender's and in the text, a link to its site."""
    mail, vendor = context.mail, context.vendor
    home = tuple(f"https://www.{domain}/" for domain in vendor.domains[:1])
    sender = Mailbox(vendor.name, mail.sender.address)
    written = replace(mail, senders=(sender,), links=(*home, *mail.links), text=f"{vendor.name}\n{mail.text}")
    return replace(context, mail=written)


def aged(context: HitContext, age: timedelta | None) -> HitContext:
    """Return the same hit at an address that was given so long before; None leaves it as it is."""
    if age is None:
        return context
    return replace(context, canary=replace(context.canary, issued=context.envelope.received - age))


def uncapped(weights: Mapping[Sign, SignWeight]) -> dict[Sign, SignWeight]:
    """Return weights as if nobody could bring a sign about at will."""
    return {sign: replace(weight, writable=False) for sign, weight in weights.items()}


def outcomes(hits: Sequence[StreamHit], weights: Mapping[Sign, SignWeight], age: timedelta = YEAR) -> Counter[str]:
    """Return how many mails that are not the vendor's would be charged, asked about and excused in such a disguise."""
    others = (aged(disguised(hit.context), age) for hit in hits if hit.truth.kind != "own")
    verdicts = (judge(replace(context, weights=weights)).verdict for context in others)
    return Counter("charged" if is_accused(v) else "excused" if v in OWN else "asked" for v in verdicts)


def thief_lines(hits: Sequence[StreamHit], learned: Mapping[Sign, SignWeight]) -> Iterator[str]:
    """Yield what each table of weights would say of thieves."""
    yield "\n  if strangers and phishers wrote the vendor's name and linked to its site, at addresses given a year before"
    yield f"  {'':44}{'charged':>9}{'asked':>9}{'excused':>9}"
    tables = {
        "weights in the code": SIGNS,
        "fitted": learned,
        "fitted, with no cap on what anybody can write": uncapped(learned),
    }
    for name, weights in tables.items():
        counts = outcomes(hits, weights)
        yield f"  {name:44}{counts['charged']:9}{counts['asked']:9}{counts['excused']:9}"
