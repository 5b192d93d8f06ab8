"""DKIM and ARC beside dkimpy over generated mail: the same mails pass, but where the standard decides against dkimpy.

Only RSA is compared, as dkimpy verifies ed25519 with a further library. Each mail is made from its number alone.
"""

import logging
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import dkim as dkimpy
import pytest

from canary.model.proof import DkimResult, Result
from tests import signer
from tests.signer import Tags, Zone, arc, chained, judged, rsa

pytestmark = pytest.mark.slow

MAILS, CHAINS = 4000, 400
WORDS = (b"spring", b"offers", b" ", b"  ", b"\t", b"\r\n", b"\r\n", b"\r\n\r\n", b" \r\n", b"=3D", b"\xc3\xa9", b".")
NAMES = ("From", "To", "Subject", "Date", "Message-ID", "X-One", "x-two", "Received", "List-Id")
FORMS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed", "relaxed", "simple", None)
LONG_AGO, FAR_AHEAD = "1000000000", "4000000000"


@dataclass(slots=True)
class Case:
    """A mail, the records it is judged with, and the names of what was done to it."""

    mail: bytes
    zone: Zone
    done: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where we answer otherwise than dkimpy; `section` is the text that decides, `pass_ours` who lets it pass."""

    section: str
    why: str
    pass_ours: bool
    applies: Callable[[Case, DkimResult], bool]

    def decides(self, case: Case, ours: DkimResult) -> bool:
        return (ours.result is Result.PASS) is self.pass_ours and self.applies(case, ours)


def reason(word: str) -> Callable[[Case, DkimResult], bool]:
    return lambda _, ours: word in ours.reason


def malformed(mail: bytes) -> bool:
    """Whether a header line is neither a field nor folded from one."""
    lines = re.split(rb"\r?\n", re.split(rb"\n\r?\n", mail)[0])
    return mail.startswith(b" ") or not all(re.match(rb"[ \t]|[!-~]+?:|From |\Z", line) for line in lines)


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "RFC 6376 3.4.4",
        "blanks at the end of the last line are ignored though no line end follows; dkimpy keeps one",
        True,
        lambda case, _: case.mail.endswith((b" ", b"\t")),
    ),
    Difference(
        "RFC 6376 3.5, l=",
        "must not be larger than the canonical body; dkimpy takes what there is",
        False,
        reason("l= is longer than the body"),
    ),
    Difference(
        "RFC 6376 3.6.1, h=",
        "a key may be for some hashes only; dkimpy does not read this tag",
        False,
        reason("key does not allow sha256"),
    ),
    Difference(
        "RFC 6376 3.6.1, s=",
        "a key may be for several services, mail among them; dkimpy compares the whole list",
        True,
        lambda case, _: "s=other:email" in str(case.zone),
    ),
    Difference(
        "RFC 6376 3.6.1, t=s",
        "the identity must be in the signing domain itself; dkimpy does not read this tag",
        False,
        reason("the key says (t=s)"),
    ),
    Difference(
        "RFC 6376 3.6.1, v=",
        "must be the first tag of a key; dkimpy takes it anywhere",
        False,
        reason("not of version DKIM1"),
    ),
    Difference(
        "RFC 5322 2.2",
        "a line that is no field spoils that line, not the mail; dkimpy gives up, or raises IndexError at the first",
        True,
        lambda case, _: malformed(case.mail),
    ),
)


def header(chance: random.Random) -> bytes:
    names = ["From", *chance.choices(NAMES[1:], k=chance.randrange(2, 9))]
    chance.shuffle(names)
    return b"".join(_field(chance, name) for name in names)


def _field(chance: random.Random, name: str) -> bytes:
    words = [
        chance.choice((b"one", b"two  three", b"\r\n\tfour", b"\r\n  five", b"<a@b.example>", b" ")) for _ in range(3)
    ]
    written = chance.choice((name, name.upper(), name.lower()))
    return written.encode() + b":" + chance.choice((b"", b" ", b" \t")) + b"x" + b" ".join(words) + b"x\r\n"


def body(chance: random.Random) -> bytes:
    text = b"".join(chance.choices(WORDS, k=chance.choice((0, 1, 5, 40))))
    return text + chance.choice((b"", b"\r\n", b"\r\n\r\n"))


def tags(chance: random.Random, mail: bytes) -> Tags:
    """What a signature says beyond the plain; now and then something it must not."""
    names = [f.partition(b":")[0].decode() for f in signer.fields_of(mail)]
    signed = ["From", *chance.sample(names, chance.randrange(len(names)))]
    if chance.random() < 0.4:
        signed += ["from", "Subject", "absent"]
    found: dict[str, str | None] = {"h": chance.choice((":", " : ", ":\r\n\t")).join(signed), "c": chance.choice(FORMS)}
    for odds, name, values in EXTRA:
        if chance.random() < odds:
            found[name] = chance.choice(values)
    return found


EXTRA: tuple[tuple[float, str, tuple[str | None, ...]], ...] = (
    (0.15, "i", ("@example.com", "a@example.com", "a@b.example.com", "a@example.org", "a@xexample.com", "example.com")),
    (0.08, "l", ("0", "5", "20", "99999", "", "x", "-1")),
    (0.08, "t", (LONG_AGO, FAR_AHEAD, "", "x")),
    (0.05, "x", (LONG_AGO, FAR_AHEAD, "5", "")),
    (0.05, "q", ("dns/txt", "dns", "")),
    (0.02, "v", ("1", "2", "", None)),
    (0.02, "a", ("rsa-sha1", "rsa-sha512", "", None)),
    (0.03, "d", ("EXAMPLE.com", "example.org", "", None)),
    (0.02, "s", ("S1", "s2", "", None)),
    (0.02, "bh", ("AAAA", "?", "", None)),
    (0.05, "z", ("From:x|To:y", "b=1", "")),
)

RECORD: tuple[tuple[float, str, tuple[str | None, ...]], ...] = (
    (0.2, "v", ("DKIM1", "DKIM2", None, None)),
    (0.1, "k", ("rsa", "RSA", "ed25519", None)),
    (0.1, "h", ("sha256", "sha1", "sha1:sha256", "")),
    (0.1, "s", ("*", "email", "other", "other:email", "tlsrpt")),
    (0.3, "t", ("y", "s", "y:s", "")),
    (0.05, "p", ("", "AAAA", "?", None)),
    (0.2, "n", ("a note", "", "a note; v=DKIM1")),
)


def changed(chance: random.Random, case: Case) -> None:
    """Do one thing to a signed mail, as the way or an attacker would."""
    name = chance.choice(tuple(CHANGES))
    case.mail = CHANGES[name](chance, case.mail)
    case.done.add(name)


def _flip(chance: random.Random, mail: bytes) -> bytes:
    place = chance.randrange(len(mail))
    return mail[:place] + bytes([chance.randrange(33, 127)]) + mail[place + 1 :]


CHANGES: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "nothing": lambda _, mail: mail,
    "an octet": _flip,
    "line ends": lambda _, mail: mail.replace(b"\r\n", b"\n"),
    "a blank": lambda _, mail: mail.replace(b" ", b"  ", 3),
    "text added": lambda _, mail: mail + b"and more\r\n",
    "empty lines added": lambda _, mail: mail + b"\r\n\r\n",
    "a field added": lambda chance, mail: _field(chance, chance.choice(NAMES)) + mail,
    "a second From": lambda _, mail: b"From: other@example.org\r\n" + mail,
    "a field taken": lambda _, mail: re.sub(rb"(?im)^subject:.*\r\n(?:[ \t].*\r\n)*", b"", mail),
    "a malformed line": lambda _, mail: b"no field at all\r\n" + mail,
    "a blank first": lambda _, mail: b" folded\r\n" + mail,
    "a mailbox line": lambda _, mail: b"From a@example.org Sun Mar  1 12:00:00 2026\r\n" + mail,
    "the end cut": lambda _, mail: mail[:-2],
    "a signature tag twice": lambda _, mail: re.sub(rb";(\s+d=)", rb";d=example.com;\1", mail, count=1),
    "two semicolons": lambda _, mail: re.sub(rb";(\s+d=)", rb";;\1", mail, count=1),
    "a lone CR": lambda _, mail: mail + b"\r",
}


def drawn(odds: tuple[tuple[float, str, tuple[str | None, ...]], ...], chance: random.Random) -> Tags:
    return {name: chance.choice(values) for likely, name, values in odds if chance.random() < likely}


def made(number: int) -> Case:
    """The case of a number."""
    chance = random.Random(number)
    plain = header(chance) + b"\r\n" + body(chance)
    mail = signer.dkim(plain, rsa(), chance.choice(("; ", ";\r\n\t", " ;\r\n ")), **tags(chance, plain))
    case = Case(mail, rsa().zone(**(drawn(RECORD, chance) if chance.random() < 0.4 else {})))
    if chance.random() < 0.6:
        changed(chance, case)
    return case


def records(zone: Zone) -> dict[bytes, bytes]:
    return {
        name.encode() + b".": str(kinds["TXT"][0]).encode() for name, kinds in zone.items() if isinstance(kinds, dict)
    }


def dkimpy_passes(case: Case) -> bool:
    """What dkimpy says; what escapes from it counts as not passed, as its callers would have it."""
    known = records(case.zone)
    try:
        return bool(dkimpy.verify(case.mail, dnsfunc=lambda name, **_: known.get(name.lower())))
    except (dkimpy.DKIMException, IndexError, ValueError, TypeError, KeyError):
        return False


@cache
def disputed() -> tuple[tuple[int, Case, DkimResult], ...]:
    """The mails that only one of the two lets pass."""
    logging.getLogger("dkimpy").setLevel(logging.CRITICAL)
    found = []
    for number in range(MAILS):
        case = made(number)
        (ours,) = judged(case.mail, case.zone) or (DkimResult(Result.NONE),)
        if (ours.result is Result.PASS) != dkimpy_passes(case):
            found.append((number, case, ours))
    return tuple(found)


def test_the_same_mails_pass_but_where_the_standard_decides() -> None:
    unexplained = [(n, ours) for n, case, ours in disputed() if not any(d.decides(case, ours) for d in DIFFERENCES)]
    assert unexplained == []


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda d: d.section)
def test_every_listed_difference_is_met(difference: Difference) -> None:
    assert any(difference.decides(case, ours) for _, case, ours in disputed())


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_long_keys_verify(bits: int) -> None:
    key = rsa(bits, selector=f"rsa{bits}")
    case = Case(signer.dkim(signer.MAIL, key), key.zone())
    (ours,) = judged(case.mail, case.zone)
    assert (ours.result, ours.key_bits, dkimpy_passes(case)) == (Result.PASS, bits, True)


HURT: tuple[tuple[bytes, bytes], ...] = (
    (b"", b""),
    (b"cv=pass", b"cv=none"),
    (b"cv=none", b"cv=pass"),
    (b"cv=pass", b"cv=fail"),
    (b"cv=pass", b"cv=none; h=from"),
    (b"i=1;", b"i=3;"),
    (b"spf=pass", b"spf=fail"),
    (b"ARC-Seal", b"X-Seal"),
    (b"ARC-Message-Signature", b"X-Signature"),
    (b"ARC-Authentication-Results", b"X-Results"),
    (b"d=example.com", b"d=example.org"),
    (b"customer", b"client"),
    (b"news@", b"olds@"),
    (b"\r\n", b"\n"),
)


def sealed(number: int) -> bytes:
    """The chain of a number: up to four hops, some of which change the mail, and then something done to it."""
    chance = random.Random(number)
    mail = signer.MAIL
    for _ in range(chance.randrange(5)):
        mail = arc(mail, chance.choice((rsa(), rsa(domain="list.example", selector="arc"))), c=chance.choice(FORMS[:4]))
        mail = mail.replace(b"Our", b"[list] Our") if chance.random() < 0.2 else mail
    old, new = chance.choice(HURT)
    return mail.replace(old, new, chance.choice((1, 1, -1))) if old else mail


def dkimpy_status(mail: bytes, known: dict[bytes, bytes]) -> str:
    """The chain status dkimpy finds; it has none for a chain that a sealer gave up, which fails (RFC 8617 5.2)."""
    try:
        status, _, _ = dkimpy.arc_verify(mail, dnsfunc=lambda name, **_: known.get(name.lower()))
    except (dkimpy.DKIMException, IndexError, ValueError, TypeError, KeyError):
        return "fail"
    return "fail" if status is None else status.decode()


def test_the_same_chains_hold() -> None:
    logging.getLogger("dkimpy").setLevel(logging.CRITICAL)
    zone = {**rsa().zone(), **rsa(domain="list.example", selector="arc").zone()}
    mails = [sealed(number) for number in range(CHAINS)]
    answers = [(n, chained(m, zone).result.value, dkimpy_status(m, records(zone))) for n, m in enumerate(mails)]
    assert [answer for answer in answers if answer[1] != answer[2]] == []
    assert {status for _, status, _ in answers} == {"none", "pass", "fail"}
