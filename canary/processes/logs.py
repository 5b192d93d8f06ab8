"""What the processes log, and in which form."""

import json
import logging
import sys

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


def log_to_stderr(level: str, *, json_lines: bool) -> None:
    """Log to standard error from a level on."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s")
    handler.setFormatter(JsonLines() if json_lines else plain)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
