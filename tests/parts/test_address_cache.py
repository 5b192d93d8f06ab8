"""The issued addresses as a receiver knows them."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from pathlib import Path

import pytest

from canary.canaries.address_cache import AddressCache
from canary.spool.spool import Spool
from canary.store.issued_addresses import AddressNews
from tests.patience import PATIENCE
from tests.sink import ISSUED, Store

Work = Callable[[AddressCache, Store], Awaitable[None]]


class Memory(Spool):
    """A spool that signals when it was given the addresses."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "spool.db", reserve_bytes=0, max_backlog=9)
        self.told = threading.Event()

    def remember(self, addresses: Sequence[str]) -> None:
        super().remember(addresses)
        self.told.set()


def holds(book: AddressCache, addresses: Collection[str]) -> bool:
    """Whether a book has these addresses and no others."""
    return len(book.addresses) == len(addresses) and all(address in book.addresses for address in addresses)


def with_book(memory: Memory, work: Work, store: Store | None = None) -> None:
    store = store or Store()

    async def main() -> None:
        book = AddressCache(store.fetch, memory)
        await book.start()
        try:
            await work(book, store)
        finally:
            await book.stop()

    asyncio.run(main())


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


def test_it_starts_with_what_the_store_says(memory: Memory) -> None:
    async def work(book: AddressCache, store: Store) -> None:
        assert holds(book, ISSUED)

    with_book(memory, work)


def test_it_starts_from_its_memory_while_the_store_is_down(memory: Memory) -> None:
    async def nothing(book: AddressCache, store: Store) -> None: ...

    async def work(book: AddressCache, store: Store) -> None:
        assert holds(book, ISSUED)
        assert not await book.look_again(patient=True)

    with_book(memory, nothing)
    with_book(memory, work, Store(fault=RuntimeError("down")))


def test_an_address_issued_elsewhere_is_known_within_a_second(memory: Memory) -> None:
    async def work(book: AddressCache, store: Store) -> None:
        store.addresses = ISSUED | {"new@example.net"}
        memory.told.clear()
        assert await asyncio.to_thread(memory.told.wait, 1)
        assert "new@example.net" in book.addresses

    with_book(memory, work)


class Watch:
    """Says that nothing changed in a store, and when it has said so for some times."""

    def __init__(self, times: int) -> None:
        self.left, self.said, self.news = times, threading.Event(), False

    def __call__(self) -> bool:
        self.left -= 1
        if self.left <= 0:
            self.said.set()
        return self.news


def asked_beside(memory: Memory, watch: Watch, store: Store) -> int:
    """How often a book has asked the store by the time the watch has said so."""

    async def main() -> int:
        book = AddressCache(store.fetch, memory, watch)
        await book.start()
        assert await asyncio.to_thread(watch.said.wait, 30)
        await book.stop()
        return len(store.asked)

    return asyncio.run(main())


@pytest.mark.slow
@pytest.mark.everyday
def test_a_store_in_which_nothing_changed_is_not_asked(memory: Memory) -> None:
    assert asked_beside(memory, Watch(3), Store()) == 1


@pytest.mark.slow
@pytest.mark.everyday
def test_a_store_that_changed_is_asked_and_so_is_one_that_did_not_answer(memory: Memory) -> None:
    news = Watch(3)
    news.news = True
    assert asked_beside(memory, news, Store()) >= 2
    assert asked_beside(memory, Watch(3), Store(fault=RuntimeError("down"))) >= 2


def test_looking_again_finds_it_at_once(memory: Memory) -> None:
    async def main() -> None:
        book = AddressCache(Store().fetch, memory)
        assert await book.look_again(patient=True)
        assert holds(book, ISSUED)

    asyncio.run(main())


def test_guesses_do_not_flood_the_store(memory: Memory) -> None:
    async def work(book: AddressCache, store: Store) -> None:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(book.look_again(patient=True) for _ in range(1000)))
        for _ in range(1000):
            await book.look_again(patient=False)
        allowed = 2 + (asyncio.get_running_loop().time() - began) / 0.1
        assert len(store.asked) <= allowed

    with_book(memory, work)


def test_an_unchanged_store_is_asked_with_the_mark_of_its_last_answer(memory: Memory) -> None:
    async def work(book: AddressCache, store: Store) -> None:
        await book.refresh()
        assert store.asked[:2] == ["", str(sorted(ISSUED))]

    with_book(memory, work)


def test_a_store_that_fails_is_logged_once_and_again_when_it_is_back(
    memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(book: AddressCache, store: Store) -> None:
        store.fault = RuntimeError("no route")
        for _ in range(3):
            await book.refresh()
        assert holds(book, ISSUED)
        store.fault = None
        await book.refresh()

    caplog.set_level(logging.INFO, "canary.canaries")
    with_book(memory, work)
    assert [message.partition(":")[2][:8] for message in caplog.messages] == [" trouble", " fresh a"]


@pytest.mark.slow
def test_a_store_that_hangs_does_not_hold_up_a_refusal(memory: Memory) -> None:
    answer = threading.Event()

    class Hanging(Store):
        def fetch(self, mark: str) -> Iterator[AddressNews]:
            answer.wait(PATIENCE)
            return super().fetch(mark)

    async def main() -> None:
        book = AddressCache(Hanging().fetch, memory)
        assert not await book.look_again(patient=True)
        answer.set()
        await book.stop()

    asyncio.run(main())


def test_a_memory_that_fails_is_tried_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "missing")

    async def work(book: AddressCache, store: Store) -> None:
        assert holds(book, ISSUED)
        memory.path.parent.mkdir()
        await book.refresh()
        assert set(memory.remembered()) == ISSUED

    with_book(memory, work)


def test_a_new_address_is_added_to_the_memory_and_the_rest_of_it_is_left_as_it_is(memory: Memory) -> None:
    file = memory.path.with_name("spool.db.addresses")

    async def work(book: AddressCache, store: Store) -> None:
        before, place = file.read_bytes(), file.stat().st_ino
        store.addresses = ISSUED | {"new@example.net"}
        await book.refresh()
        assert (file.read_bytes(), file.stat().st_ino) == (before + b"new@example.net\n", place)

    with_book(memory, work)


def test_an_answer_that_breaks_off_is_asked_for_again(memory: Memory) -> None:
    class Breaking(Store):
        def fetch(self, mark: str) -> Iterator[AddressNews]:
            *_, last = super().fetch("")
            yield AddressNews(last.total, ["play-x7k2m9@example.net"])
            if len(self.asked) == 1:
                raise RuntimeError("cut")
            yield last

    async def work(book: AddressCache, store: Store) -> None:
        assert holds(book, {"play-x7k2m9@example.net"})
        await book.refresh()
        assert holds(book, ISSUED)

    with_book(memory, work, Breaking())
