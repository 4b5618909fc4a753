"""What is written to the log: life-cycle steps and failures, never a message, never a secret."""

import json
import logging
import re
import sys
import traceback
import warnings
from collections.abc import Sequence
from types import TracebackType

# The token is part of every address at Telegram, and libraries put addresses into their errors.
TOKEN = re.compile(r"(?<!\d)\d{6,}:[\w-]{30,}")
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
# These write addresses (httpx) or whole updates (telegram) at levels that one has on.
CHATTY = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "telegram": logging.CRITICAL,
    "asyncio": logging.WARNING,
}


class RedactingFormatter(logging.Formatter):
    """Takes secrets out of every line, out of tracebacks too."""

    def __init__(self, secrets: Sequence[str], fmt: str) -> None:
        super().__init__(fmt)
        self._secrets = sorted((each for each in secrets if each), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Format as usual, then redact the whole of it."""
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, "[secret]")
        return TOKEN.sub("[token]", line)

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  logging's name
        """Say where, and what class of exception: its own words may quote a message."""
        parts, exc = [], ei[1]
        while exc is not None:
            parts.append("".join(traceback.format_tb(exc.__traceback__)) + type(exc).__qualname__)
            if isinstance(exc, BaseExceptionGroup):
                exc = exc.exceptions[0]
            else:
                exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
        return "Traceback, innermost call last\n" + "\nwhich came of\n".join(parts)


class JsonFormatter(RedactingFormatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Put level, module and the redacted line into an object."""
        fields = {"at": record.created, "level": record.levelname.lower(), "from": record.name}
        return json.dumps({**fields, "says": super().format(record)})


def set_up_logging(level: str, secrets: Sequence[str]) -> None:
    """Send the log to stderr, at a level or as JSON lines."""
    # PTB's own method parses, and one update that it cannot parse would stop the polling.
    warnings.filterwarnings("ignore", "Please use 'Bot.getUpdates'")
    handler = logging.StreamHandler(sys.stderr)
    formatter = (
        JsonFormatter(secrets, "%(message)s")
        if level == "json"
        else RedactingFormatter(secrets, "%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel("INFO" if level == "json" else level.upper())
    for name, least in CHATTY.items():
        logging.getLogger(name).setLevel(least)
