"""The issued addresses in this process: current within half a second, and available without the store."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator

from canary.canaries.address_set import AddressSet
from canary.spool.spool import Spool
from canary.store.issued_addresses import AddressNews

log = logging.getLogger("canary.canaries")

Fetch = Callable[[str], Iterator[AddressNews]]

POLL_SECONDS = 0.5
EAGER_SECONDS = 0.1
PATIENCE_SECONDS = 1.0
_SAVED_AT_ONCE = 50_000


class AddressCache:
    """Holds the current issued addresses, lower case.

    `fetch` is called in a thread with the mark of its last answer (at first empty) and yields what is new, with a new
    mark at the end, or nothing for no change; whatever it raises leaves the known addresses valid. It is only asked when
    `changed`, which may cost nothing and never waits, says that there may be news.
    """

    def __init__(self, fetch: Fetch, memory: Spool, changed: Callable[[], bool] = lambda: True) -> None:
        self.addresses = AddressSet()
        self._fetch = fetch
        self._memory = memory
        self._changed = changed
        self._mark = ""
        self._fault = ""
        self._answered = False
        self._unsaved: list[str] = []
        self._began = float("-inf")
        self._running: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins with the remembered addresses, asks once without waiting long, and keeps asking."""
        try:
            await asyncio.to_thread(lambda: self.addresses.update(self._memory.remembered()))
        except OSError as error:
            log.warning("issued addresses: the copy of the last run cannot be read: %s", error)
        await self._wait_for_refresh()
        self._watch = asyncio.create_task(self._keep_asking())

    async def stop(self) -> None:
        """Stops asking, after the question under way."""
        if self._watch:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        if self._running:
            await asyncio.wait({self._running}, timeout=PATIENCE_SECONDS)

    async def refresh(self) -> None:
        """Asks the store now; a call while a question is under way waits for the answer to that."""
        if self._running is None or self._running.done():
            self._began = self._now()
            self._running = asyncio.create_task(self._ask())
        await asyncio.shield(self._running)

    async def look_again(self, *, patient: bool) -> bool:
        """Asks again, at most ten times a second and for at most a second or two; returns whether the store answered.

        Callers wait for a query that begins after their call: it has every address issued before.
        """
        came = self._now()
        if patient:
            for _ in range(2):
                if self._asking or self._began < came:
                    await asyncio.sleep(max(0.0, self._began + EAGER_SECONDS - self._now()))
                    await self._wait_for_refresh()
        elif self._asking or came - self._began >= EAGER_SECONDS:
            await self._wait_for_refresh()
        return self._answered and not self._asking

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def _asking(self) -> bool:
        return self._running is not None and not self._running.done()

    async def _wait_for_refresh(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.refresh(), PATIENCE_SECONDS)

    async def _keep_asking(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            # The answer to a question that is under way may be older than what changed: that is looked at next time.
            if not self._asking and (self._changed() or self._fault):
                await self.refresh()

    async def _ask(self) -> None:
        fault = ""
        try:
            await asyncio.to_thread(self._follow)
            self._answered = True
        except Exception as error:  # noqa: BLE001 - whatever the store raises, the known addresses stay valid
            self._answered = False
            fault = (str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}").partition("\n")[
                0
            ]
        if self._unsaved:
            fault = fault or await asyncio.to_thread(self._save)
        self._report(fault)

    def _follow(self) -> None:
        """Asks the store, and takes over what is new, part by part."""
        for news in self._fetch(self._mark):
            held = len(self.addresses)
            if held and not news.total:
                raise OSError(f"store: has no address, and {held} were issued: put it back, or restore a backup")
            self._unsaved += self.addresses.add_missing(news.addresses)
            if len(self._unsaved) >= _SAVED_AT_ONCE:
                self._save()
            if news.mark:
                self._mark = news.mark
                self._compare(news.total)

    def _compare(self, total: int) -> None:
        """Says so where the store has lost some addresses: what was issued once stays valid."""
        lost = len(self.addresses) - total
        if lost > 0:
            log.warning("issued addresses: %d are not in the store any more; they stay valid", lost)

    def _save(self) -> str:
        """Adds to the copy for the next start; returns what went wrong, and then the next query tries again."""
        try:
            self._memory.remember(self._unsaved)
        except OSError as error:
            return f"they cannot be kept for the next start: {error}"
        self._unsaved = []
        return ""

    def _report(self, fault: str) -> None:
        """Logs when the trouble begins and when it ends, not every half second."""
        if fault and not self._fault:
            log.warning("issued addresses: trouble, %d known ones stay valid: %s", len(self.addresses), fault)
        elif self._fault and not fault:
            log.warning("issued addresses: fresh again, %d of them", len(self.addresses))
        self._fault = fault
