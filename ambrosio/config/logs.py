"""Logging to stderr, as text or JSON, without secrets and without the text of messages."""

import json
import logging
import re
import sys
import traceback
import warnings
from collections.abc import Iterable, Sequence
from types import TracebackType

# A bot token. It is part of every Bot API URL, and libraries put URLs into their errors.
TOKEN = re.compile(r"(?<!\d)\d{6,}:[\w-]{30,}")
# A shorter secret is in half the words of a log, and guessed faster than read.
MIN_SECRET_LENGTH = 6
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
# These log URLs (httpx) or whole updates (telegram) at levels in common use.
LIBRARY_LEVELS = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "telegram": logging.CRITICAL,
    "asyncio": logging.WARNING,
}


def redact(text: str, secrets: Iterable[str]) -> str:
    """Take secrets out of a text, and whatever looks like a bot token."""
    long = (secret for secret in secrets if len(secret) >= MIN_SECRET_LENGTH)
    for secret in sorted(long, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return TOKEN.sub("[token]", text)


class RedactingFormatter(logging.Formatter):
    """Removes secrets from every line, including tracebacks."""

    def __init__(self, secrets: Sequence[str], fmt: str) -> None:
        super().__init__(fmt)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Format as usual, then redact the result."""
        return redact(super().format(record), self._secrets)

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802  logging's name
        """Format the frames and the class only: an exception's text may quote a message."""
        parts, exc = [], ei[1]
        while exc is not None:
            parts.append("".join(traceback.format_tb(exc.__traceback__)) + type(exc).__qualname__)
            if isinstance(exc, BaseExceptionGroup):
                exc = exc.exceptions[0]
            else:
                exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
        return "Traceback, innermost call last\n" + "\nwhich came of\n".join(parts)


class JsonFormatter(RedactingFormatter):
    """Formats each record as one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return an object with time, level, logger name and the redacted line."""
        fields = {"at": record.created, "level": record.levelname.lower(), "from": record.name}
        return json.dumps({**fields, "says": super().format(record)})


def set_up_logging(level: str, secrets: Sequence[str]) -> None:
    """Log to stderr at a level, or as JSON lines if the level is "json"."""
    # We call getUpdates without PTB's parsing: one update it cannot parse would stop polling.
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
    for name, library_level in LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(library_level)
