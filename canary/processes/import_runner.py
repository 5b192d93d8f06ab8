"""Imports that are begun in the browser: each is the command of the same name, in a process of its own.

What is imported lies in one folder, so that nobody reads other files of the machine by way of the dashboard. An import that is
killed, or ended with the dashboard, goes on where it was when it is begun again.
"""

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from canary.model.import_run import ImportRun
from canary.processes.command_run import CommandRun, Process
from canary.settings import Settings

OFFERED = 200
_LINES = 20
_LONGEST = 2000


class ImportRunner:
    """Begins imports, follows what they say, and keeps the last one."""

    def __init__(self, settings: Settings, config: Path | None) -> None:
        """Begin nothing yet."""
        self._folder = settings.data / "to-import"
        self._command = CommandRun(settings.data / "last-import.json", ImportRun, config)

    @property
    def folder(self) -> str:
        """The folder, as its path is written."""
        return str(self._folder.absolute())

    def offered(self) -> list[str]:
        """Return what lies in the folder, by name; makes the folder."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = sorted(each.name for each in self._folder.iterdir() if not each.is_symlink())
        return [name for name in names if not name.startswith(".") and name.isprintable()][:OFFERED]

    def begin(self, name: str, adopt: Sequence[str], trust: Sequence[str], *, accept: bool) -> None:
        """Begin an import, or go on with it; raises ValueError, and OSError."""
        if name not in self.offered():
            raise ValueError(f"{name[:80]!r}: is not in {self.folder}; put it there and load this page again")
        domains = [part for domain in adopt for part in ("--adopt", domain)]
        domains += [part for server in trust for part in ("--trust-authserv", server)]
        yes = ["--yes"] if accept else []
        # The name comes after the options, and has the folder before it: it is never taken for an option.
        arguments = ["import", "--json", "--progress", *domains, *yes, str(self._folder.absolute() / name)]
        if not self._command.begin(arguments, ImportRun(name, ", ".join(adopt), ", ".join(trust)), self._follow):
            going_on = self._command.look()
            raise ValueError(f"{going_on.name if going_on else name}: is being imported; wait until that ends")

    def look(self) -> ImportRun | None:
        """Return the import that runs, or the last one."""
        return self._command.look()

    def stop(self) -> None:
        """End what runs; it goes on when it is begun again."""
        self._command.stop()

    def _follow(self, process: Process) -> dict[str, object]:
        answer: list[str] = []
        reader = threading.Thread(target=lambda: answer.append(_all(process.stdout)), daemon=True)
        reader.start()
        said = self._progress(process.stderr)
        reader.join()
        return _outcome("".join(answer), said, process.wait())

    def _progress(self, lines: "IO[str] | None") -> list[str]:
        """Take over the progress; return the last of the other lines."""
        said: list[str] = []
        for line in lines or ():
            try:
                found = json.loads(line)
                self._command.change(stage=str(found["stage"]), done=int(found["done"]), total=int(found["total"]))
            except (ValueError, KeyError, TypeError):
                said = [*said, line.strip()[:_LONGEST]][-_LINES:]
        return said


def _all(stream: "IO[str] | None") -> str:
    return stream.read() if stream else ""


def _outcome(answer: str, said: list[str], code: int) -> dict[str, object]:
    """Return what an import came to, from the document that it printed, else from its last line."""
    try:
        document = json.loads(answer)
    except ValueError:
        return {"fault": said[-1] if said else f"ended with {code}; begin it again to go on", "lines": said[:-1]}
    if "proposed" in document:
        return {"proposed": document["proposed"], "lines": said[:-1]}
    return {"lines": [f"{document['read']:,} mails read, {document['new']:,} of them new.", *document["summary"]]}
