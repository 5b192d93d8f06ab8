"""The issued addresses in this process: current within half a second, and available without the store."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from canary.spool.spool import Spool

log = logging.getLogger("canary.smtp")

Fetch = Callable[[str], tuple[str, frozenset[str]] | None]

POLL_SECONDS = 0.5
EAGER_SECONDS = 0.1
PATIENCE_SECONDS = 1.0


class AddressCache:
    """Holds the current issued addresses, lower case.

    `fetch` is called in a thread with the mark of its last answer (at first empty) and gives a new mark and all
    addresses, or None for no change; whatever it raises leaves the known addresses valid. It is only asked when
    `changed`, which may cost nothing and never waits, says that there may be news.
    """

    def __init__(self, fetch: Fetch, memory: Spool, changed: Callable[[], bool] = lambda: True) -> None:
        self.addresses: frozenset[str] = frozenset()
        self._fetch = fetch
        self._memory = memory
        self._changed = changed
        self._mark = ""
        self._fault = ""
        self._answered = False
        self._saved: frozenset[str] = frozenset()
        self._began = float("-inf")
        self._running: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins with the remembered addresses, asks once without waiting long, and keeps asking."""
        try:
            self.addresses = self._saved = await asyncio.to_thread(self._memory.remembered)
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
            news = await asyncio.to_thread(self._fetch, self._mark)
            if news:
                self._believe(*news)
            self._answered = True
        except Exception as error:  # noqa: BLE001 - whatever the store raises, the known addresses stay valid
            self._answered = False
            fault = (str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}").partition("\n")[
                0
            ]
        if self.addresses is not self._saved:
            fault = fault or await self._save()
        self._report(fault)

    def _believe(self, mark: str, addresses: frozenset[str]) -> None:
        """Takes over an answer; what was issued once stays valid, and a store that has lost all is not believed."""
        lost = self.addresses - addresses
        if lost and not addresses:
            raise OSError(f"store: has no address, and {len(lost)} were issued: put it back, or restore a backup")
        if lost:
            log.warning("issued addresses: %d are not in the store any more; they stay valid", len(lost))
        self._mark, self.addresses = mark, addresses | lost

    async def _save(self) -> str:
        """Keeps the addresses for the next start; returns what went wrong, and then the next query tries again."""
        addresses = self.addresses
        try:
            await asyncio.to_thread(self._memory.remember, addresses)
        except OSError as error:
            return f"they cannot be kept for the next start: {error}"
        self._saved = addresses
        return ""

    def _report(self, fault: str) -> None:
        """Logs when the trouble begins and when it ends, not every half second."""
        if fault and not self._fault:
            log.warning("issued addresses: trouble, %d known ones stay valid: %s", len(self.addresses), fault)
        elif self._fault and not fault:
            log.warning("issued addresses: fresh again, %d of them", len(self.addresses))
        self._fault = fault
