"""Mails of sendings, for tests: a letter from a few facts, and two addressees."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP

from sqlmodel import Session

from canary.campaigns.membership import CampaignBatch, MailSent
from canary.model.campaign import CampaignSending
from canary.model.canary import Canary, CanaryState, Persona, Style
from canary.model.mail import Client
from canary.model.party import Vendor
from canary.store.tables import MailRow
from tests.conftest import START

CLIENT = Client("203.0.113.5", 25, "mx.bad.example")
LURE = (
    "Dear {name}, as a customer of {vendor} you are entitled to the new edition of our reader. It opens every document "
    "twice as fast and protects the private data in them. This letter went to {to}, answer it within days and the "
    "first year costs nothing at all."
)


def letter(
    subject: str = "Your parcel is waiting here",
    body: str = LURE,
    sender: str = '"Parcel Office" <desk@bad.example>',
    files: Sequence[tuple[str, str, int]] = (),
) -> bytes:
    """Return a mail; files are (name, type, size) and have octets of their own."""
    if not files:
        head = f"From: {sender}\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n"
        return head.encode("utf-8", "replace") + b"\n" + body.encode("utf-8", "replace")
    mail = EmailMessage(SMTP)
    mail["From"], mail["Subject"] = sender, subject
    mail.set_content(body)
    for name, kind, size in files:
        main, _, sub = kind.partition("/")
        mail.add_attachment(name.encode() * (size // len(name) + 1), maintype=main, subtype=sub, filename=name)
    return mail.as_bytes()


def owner(number: int, local: str, vendor: str, persona: Persona) -> tuple[Canary, Vendor]:
    slug = vendor.lower().replace(" ", "-")
    canary = Canary(
        number, f"{local}@in.example", slug, "signup", 1, Style.TAGGED, 60, CanaryState.ACTIVE, START, persona
    )
    return canary, Vendor(slug, vendor, (f"{slug.partition('-')[0]}.example",))


def named(canary: Canary) -> str:
    assert canary.persona is not None
    return f"{canary.persona.given_name} {canary.persona.family_name}"


ANNA = owner(1, "anna.field", "Play Box", Persona("Anna", "Field"))
BEN = owner(2, "wheels-k7r2", "Two Wheels", Persona("Benedict", "O'Hara-Smith"))


def join(session: Session, mail: MailRow, shown: CampaignSending) -> None:
    """Let one mail join its campaign."""
    batch = CampaignBatch(session)
    batch.join(MailSent(mail.id or 0, mail.received_at, mail.subject), shown)
    batch.write()
    session.refresh(mail)
