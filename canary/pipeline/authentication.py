"""What is proven about one mail, and which sender that proves."""

from canary.authenticate.authenticate import authenticate
from canary.authenticate.iprev import verified_name
from canary.authenticate.lookup import Lookup
from canary.authenticate.message import split
from canary.judge.identity import identify
from canary.judge.providers import ProviderRegistry
from canary.model.identity import Identity
from canary.model.mail import Envelope, ParsedMail
from canary.model.proof import Proofs


async def authenticate_mail(
    content: bytes, mail: ParsedMail, envelope: Envelope, lookup: Lookup, book: ProviderRegistry
) -> tuple[Proofs, Identity]:
    """Return what is proven about a mail, and which sender that proves."""
    proofs = await authenticate(split(content), envelope, lookup, envelope.received)
    host = await verified_name(envelope.client.ip, lookup)
    return proofs, identify(mail, proofs, envelope, book, host)
