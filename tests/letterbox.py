"""Stored mail for tests: letters of vendors and of strangers as a receiver keeps them, and the forms they are kept in."""

import io
import tarfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

RECEIVER = "mx.in.example"
BEGIN = datetime(2014, 5, 1, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Letter:
    """A mail as its receiver stored it; `proven` is the domain that the receiver found to be aligned."""

    to: str
    sender: str
    day: float = 0
    proven: bool = True
    subject: str = "News"
    text: str = "This is what is new with us this week."
    bulk: bool = True
    ip: str = "192.0.2.1"

    @property
    def at(self) -> datetime:
        return BEGIN + timedelta(days=self.day)

    def __bytes__(self) -> bytes:
        domain = self.sender.rpartition("@")[2]
        told = "pass" if self.proven else "fail"
        lines = [
            f"Return-Path: <{self.sender}>",
            f"Delivered-To: {self.to}",
            f"Authentication-Results: {RECEIVER}; spf={told} smtp.mailfrom={self.sender};",
            f" dkim={told} header.d={domain}; dmarc={told} (p=REJECT) header.from={domain}",
            f"Received: from out.{domain} (out.{domain} [{self.ip}]) by {RECEIVER} with ESMTPS id 7 for <{self.to}>;",
            f" {format_datetime(self.at)}",
            f"From: {domain.partition('.')[0].title()} <{self.sender}>",
            f"To: {self.to}",
            f"Subject: {self.subject}",
            f"Date: {format_datetime(self.at - timedelta(minutes=1))}",
            f"Message-ID: <{self.day}.{self.to}.{self.subject.replace(' ', '.')}@{domain}>",
            *(["List-Unsubscribe: <https://" + domain + "/u>", "Precedence: bulk"] if self.bulk else []),
            "",
            self.text,
            "",
        ]
        return "\r\n".join(lines).encode()


def lure(to: str, day: float, name: str = "reader") -> Letter:
    """What a stranger sends to addresses that were lost."""
    text = f"Download the new version of {name} at https://{name}.bad.example/get before your account is closed."
    return Letter(to, f"u@{name}.bad.example", day, False, f"{name.title()} update", text, ip="203.0.113.5")


def history() -> list[Letter]:
    """Two years at two addresses: the shop's own news, then strangers at the shop's; the club's stays quiet."""
    shop = [Letter("shop@in.example", "news@shop.example", 7 * week, subject=f"News {week}") for week in range(10)]
    club = [Letter("me+club@in.example", "post@club.example", 9 * n, subject=f"Letter {n}") for n in range(5)]
    return [*shop, *club, *(lure("shop@in.example", 400 + n, f"reader{n}") for n in range(3))]


def mbox(letters: Iterable[Letter | bytes], end: bytes = b"\n") -> bytes:
    """A mailbox file, with what looks like its `From ` lines escaped."""
    pieces = []
    for letter in letters:
        content = bytes(letter).replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ")
        content += b"" if content.endswith(b"\n") else b"\n"
        at = letter.at if isinstance(letter, Letter) else BEGIN
        pieces.append(
            b"From someone@x.example " + at.strftime("%a %b %d %H:%M:%S %Y").encode() + b"\n" + content + b"\n"
        )
    return b"".join(pieces).replace(b"\n", end)


def zipped(members: Sequence[tuple[str, bytes]]) -> bytes:
    """A zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def tarred(members: Sequence[tuple[str, bytes]], packed: str = "") -> bytes:
    """A tar archive, plain or packed (`gz`, `bz2`, `xz`)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{packed}") as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()
