"""A mail with all that was found out about it, before it is judged for any recipient."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from canary.model.identity import Identity
from canary.model.mail import Client, ParsedMail, RawMail
from canary.model.proof import Proofs

UNKNOWN_CLIENT = Client("")


@dataclass(frozen=True, slots=True)
class AuthenticatedMail:
    """What one mail says and what was proven about it; `client` is the host that brought it to our border.

    `answers` are the DNS answers that were used, by question. `digest` is the same for every copy of it, empty if unknown.
    """

    raw: RawMail
    mail: ParsedMail
    proofs: Proofs
    identity: Identity
    answers: Mapping[str, object] = field(default_factory=dict)
    client: Client = UNKNOWN_CLIENT
    digest: str = ""
