"""What the processes log, and in which form."""

import json
import logging
import sys
from collections.abc import Callable

_NOISY = ("mail.log", "httpx", "httpcore", "apscheduler", "alembic")


class JsonLines(logging.Formatter):
    """One JSON document a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the document."""
        line = {
            "at": self.formatTime(record),
            "logger": record.name,
            "level": record.levelname,
            "text": record.getMessage(),
        }
        if record.exc_info:
            line["fault"] = self.formatException(record.exc_info)
        return json.dumps(line)


class MaskedLines(logging.Formatter):
    """Lines of another form in which nothing secret can be read, wherever it came from."""

    def __init__(self, form: logging.Formatter, mask: Callable[[str], str]) -> None:
        """Mask the lines of a form."""
        super().__init__()
        self._form, self._mask = form, mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the masked line."""
        return self._mask(self._form.format(record))


def log_to_stderr(level: str, *, json_lines: bool, mask: Callable[[str], str] = lambda text: text) -> None:
    """Log to standard error from a level on; every line goes through `mask`."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s")
    handler.setFormatter(MaskedLines(JsonLines() if json_lines else plain, mask))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
