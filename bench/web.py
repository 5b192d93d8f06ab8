"""The pages over 1,000,000 mails of 2,000 vendors beside 1,000 of 20; listeners to news; search beside LIKE.

    make bench ARGS=web                # MAILS=1000000 VENDORS=2000 ROUNDS=60 PARTS=pages,live,search choose less

Pages are asked for by turns, small store and large, by a browser's one connection to the real application; the whole
answer counts. Search is compared with Mailpit's way, LIKE over the text of the same rows, newest first.
"""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import median, quantiles
from time import perf_counter

from bench import _wide
from bench._site import Site, site
from bench._wide import CANARIES, END, STRANGERS, Size, leaking, opened
from canary.store.database import MIGRATIONS, Database
from canary.store.tables import HitRow
from canary.views.search import search

LARGE = Size(int(os.environ.get("MAILS", "1000000")), int(os.environ.get("VENDORS", "2000")))
SMALL = Size(1_000, 20)
ROUNDS = int(os.environ.get("ROUNDS", "60"))
PARTS = os.environ.get("PARTS", "pages,live,search").split(",")
CACHE = Path(os.environ.get("CANARY_BENCH_CACHE", Path(tempfile.gettempdir()) / "canary-bench"))
TIMES, MOST_MS, LISTENERS, MOST_MB, FASTER = 2.0, 150, 200, 150, 20

Way = Callable[[Size, Random], str]
PAGES: dict[str, Way] = {
    "overview": lambda *_: "/",
    "quiet vendors": lambda *_: "/?show=quiet",
    "vendor": lambda size, chance: f"/vendors/vendor-{_vendor(size, chance)}",
    "case": lambda size, chance: f"/cases/{chance.choice(opened(size))}",
    "search": lambda size, chance: f"/search?q={_typed(size, chance)}",
    "mail": lambda size, chance: f"/mail/{chance.randint(1, size.mails)}",
    "canaries": lambda size, chance: f"/canaries?after={chance.randrange(size.vendors * CANARIES // 2)}",
    "campaigns": lambda *_: "/campaigns",
}  # fmt: skip


PROMISED = ("overview", "vendor", "case", "search")


def main() -> None:
    began = perf_counter()
    small, large = _store(SMALL), _store(LARGE)
    print(f"{LARGE.mails:,} mails of {LARGE.vendors:,} vendors: {large.stat().st_size / 1e6:,.0f} MB,"
          f" there after {perf_counter() - began:.0f} s\n")  # fmt: skip
    with ExitStack() as stack:
        sites = [stack.enter_context(site(path)) for path in (small, large)]
        if "pages" in PARTS:
            pages(sites)
        if "live" in PARTS:
            asyncio.run(live(sites[1], large))
    if "search" in PARTS:
        compare(large)
    print(f"\n{perf_counter() - began:.0f} s in all")


def pages(sites: Sequence[Site]) -> None:
    print(
        f"{'page':<14} {'p50 small':>10} {'p50 large':>10} {'p95 small':>10} {'p95 large':>10} {'times':>7}   promised"
    )
    for name, path in PAGES.items():
        chance = Random(name)
        times: tuple[list[float], list[float]] = [], []
        for number in range(ROUNDS + 5):
            for one, size, taken in zip(sites, (SMALL, LARGE), times, strict=True):
                seconds = one.get(path(size, chance))
                if number >= 5:  # the first ones fill caches on both sides
                    taken.append(seconds * 1000)
        p95 = [quantiles(taken, n=20)[-1] for taken in times]
        promise = f"<= {TIMES:g}x: {_word(p95[1] <= TIMES * p95[0])}" if name in PROMISED else ""
        print(f"{name:<14} {median(times[0]):>7.1f} ms {median(times[1]):>7.1f} ms {p95[0]:>7.1f} ms {p95[1]:>7.1f} ms"
              f" {p95[1] / p95[0]:>6.2f}x   {promise}")  # fmt: skip
    print(f"(orientation: a p95 of {MOST_MS} ms)")


