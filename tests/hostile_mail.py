"""Mails made to wear a verifier out: the known attacks on verifiers in Python, and those on our own limits."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

from canary.model.proof import Result
from tests.signer import MAIL, Tags, Zone, arc, dkim, ed25519, rsa, signature, written

HEADER, _, BODY = MAIL.partition(b"\r\n\r\n")
BIG = 5_000_000


@dataclass(frozen=True, slots=True)
class Attack:
    """A mail with its zone, and how its first signature ends (None: there is none)."""

    mail: bytes
    zone: Zone
    result: Result | None
    reason: str = ""


def _der(kind: int, content: bytes) -> bytes:
    return bytes([kind, 0x84]) + len(content).to_bytes(4, "big") + content


def _key(modulus_bits: int, exponent_bits: int) -> str:
    numbers = b"".join(_der(2, b"\0" + b"\xff" * (bits // 8)) for bits in (modulus_bits, exponent_bits))
    return base64.b64encode(_der(0x30, numbers)).decode()


def _big_key(modulus_bits: int, exponent_bits: int, reason: str) -> Attack:
    return Attack(dkim(MAIL, rsa()), rsa().zone(p=_key(modulus_bits, exponent_bits)), Result.POLICY, reason)


def _folded(lines: int, result: Result, reason: str) -> Attack:
    bare = dkim(MAIL, rsa()).partition(b"; b=")[0]
    return Attack(bare + b"; b=" + b"\r\n " * lines + b"\r\n" + MAIL, rsa().zone(), result, reason)


def _signed(result: Result, reason: str = "", **tags: str | None) -> Attack:
    return Attack(dkim(MAIL, rsa(), "; ", **tags), rsa().zone(), result, reason)


def _around(before: bytes, result: Result, reason: str = "") -> Attack:
    return Attack(before + dkim(MAIL, rsa()), rsa().zone(), result, reason)


def _text(body: bytes, forms: str = "relaxed/relaxed") -> Attack:
    # Not what was signed, so that the whole work is done and the answer is known.
    mail = dkim(MAIL, rsa(), c=forms).removesuffix(BODY) + body
    return Attack(mail, rsa().zone(), Result.FAIL, "body hash mismatch")


def _names() -> Attack:
    fields = b"".join(b"x%d: y\r\n" % n for n in range(3900))
    mail = dkim(fields + MAIL, rsa(), h="from:" + "a:" * 7000 + "to")
    return Attack(mail, rsa().zone(), Result.PASS)


def _lengths() -> Attack:
    mail = HEADER + b"\r\n\r\n" + b"spam and ham\r\n" * (BIG // 14)
    top = b"".join(dkim(mail, ed25519(), l=str(BIG // 2 + n)).partition(b"From:")[0] for n in range(10))
    return Attack(top + mail, ed25519().zone(), Result.PASS, f"l= leaves {BIG // 14 * 14 - BIG // 2} octets")


def _many_keys() -> Attack:
    records = [written({"p": _key(4096, 32)})] * 4
    one = dkim(MAIL, rsa()).removesuffix(MAIL)
    return Attack(one * 10 + MAIL, {rsa().name: {"TXT": [*records]}}, Result.FAIL, "signature mismatch")


def _chain() -> Attack:
    mail = dkim(MAIL, rsa())
    for _ in range(50):
        mail = arc(mail, rsa())
    return Attack(mail, rsa().zone(), Result.PASS)


def _seals() -> Attack:
    tags: Tags = {"i": "1", "a": "rsa-sha256", "cv": "none", "d": "example.com", "s": "s1"}
    seal = signature(MAIL, rsa(), "ARC-Seal: ", tags)
    return Attack(seal * 3000 + dkim(MAIL, rsa()), rsa().zone(), None)


KNOWN: dict[str, Callable[[], Attack]] = {
    "key of 16384 bit with an exponent as large": lambda: _big_key(16384, 16384, "key too large: 16384 bit RSA"),
    "key of 32768 bit with an exponent as large": lambda: _big_key(32768, 32768, "key too large: 32768 bit RSA"),
    "key of 4096 bit with an exponent as large": lambda: _big_key(4096, 4096, "key exponent of 4096 bit"),
    "signature folded over 16000 lines": lambda: _folded(16000, Result.POLICY, "signature field of more than"),
    "signature folded over 5000 lines": lambda: _folded(5000, Result.PERMERROR, "b= is empty"),
    "mail that starts with a space": lambda: _around(b" \r\n", Result.PASS),
    "mail that starts with a fold": lambda: _around(b"\tx: y\r\n", Result.PASS),
    "empty l=": lambda: _signed(Result.PERMERROR, "l= is not a number", l=""),
    "malformed header line": lambda: _around(b"this is no field\r\n", Result.PASS),
}
"""The attacks that other verifiers fell to; each is answered in less than 50 ms."""

OURS: dict[str, Callable[[], Attack]] = {
    "500 signatures": lambda: Attack(dkim(MAIL, rsa()).removesuffix(MAIL) * 500 + MAIL, rsa().zone(), Result.PASS),
    "5000 fields": lambda: Attack(dkim(MAIL, rsa()).replace(b"To:", b"X: y\r\n" * 5000 + b"To:"), {}, Result.POLICY),
    "25 MB of header": lambda: Attack(dkim(MAIL, rsa()).replace(b"\r\nTo:", b"\r\n " * 8 * 10**6), {}, Result.POLICY),
    "7000 names to sign in 3900 fields": _names,
    "signing domain of 15000 letters": lambda: _signed(Result.PERMERROR, "'ü", d="ü" * 7500),
    "identity of 15000 at signs": lambda: _signed(Result.PERMERROR, "", i="@" * 15000),
    "length of 76 digits": lambda: _signed(Result.PERMERROR, "l= is longer than the body", l="9" * 76),
    "key record of 64 KB": lambda: Attack(
        dkim(MAIL, rsa()), {rsa().name: {"TXT": ["p=" + ";" * 65000]}}, Result.PERMERROR, "key record of"
    ),
    "ten signatures with four keys of 4096 bit": _many_keys,
    "ten lengths of a large body": _lengths,
    "chain of fifty": _chain,
    "3000 seals": _seals,
    "body of blanks": lambda: _text(b" " * BIG),
    "body of blank pairs": lambda: _text(b"a  " * (BIG // 3)),
    "body of line ends": lambda: _text(b"\r\n" * (BIG // 2)),
    "body of carriage returns": lambda: _text(b"\r" * BIG),
    "body of bare line feeds": lambda: _text(b"\n" * BIG + b"x"),
    "body of blank lines": lambda: _text(b" \r\n" * (BIG // 3) + b"x"),
    "simple body of mixed line ends": lambda: _text(b"\n\r\r\n" * (BIG // 4), "simple/simple"),
}
