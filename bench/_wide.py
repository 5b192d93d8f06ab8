"""A store that many vendors have filled for years: rows put in bulk, then counted as the product counts them."""

import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain
from pathlib import Path
from random import Random

from canary.store import counters
from canary.store.database import Database
from canary.store.tables.base import metadata

END = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPAN = timedelta(days=5 * 365)
CANARIES, SUPPLIERS, STRANGERS, WORDS, PER_CAMPAIGN = 4, 12, 5_000, 50_000, 25
OPEN, LEAKING = 40, 3
"""At most so many cases are open; outsiders write to one vendor of so many."""

_BLOCK = 20_000
_CHANNELS = ("signup", "newsletter", "order", "newsletter")
_REASONS = json.dumps([{"code": "proven-outsider", "facts": {"domain": "stranger.example", "proof": "DKIM"}}])
_SUSPECTS = [
    ("supplier", "esp-{}", 0.87),
    ("vendor", "vendor-{}", 0.09),
    ("owner", "owner", 0.02),
    ("none", "none", 0.02),
]


@dataclass(frozen=True, slots=True)
class Size:
    """How much a store holds."""

    mails: int
    vendors: int


def build(path: Path, size: Size) -> Database:
    """Fill a new store: half of the mail of a leaking vendor is its own, and all of that of the others."""
    path.unlink(missing_ok=True)
    store = Database(f"sqlite:///{path}")
    store.migrate()
    with store.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA synchronous=OFF")
        raw.execute("PRAGMA cache_size=-200000")
        raw.execute("PRAGMA foreign_keys=OFF")
        for table, rows in chain(_parties(size), _mails(size)):
            columns = [column.name for column in metadata.tables[table].columns if column.name in rows[0]]
            marks = ", ".join("?" * len(columns))
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
            raw.execute("BEGIN")
            raw.executemany(statement, ([row[name] for name in columns] for row in rows))
            raw.execute("COMMIT")
        raw.execute("ANALYZE")
    with store.writing() as session:
        counters.recount(session)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return store


def leaking(size: Size) -> list[int]:
    """Return the vendors to whose addresses outsiders write."""
    return [vendor for vendor in range(1, size.vendors + 1) if vendor % LEAKING == 0]


def opened(size: Size) -> list[int]:
    """Return the cases that are open: those of the vendors that were last to leak."""
    return leaking(size)[-OPEN:]


Rows = tuple[str, list[dict[str, object]]]


def _parties(size: Size) -> Iterator[Rows]:
    began, numbers = _time(END - SPAN), range(1, size.vendors + 1)
    yield (
        "supplier",
        [{"id": n, "slug": f"esp-{n}", "name": f"Esp {n}", "created_at": began} for n in range(1, SUPPLIERS + 1)],
    )
    yield (
        "vendor",
        [
            {
                "id": n,
                "slug": f"vendor-{n}",
                "name": _name(n),
                "created_at": began,
                "publishes": 0,
                "unconfirmed": 0,
                "decisions": 0,
            }
            for n in numbers
        ],
    )
    yield (
        "vendor_domain",
        [
            {"id": n, "vendor_id": n, "domain": f"vendor{n}.example", "origin": "declared", "created_at": began}
            for n in numbers
        ],
    )
    yield (
        "supplier_link",
        [
            {"id": n, "vendor_id": n, "supplier_id": n % SUPPLIERS + 1, "channel": "newsletter", "account": "",
             "since": began, "until": None, "origin": "declared", "through": ""}
            for n in numbers
        ],
    )  # fmt: skip
    yield "canary", [_canary(n, began) for n in range(1, size.vendors * CANARIES + 1)]
    yield (
        "sender",
        [
            {"id": n, "vendor_id": n, "key": f"vendor{n}.example", "state": "declared", "proof": "dkim-aligned",
             "first_at": began, "last_at": _time(END), "count": 10, "decided_by": "", "before": "", "question": "",
             "plausibility": 0}
            for n in numbers
        ],
    )  # fmt: skip
    yield from _cases(size, began)


def _cases(size: Size, began: str) -> Iterator[Rows]:
    cases, living = leaking(size), set(opened(size))
    window = {"earliest": "2024-01-01T00:00:00+00:00", "latest": "2024-03-01T00:00:00+00:00",
              "from_90": "2024-01-09T00:00:00+00:00", "to_90": "2024-02-09T00:00:00+00:00", "two_events": False}  # fmt: skip
    yield (
        "leak_case",
        [
            {
                "id": n, "vendor_id": n, "state": "new" if n in living else "closed", "opened_at": began, "outcome": "", "owner": "",
                "opening_hit": n, "decision": 0, "emptied": "", "touched": False, "told": False, "quiet": False, "evidence": 1, "revised": 1,
                "weighed": 1, "due_at": None, "leak": 0.97,
                "last_hit_at": _time(END - timedelta(hours=n)), "findings": json.dumps({"window": window, "fields": [], "twins": [], "why": []}),
                "suspects": json.dumps([
                    {"kind": kind, "id": name.format(n % SUPPLIERS + 1 if kind == "supplier" else n), "p": p,
                     "name": name, "hit": 3, "held": 5, "factor": 10.0}
                    for kind, name, p in _SUSPECTS
                ]),
            }
            for n in cases
        ],
    )  # fmt: skip
    yield "case_vendor", [{"case_id": n, "vendor_id": n} for n in cases]
    yield "case_event", [
        {"id": n * 10 + k, "case_id": n, "at": began, "kind": "opened", "who": "canary", "text": "First mail."}
        for n in cases
        for k in range(5)
    ]  # fmt: skip


