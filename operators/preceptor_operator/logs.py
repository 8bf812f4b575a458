"""The operator's log: one JSON object a line, or plain lines for people."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

LOG = logging.getLogger("preceptor.operator")
"""What the operator says."""
_EXTRA = ("namespace", "specialization", "action")


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, what it is about, and the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: str(record.__dict__[key]) for key in _EXTRA if key in record.__dict__}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(*, json_lines: bool) -> None:
    """Log to standard error: what we do, and what kopf warns of."""
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(JsonLines() if json_lines else plain)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    LOG.setLevel(logging.INFO)
    # It warns of running beside the main thread, which is where we want it.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
