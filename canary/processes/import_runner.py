"""Imports that are begun in the browser: each is the command of the same name, in a process of its own.

What is imported lies in one folder, so that nobody reads other files of the machine by way of the dashboard. An import that is
killed, or ended with the dashboard, goes on where it was when it is begun again.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from canary.model.import_run import ImportRun
from canary.settings import Settings

OFFERED = 200
_LINES = 20
_LONGEST = 2000
_END_SECONDS = 10.0


class ImportRunner:
    """Begins imports, follows what they say, and keeps the last one."""

    def __init__(self, settings: Settings, config: Path | None) -> None:
        """Begin nothing yet."""
        self._folder, self._config = settings.data / "to-import", config
        self._lock = threading.Lock()
        self._run: ImportRun | None = None
        self._process: subprocess.Popen[str] | None = None

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
        with self._lock:
            if self._run and self._run.running:
                raise ValueError(f"{self._run.name}: is being imported; wait until that ends")
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                self._command(name, adopt, trust, accept=accept), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, errors="replace",
            )  # fmt: skip
            self._run = ImportRun(name, ", ".join(adopt), ", ".join(trust))
        threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()

    def look(self) -> ImportRun | None:
        """Return the import that runs, or the last one."""
        return self._run

    def stop(self) -> None:
        """End what runs; it goes on when it is begun again."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _command(self, name: str, adopt: Sequence[str], trust: Sequence[str], *, accept: bool) -> list[str]:
        config = ["--config", str(self._config)] if self._config else []
        domains = [part for domain in adopt for part in ("--adopt", domain)]
        domains += [part for server in trust for part in ("--trust-authserv", server)]
        yes = ["--yes"] if accept else []
        # The name comes after the options, and has the folder before it: it is never taken for an option.
        program = [sys.executable, "-m", "canary", *config, "import", "--json", "--progress", *domains, *yes]
        return [*program, str(self._folder.absolute() / name)]

    def _follow(self, process: "subprocess.Popen[str]") -> None:
        answer: list[str] = []
        with process:
            reader = threading.Thread(target=lambda: answer.append(_all(process.stdout)), daemon=True)
            reader.start()
            said = self._progress(process.stderr)
            reader.join()
        self._change(running=False, **_outcome("".join(answer), said, process.returncode))

    def _progress(self, lines: "IO[str] | None") -> list[str]:
        """Take over the progress; return the last of the other lines."""
        said: list[str] = []
        for line in lines or ():
            try:
                found = json.loads(line)
                self._change(stage=str(found["stage"]), done=int(found["done"]), total=int(found["total"]))
            except (ValueError, KeyError, TypeError):
                said = [*said, line.strip()[:_LONGEST]][-_LINES:]
        return said

    def _change(self, **changes: object) -> None:
        with self._lock:
            if self._run:
                self._run = replace(self._run, **changes)  # type: ignore[arg-type]


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