async def live(one: Site, store: Path) -> None:
    """Let so many listen, and see that each hears of a hit."""
    before = one.memory()
    streams = [await _listen(one) for _ in range(LISTENERS)]
    database = Database(f"sqlite:///{store}")
    began = perf_counter()
    with database.writing() as session:
        hit = HitRow(canary_id=1, at=END, verdict="probe", confidence=0.5, reasons=[])
        session.add(hit)
        session.flush()
        number = hit.id
    await asyncio.gather(*(asyncio.wait_for(reader.readuntil(f"id: {number}\n".encode()), 60) for reader, _ in streams))
    taken, held = perf_counter() - began, one.memory()
    for _, writer in streams:
        writer.close()
    with database.writing() as session:
        session.delete(session.get_one(HitRow, number))
    database.close()
    print(f"\n{LISTENERS} listeners: {held:.0f} MB in the process ({held - before:+.0f} MB for them), promised < {MOST_MB} MB:"
          f" {_word(held < MOST_MB)}; all had heard of a hit after {taken:.2f} s")  # fmt: skip


async def _listen(one: Site) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
    writer.write(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{one.port}\r\nCookie: {one.cookie}\r\n\r\n".encode())
    await asyncio.wait_for(reader.readuntil(b"retry: 3000"), 60)
    return reader, writer


def compare(store: Path) -> None:
    print(f"\n{'words':<34} {'found':>6} {'search':>10} {'LIKE':>10} {'times':>9}")
    ratios = []
    database, plain = Database(f"sqlite:///{store}"), sqlite3.connect(store)
    for said in _asked(LARGE):
        with database.reading() as session:
            found = min(_timed(lambda said=said, session=session: search(session, said)) for _ in range(3))  # type: ignore[misc]
            number = len(search(session, said).mails)
        looked = min(_timed(lambda said=said: _like(plain, said)) for _ in range(2))  # type: ignore[misc]
        ratios.append(looked / found)
        print(f"{said:<34} {number:>6} {found * 1000:>7.2f} ms {looked * 1000:>7.1f} ms {ratios[-1]:>8.1f}x")
    database.close()
    plain.close()
    middle = median(ratios)
    print(f"search is {middle:,.0f} times as fast as LIKE (median), promised >= {FASTER}: {_word(middle >= FASTER)}")


def _like(plain: sqlite3.Connection, said: str) -> list[tuple[int]]:
    """Search as Mailpit does: each word anywhere in what is kept of a mail for that, the newest first."""
    words = said.split()
    columns = "subject || ' ' || sender || ' ' || text"
    where = " AND ".join([f"({columns}) LIKE ?"] * len(words))
    return plain.execute(
        f"SELECT id FROM mail WHERE {where} ORDER BY id DESC LIMIT 51", [f"%{w}%" for w in words]
    ).fetchall()


def _asked(size: Size) -> Iterator[str]:
    """Yield what people look for: an order, a sender, a rare word, two words, a common word, what is not there."""
    yield f"order{size.mails // 3}"
    yield f"order{size.mails // 7 * 6}"
    yield f"stranger{STRANGERS // 3}.example"
    yield f"vendor{size.vendors // 2}.example"
    yield _wide.word(40_000)
    yield f"{_wide.word(30_000)} {_wide.word(20_000)}"
    yield f"{_wide.word(5)} order{size.mails // 2}"
    yield _wide.word(0)
    yield "nobodysaysthis"


def _vendor(size: Size, chance: Random) -> int:
    return chance.choice((chance.choice(leaking(size)), chance.randint(1, size.vendors)))


def _typed(size: Size, chance: Random) -> str:
    number = chance.randint(1, size.mails)
    words = (
        f"order{number}",
        f"stranger{number % 100}",
        _wide.word(number % 3_000),
        _wide.word(1),
        f"vendor{number % 20}",
    )
    return chance.choice(words)


def _timed(do: Callable[[], object]) -> float:
    began = perf_counter()
    do()
    return perf_counter() - began


def _word(kept: bool) -> str:
    return "kept" if kept else "MISSED"


def _store(size: Size) -> Path:
    """Build a store, or take the one that an earlier run has built."""
    made = sha256(b"".join(sorted(f.read_bytes() for f in MIGRATIONS.glob("versions/*.py"))))
    made.update(Path(_wide.__file__).read_bytes())
    kept = CACHE / f"wide-{size.mails}-{size.vendors}-{made.hexdigest()[:12]}.db"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.glob(f"wide-{size.mails}-{size.vendors}-*"):
            old.unlink()
        fresh = kept.with_suffix(".new")
        _wide.build(fresh, size).close()
        fresh.rename(kept)
    return kept
