"""What is proven about one mail, who forwarded it, and which sender all that proves; one way for all mail."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from canary.authenticate.authenticate import authenticate
from canary.authenticate.iprev import verified_name
from canary.authenticate.lookup import Lookup
from canary.authenticate.message import Message
from canary.authenticate.results.trusted import read_results
from canary.authenticate.vouching.forwarding import Carried, Forwarding, forwarding_of, written_by
from canary.authenticate.vouching.lists import list_domain
from canary.authenticate.vouching.side import ReceivingSide
from canary.judge.identity import among_many, behind, identify, of_list
from canary.judge.providers import ProviderRegistry
from canary.mail.received import Hop
from canary.model.identity import Identity
from canary.model.mail import Envelope, ParsedMail
from canary.model.proof import Proofs


@dataclass(frozen=True, slots=True)
class AuthenticationGrounds:
    """What is believed about senders: the registry of mail providers, and our own side with those who may forward to it."""

    book: ProviderRegistry
    side: ReceivingSide = field(default_factory=ReceivingSide)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a mail came to our side: the envelope, the host that handed it over, and to whom it was delivered there.

    `is_fresh` means that DNS is as it was then; `late` says what is believed of results where it is not.
    """

    envelope: Envelope
    hop: Hop | None = None
    delivered: tuple[str, ...] = ()
    is_fresh: bool = True
    late: Callable[[Proofs], Proofs] = lambda proofs: proofs


async def authenticate_mail(
    message: Message, mail: ParsedMail, arrival: Arrival, lookup: Lookup, grounds: AuthenticationGrounds
) -> tuple[ParsedMail, Proofs, Identity]:
    """Return a mail as its author wrote it, what is proven about the author, and which sender that proves.

    What a trusted receiver states is believed; only without it is DNS asked.
    """
    told = read_results(message, grounds.side.writers) if grounds.side.writers else None
    if told is not None:
        return conclude(
            Carried(message, mail, arrival.envelope, told, grounds.side, arrival.hop, "", arrival.delivered), grounds
        )
    envelope = arrival.envelope
    proofs = await authenticate(message, envelope, lookup, envelope.received)
    host = await verified_name(envelope.client.ip, lookup) if arrival.is_fresh else ""
    proofs = proofs if arrival.is_fresh else arrival.late(proofs)
    return conclude(
        Carried(message, mail, envelope, proofs, grounds.side, arrival.hop, host, arrival.delivered), grounds
    )


def conclude(carried: Carried, grounds: AuthenticationGrounds) -> tuple[ParsedMail, Proofs, Identity]:
    """Return what follows from the proofs of a mail: who wrote it, and who carried it."""
    forwarding = forwarding_of(carried)
    if forwarding is None:
        who = identify(carried.mail, carried.proofs, carried.envelope, grounds.book, carried.host)
        host = list_domain(carried)
        return (
            carried.mail,
            carried.proofs,
            of_list(who, host, grounds.book, signed=host in carried.proofs.dkim_domains) if host else who,
        )
    mail = written_by(carried.mail, forwarding.author)
    who = identify(_shown(mail, forwarding), forwarding.proofs, forwarding.envelope or carried.envelope, grounds.book)
    if forwarding.of_list:
        return carried.mail, forwarding.proofs, among_many(who, forwarding.name)
    return mail, forwarding.proofs, behind(who, forwarding.name, forwarding.author)


def _shown(mail: ParsedMail, forwarding: Forwarding) -> ParsedMail:
    """Return the mail with the address that a rewritten From still shows as the one that it claims, or with none."""
    if forwarding.author:
        return mail
    return replace(mail, senders=(replace(mail.sender, address=forwarding.shown),))
