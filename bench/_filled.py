"""A store that has seen years of mail: synthetic rows put in bulk, and kept beside for the next run."""

import hashlib
import json
import shutil
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import Table, insert

from bench._mails import VENDORS, settle
from canary.store.database import MIGRATIONS, Database
from canary.store.tables import CampaignKeyRow, CampaignRow, CaseRow, CaseVendorRow, HitRow, MailContentRow, MailRow
from canary.store.tables.base import metadata as tables

BEGAN = datetime(2021, 3, 1, tzinfo=UTC)
_SPAN = timedelta(days=5 * 365)
_PER_CAMPAIGN = 25
_BLOCK = 10_000
_REASONS = [{"code": "proven-outsider", "facts": {"domain": "stranger.example", "proof": "DKIM"}}]


def filled(mails: int, cache: Path, into: Path) -> Database:
    """Open a copy of a store with so many mails: by turns a vendor's own, and in campaigns of one open case each."""
    schema = hashlib.sha256(b"".join(sorted(f.read_bytes() for f in MIGRATIONS.glob("versions/*.py"))))
    schema.update(Path(__file__).read_bytes())
    kept = cache / f"filled-{mails}-{schema.hexdigest()[:12]}.db"
    if not kept.exists():
        _make(mails, kept)
    shutil.copy(kept, into)
    return Database(f"sqlite:///{into}")


def _make(mails: int, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    for old in kept.parent.glob(f"filled-{mails}-*"):
        old.unlink()
    fresh = kept.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    store = Database(f"sqlite:///{fresh}")
    store.migrate()
    settle(store)
    with store.engine.execution_options(writing=True).begin() as connection:
        for statement, rows in _rows(min(mails, _BLOCK)):
            connection.execute(insert(statement), rows)
        for number in range(1, mails // _BLOCK):
            for row in (CampaignRow, CampaignKeyRow, MailRow, MailContentRow, HitRow):
                connection.exec_driver_sql(_copy(_table(row), number))
    with store.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    fresh.rename(kept)


def _rows(mails: int) -> Iterator[tuple[Table, list[dict[str, object]]]]:
    cases = [
        {
            "id": n + 1,
            "vendor_id": n + 1,
            "state": "new",
            "opened_at": BEGAN,
            "last_hit_at": BEGAN,
            "suspects": [],
            "outcome": "",
            "owner": "",
            "findings": {},
        }
        for n in range(VENDORS)
    ]
    yield _table(CaseRow), cases
    yield _table(CaseVendorRow), [{"case_id": n + 1, "vendor_id": n + 1} for n in range(VENDORS)]
    campaigns = range(1, (mails - 1) // _PER_CAMPAIGN + 2)
    yield (
        _table(CampaignRow),
        [
            {"id": n, "subject": "An offer", "first_at": BEGAN, "last_at": BEGAN, "mails": _PER_CAMPAIGN}
            for n in campaigns
        ],
    )
    yield _table(CampaignKeyRow), [{"key": int(_hash(n)[:15], 16), "campaign_id": n} for n in campaigns]
    made = [_mail(n, mails) for n in range(mails)]
    for number, row in enumerate((MailRow, MailContentRow, HitRow)):
        yield _table(row), [each[number] for each in made]


def _copy(table: Table, number: int) -> str:
    """Copy the first block of a table: its own numbers and names move on, all else stays."""
    mails, campaigns = number * _BLOCK, number * _BLOCK // _PER_CAMPAIGN
    moved = {
        "id": f"id + {campaigns if table.name == 'campaign' else mails}",
        "mail_id": f"mail_id + {mails}",
        "campaign_id": f"campaign_id + {campaigns}",
        "key": f"key + {number}" if table.name == "campaign_key" else f"key || '-{number}'",
        "sha256": "lower(hex(randomblob(32)))",
        "digest": "lower(hex(randomblob(32)))",
        "inlet": "''",
    }
    first = {
        "campaign": f"id <= {_BLOCK // _PER_CAMPAIGN}",
        "campaign_key": f"campaign_id <= {_BLOCK // _PER_CAMPAIGN}",
    }
    block = first.get(table.name, f"{'mail_id' if table.name == 'mail_content' else 'id'} <= {_BLOCK}")
    columns = [column.name for column in table.columns]
    values = ", ".join(moved.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {table.name} WHERE {block}"


def _mail(n: int, mails: int) -> tuple[dict[str, object], dict[str, object], dict[str, object]]:
    own, at, name = n % 2 == 0, BEGAN + _SPAN * (n / mails), _hash(n)
    chance, canary = Random(n), n // 2 % VENDORS
    domain = f"shop{canary}.example" if own else f"stranger{n % 997}.example"
    text = " ".join(f"{chance.getrandbits(24):x}" for _ in range(40))
    identity = {
        "domain": domain,
        "organisation": domain,
        "proof": "dkim-aligned",
        "esp": None,
        "account": None,
        "claim": domain,
    }
    mail = {
        "id": n + 1, "key": f"filled-{n}", "sha256": name, "digest": name, "inlet": "", "size": 5000, "received_at": at,
        "envelope": {"mail_from": f"b@{domain}", "rcpt_to": ["x"], "client": {"ip": "192.0.2.1"}, "received": at.isoformat()},
        "subject": text[:40], "sender_name": "News", "sender": f"news@{domain}", "message_id": f"<{name[:16]}@{domain}>", "text": text,
        "identity_domain": domain, "identity": identity, "proofs": {"spf": {"result": "pass", "domain": domain}}, "answers": {},
        "parts": {"links": [], "attachments": [], "oddities": [], "headers": []},
        "campaign_id": None if own else n // _PER_CAMPAIGN + 1,
    }  # fmt: skip
    content = {
        "mail_id": n + 1,
        "content": zlib.compress(json.dumps(identity).encode() + chance.randbytes(700), 1),
        "parsed": b"",
    }
    hit = {
        "id": n + 1, "mail_id": n + 1, "canary_id": canary + 1, "at": at, "verdict": "expected" if own else "third-party",
        "confidence": 0.99, "reasons": _REASONS, "case_id": None if own else canary + 1,
    }  # fmt: skip
    return mail, content, hit


def _table(row: type) -> Table:
    return tables.tables[str(row.__tablename__)]  # type: ignore[attr-defined]


def _hash(n: int) -> str:
    return hashlib.sha256(str(n).encode()).hexdigest()
