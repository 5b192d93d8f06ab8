"""What the processes log, and in which form."""

import json
import logging
import sys
from collections.abc import Callable

_NOISY = ("mail.log", "httpx", "httpcore", "apscheduler", "alembic")


Mask = Callable[[str], str]
"""Takes what is secret out of a text."""


class JsonLines(logging.Formatter):
    """One JSON document a line."""

    def __init__(self, mask: Mask) -> None:
        """Mask what is told, before JSON writes it in another way."""
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the document."""
        line = {
            "at": self.formatTime(record),
            "logger": record.name,
            "level": record.levelname,
            "text": self._mask(record.getMessage()),
        }
        if record.exc_info:
            line["fault"] = self._mask(self.formatException(record.exc_info))
        return json.dumps(line)


class PlainLines(logging.Formatter):
    """Lines for people."""

    def __init__(self, mask: Mask) -> None:
        """Mask whole lines."""
        super().__init__("%(asctime)s %(name)s %(levelname)s %(message)s")
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the masked line."""
        return self._mask(super().format(record))


def log_to_stderr(level: str, *, json_lines: bool, mask: Mask = lambda text: text) -> None:
    """Log to standard error from a level on; every line goes through `mask`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(mask) if json_lines else PlainLines(mask))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