def _mails(size: Size) -> Iterator[Rows]:
    chance = Random(7)
    words = [word(n) for n in range(WORDS)]
    weights = list(accumulate(1 / (n + 3) for n in range(WORDS)))
    strangers = range(1, size.mails // 6 // PER_CAMPAIGN + 2)
    yield "campaign", [
        {"id": n, "subject": "An offer", "first_at": _time(END - SPAN), "last_at": _time(END), "mails": PER_CAMPAIGN}
        for n in strangers
    ]  # fmt: skip
    drawn = chance.choices(words, cum_weights=weights, k=500_000)
    for first in range(1, size.mails + 1, _BLOCK):
        numbers = range(first, min(first + _BLOCK, size.mails + 1))
        made = [_mail(n, size, drawn[at : at + 66]) for n in numbers if (at := chance.randrange(499_000)) >= 0]
        for at, table in enumerate(("mail", "mail_content", "hit")):
            yield table, [rows[at] for rows in made]


def _mail(n: int, size: Size, said: list[str]) -> tuple[dict[str, object], ...]:
    vendor = n * 7919 % size.vendors + 1
    outside = vendor % LEAKING == 0 and n // size.vendors % 2 == 0
    at, name = _time(END - SPAN + SPAN * (n / size.mails)), hashlib.sha256(str(n).encode()).hexdigest()
    domain = f"stranger{n * 31 % STRANGERS}.example" if outside else f"vendor{vendor}.example"
    case = vendor if outside else None
    text = " ".join(said)
    identity = {
        "domain": domain,
        "organisation": domain,
        "proof": "dkim-aligned",
        "esp": None,
        "account": None,
        "claim": domain,
    }
    mail = {
        "id": n, "key": f"wide-{n}", "sha256": name, "digest": name, "inlet": "", "size": 5000, "received_at": at,
        "envelope": json.dumps({"mail_from": f"b@{domain}", "rcpt_to": ["x"], "client": {"ip": "192.0.2.1"}}),
        "subject": " ".join(said[:6]), "sender_name": said[6], "sender": f"{said[7]}@{domain}",
        "message_id": f"<{name[:16]}@{domain}>", "text": f"{text} order{n}", "identity_domain": domain,
        "identity": json.dumps(identity), "proofs": json.dumps({"spf": {"result": "pass", "domain": domain}}), "answers": "{}",
        "parts": '{"links": [], "attachments": [], "oddities": [], "headers": []}',
        "campaign_id": n // (6 * PER_CAMPAIGN) + 1 if outside else None,
    }  # fmt: skip
    content = {"mail_id": n, "content": zlib.compress(text.encode(), 1), "parsed": b""}
    hit = {
        "id": n, "mail_id": n, "canary_id": (vendor - 1) * CANARIES + n // size.vendors % CANARIES + 1, "at": at,
        "verdict": "third-party" if outside else "expected", "confidence": 0.99, "reasons": _REASONS, "case_id": case,
        "decision": 0, "burns": int(outside),
    }  # fmt: skip
    return mail, content, hit


def _canary(n: int, began: str) -> dict[str, object]:
    vendor, kind = (n - 1) // CANARIES + 1, (n - 1) % CANARIES
    local = f"vendor{vendor}-{hashlib.sha256(str(n).encode()).hexdigest()[:13]}"
    return {
        "id": n, "address": f"{local}@in.example", "domain": "in.example", "vendor_id": vendor, "channel": _CHANNELS[kind],
        "generation": 2 if kind == 3 else 1, "style": "tagged", "bits": 65.0, "state": "active", "published": None,
        "persona": None, "issued_at": began, "rotated_at": None, "burned_at": None, "burned_by_owner": 0,
        "undated": 0, "tentative": 0, "hidden": "", "hidden_at": None, "note": "",
        "mac": hashlib.md5(local.encode()).digest(),
    }  # fmt: skip


def _name(n: int) -> str:
    return f"{word(n * 17).title()} {word(n * 31 + 5).title()} {n}"


def word(n: int) -> str:
    """Return a word that can be said, another for each number."""
    parts = []
    n += 21
    while n:
        n, rest = divmod(n, 105)
        parts.append("bcdfghjklmnprstvwxyzq"[rest // 5] + "aeiou"[rest % 5])
    return "".join(parts)


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")
