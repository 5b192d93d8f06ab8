"""Labelled real streams, read in place: who was given which address, all that came, and what is planted among it.

A stream is a folder with `aliases.csv` (address, vendor, domains of the site where it was given) and `mail.mbox`. All
of it came from the vendor that was given the alias or for it, so whatever is charged there is a false accusation. The
other half of the truth is planted: mail of other organisations of the stream, addressed to an alias that they were
never given, as somebody who bought a list would send it, and real phishing.
"""

import csv
import email.utils
import mailbox
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random

DAY = 86400
RECEIVERS = ("mx.google.com", "protection.outlook.com")
"""The receivers of streams and of phishing, whose results are trusted."""

_TIMES = (r"(?im)^received:.*;\s*(.+)$", r"(?im)^date:\s*(.+)$")
_TOPMOST = rb"(?im)^((?:x-)?received:(?:.*\n[ \t])*.*?;)\s*[^;\n]*(?:\n[ \t][^;\n]*)*$"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planted: `each` mails of strangers at every alias, or at `at` of them.

    With `foreign` so many aliases are withdrawn: their mail is used as that of strangers only, each once. `once` uses all
    mail of strangers once. `spread` dates what is planted over so many days. `phishing` is how many such mails, None for
    one at each alias.
    """

    seed: int = 1
    each: int = 2
    at: int = 0
    foreign: int = 0
    spread: int = 0
    phishing: int | None = 0
    once: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """A mailbox in which the vendor of each address is known: `given` has it by address, `mails` are (address, octets)."""

    name: str
    vendors: dict[str, tuple[str, ...]]
    given: dict[str, str]
    mails: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class StreamTruth:
    """What one mail at one alias is: `own`, `stranger` or `spam`."""

    kind: str
    alias: str
    vendor: str


@dataclass(frozen=True, slots=True)
class Planting:
    """A stream with what is planted in it: a mailbox in order of date, and the truth by the number each mail bears."""

    vendors: dict[str, tuple[str, ...]]
    given: dict[str, str]
    truths: dict[str, StreamTruth]
    mailbox: bytes


def stream_folders(root: Path) -> list[Path]:
    """Return the streams below a folder."""
    return sorted(path.parent for path in root.glob("*/aliases.csv") if (path.parent / "mail.mbox").is_file())


def read_stream(folder: Path) -> Stream:
    """Read a stream; mail that names no alias, or two, is left out."""
    domains: dict[str, list[str]] = {}
    given: dict[str, str] = {}
    with (folder / "aliases.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            domains.setdefault(row["vendor"], []).extend(row["domains"].split())
            given[row["address"].lower()] = row["vendor"]
    box = mailbox.mbox(str(folder / "mail.mbox"), create=False)
    try:
        mails = [box.get_bytes(key).replace(b"\r\n", b"\n") for key in box.keys()]  # noqa: SIM118 - no dict
    finally:
        box.close()
    placed = ((alias, raw) for raw in mails if (alias := _only_alias(raw, given)))
    vendors = {vendor: tuple(dict.fromkeys(names)) for vendor, names in domains.items()}
    return Stream(folder.name, vendors, given, tuple(placed))


def plant(stream: Stream, plan: Plan, phishing: Path | None = None) -> Planting:
    """Return a stream with mail of strangers, and phishing from a folder of files, planted in it."""
    return _Garden(stream, plan).planting(phishing)


class _Garden:
    """One stream while mail is planted in it; all chance is drawn from the seed of the plan, in one order."""

    def __init__(self, stream: Stream, plan: Plan) -> None:
        self.stream, self.plan, self.draw = stream, plan, Random(plan.seed)
        busy = sorted({alias for alias, _ in stream.mails})
        self.foreign = set(self.draw.sample(busy, plan.foreign)) if plan.foreign else set()
        self.kept = [alias for alias in busy if alias not in self.foreign]
        self.given = {alias: vendor for alias, vendor in stream.given.items() if alias not in self.foreign}
        names = set(self.given.values())
        self.vendors = {vendor: domains for vendor, domains in stream.vendors.items() if vendor in names}
        self.truths: dict[str, StreamTruth] = {}
        self.lines: list[tuple[float, bytes]] = []

    def planting(self, phishing: Path | None) -> Planting:
        for alias in self.kept:
            for raw in self._own(alias):
                self._keep(raw, "own", alias)
        targets = self._plant_strangers()
        if phishing and self.plan.phishing != 0:
            self._plant_phishing(phishing, targets)
        lines = sorted(self.lines, key=lambda line: line[0])
        return Planting(self.vendors, self.given, self.truths, b"".join(text for _, text in lines))

    def _own(self, alias: str) -> list[bytes]:
        return [raw for other, raw in self.stream.mails if other == alias]

    def _plant_strangers(self) -> list[str]:
        pool = [(o, raw) for o, raw in self.stream.mails if not self.foreign or o in self.foreign]
        self.draw.shuffle(pool)
        targets = self.draw.sample(self.kept, min(self.plan.at, len(self.kept))) if self.plan.at else self.kept
        used: set[int] = set()
        for alias in targets:
            for planted, number in enumerate(self._strangers_of(alias, pool, used)):
                self._keep(self._moved(*pool[number], alias, planted), "stranger", alias)
        return targets

    def _strangers_of(self, alias: str, pool: list[tuple[str, bytes]], used: set[int]) -> Iterator[int]:
        """Yield which mails of the pool are of strangers to the vendor of an alias, as many as are planted there."""
        since, planted = self._since(alias), 0
        about, name = self._about(alias), _long_words(self.given[alias])
        for number, (other, raw) in enumerate(pool):
            if planted == self.plan.each:
                return
            named = _long_words(self.given[other]) & name if other in self.kept else False
            tied = parties(raw) & about or _from_words(raw) & name or named
            early = not self.plan.spread and sent_at(raw) <= since + DAY
            if other == alias or tied or early or ((self.foreign or self.plan.once) and number in used):
                continue
            used.add(number)
            planted += 1
            yield number

    def _moved(self, other: str, raw: bytes, alias: str, planted: int) -> bytes:
        if self.plan.spread:
            late = (planted + self.draw.random()) * self.plan.spread * DAY / self.plan.each
            raw = redated(raw, self._since(alias) + DAY + late)
        return readdressed(raw, other, alias)

    def _plant_phishing(self, folder: Path, targets: list[str]) -> None:
        files = sorted(folder.glob("*.eml"))
        wanted = len(targets) if self.plan.phishing is None else self.plan.phishing
        for path in self.draw.sample(files, min(wanted, len(files))):
            alias = self.draw.choice(targets)
            raw = re.sub(rb"(?i)phishing@pot", alias.encode(), path.read_bytes().replace(b"\r\n", b"\n"))
            self._keep(b"Delivered-To: " + alias.encode() + b"\n" + raw, "spam", alias)

    def _about(self, alias: str) -> set[str]:
        """Return all organisations that have to do with the vendor of an alias."""
        declared = {last_labels(domain) for domain in self.vendors[self.given[alias]]}
        return declared.union(*map(parties, self._own(alias)))

    def _since(self, alias: str) -> float:
        return min(map(sent_at, self._own(alias)))

    def _keep(self, raw: bytes, kind: str, alias: str) -> None:
        number, at = f"{len(self.lines):06d}", sent_at(raw)
        self.truths[number] = StreamTruth(kind, alias, self.given[alias])
        stamp = email.utils.formatdate(at).replace(",", "")[:24].encode()
        quoted = re.sub(rb"(?m)^(>*From )", rb">\1", b"X-Stream-Number: " + number.encode() + b"\n" + raw)
        self.lines.append((at, b"From MAILER " + stamp + b"\n" + quoted.rstrip(b"\n") + b"\n\n"))


def last_labels(domain: str) -> str:
    """Return the last two labels of a domain, or three below a short second level: enough to keep strangers apart."""
    labels = domain.lower().strip(".").split(".")
    short = len(labels) > 2 and len(labels[-2]) <= 3 and len(labels[-1]) == 2
    return ".".join(labels[-3 if short else -2 :])


@cache
def parties(raw: bytes) -> frozenset[str]:
    """Return who has to do with a mail: the organisations of its authors, its envelope and its signatures."""
    found: set[str] = set()
    for line in _header(raw).split("\n"):
        name, _, value = line.partition(":")
        if name.lower() in ("from", "return-path", "reply-to", "sender"):
            found.add(last_labels(email.utils.parseaddr(value)[1].rpartition("@")[2]))
        elif name.lower() == "dkim-signature":
            found |= {last_labels(domain) for domain in re.findall(r"\bd=([\w.-]+)", value)}
    return frozenset(found - {""})


@cache
def sent_at(raw: bytes) -> float:
    """Return the time of the topmost Received line, else of Date, in seconds since 1970, or 0."""
    header = _header(raw)
    for wanted in _TIMES:
        said = re.search(wanted, header)
        if not said:
            continue
        try:
            return email.utils.parsedate_to_datetime(said[1].strip()).timestamp()
        except (ValueError, TypeError):
            continue
    return 0.0


def readdressed(raw: bytes, old: str, new: str) -> bytes:
    """Return the same mail as it would have come to another alias: in the header only, as somebody with a list sends it."""
    head, gap, body = raw.partition(b"\n\n")
    return re.sub(re.escape(old.encode()), new.encode(), head, flags=re.IGNORECASE) + gap + body


def redated(raw: bytes, moment: float) -> bytes:
    """Return the same mail as if it had come at another time."""
    head, gap, body = raw.partition(b"\n\n")
    said = email.utils.format_datetime(datetime.fromtimestamp(moment, UTC)).encode()
    head = re.sub(rb"(?im)^date:.*(?:\n[ \t].*)*", b"Date: " + said, head, count=1)
    return re.sub(_TOPMOST, rb"\1 " + said, head, count=2) + gap + body


def _header(raw: bytes) -> str:
    head = raw.split(b"\n\n", 1)[0].replace(b"\r", b"")
    return re.sub(rb"\n[ \t]+", b" ", head).decode("latin-1")


def _only_alias(raw: bytes, given: dict[str, str]) -> str:
    header = _header(raw).lower()
    named = [alias for alias in given if alias in header]
    return named[0] if len(named) == 1 else ""


def _long_words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))


def _from_words(raw: bytes) -> set[str]:
    said = re.search(r"(?im)^from:\s*(.*)$", raw.split(b"\n\n", 1)[0].decode("latin-1"))
    return _long_words(said[1]) if said else set()
