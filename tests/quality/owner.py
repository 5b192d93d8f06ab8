"""The owner of the measured world: knows what every mail is, and answers each question a day after it was asked."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import select

from canary.pipeline import Parts
from canary.store.tables import CanaryRow, HitRow, MailRow
from tests.quality.post import Truth


class Owner:
    """Answers correctly; `first` keeps the verdict each hit had at first, by row id, and `asked` counts questions."""

    def __init__(self, parts: Parts, truths: Mapping[str, Truth]) -> None:
        self.parts = parts
        self.truths = truths
        self.first: dict[int, str] = {}
        self._questions: set[tuple[int, str]] = set()

    @property
    def asked(self) -> int:
        return len(self._questions)

    def saw(self, key: str) -> None:
        """Note what is said of a mail as it comes in."""
        with self.parts.store.reading() as session:
            rows = session.exec(
                select(HitRow, MailRow, CanaryRow.vendor_id)
                .join(MailRow, MailRow.id == HitRow.mail_id)  # type: ignore[arg-type]
                .join(CanaryRow, CanaryRow.id == HitRow.canary_id)  # type: ignore[arg-type]
                .where(MailRow.key == key)
            ).all()
            for hit, mail, vendor in rows:
                self.first[hit.id or 0] = hit.verdict
                if hit.verdict == "new-sender":
                    who = mail.identity
                    self._questions.add(
                        (vendor or 0, f"{who['esp']}/{who['account']}" if who["account"] else who["domain"])
                    )

    def answer(self, now: datetime) -> None:
        """Answer what was asked a day ago or more."""
