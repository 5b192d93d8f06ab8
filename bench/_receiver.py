"""The issued addresses in a receiving process: run with the URL of a store and a folder, prints one line of JSON.

It first fills its copy from the store, then says that it is ready, waits for a line, and looks for a new address.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import canary.processes.smtp_process  # noqa: F401 - all that a receiver loads takes memory
from canary.canaries.address_cache import AddressCache
from canary.spool.spool import Spool
from canary.store.issued_addresses import IssuedAddresses


async def main(url: str, folder: Path) -> None:
    spool = Spool(folder / "smtp.db", reserve_bytes=0, max_backlog=9)
    issued = IssuedAddresses(url)
    book, began = AddressCache(issued.fetch, spool), time.process_time()
    await book.start()
    while not await book.look_again(patient=True):
        pass
    filled = time.process_time() - began
    print("ready", flush=True)
    known = len(book.addresses)
    sys.stdin.readline()
    began = time.perf_counter()
    await book.refresh()
    fresh = time.perf_counter() - began
    await book.stop()
    issued.close()
    found = {"known": known, "more": len(book.addresses) - known, "filled": filled, "fresh": fresh, "memory": _peak()}
    print(json.dumps(found), flush=True)


def _peak() -> float:
    """The most memory that this process ever had, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
