"""What every verb shares as a process: settings, the data folder's lock, signals, exit codes."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from ..config import logs, settings
from ..config.file_lock import file_lock
from ..config.settings import Settings
from ..core import texts
from ..core.errors import (
    AmbrosioError,
    DatabaseVersion,
    InvalidSettings,
    PollingConflict,
    StoreFailed,
)
from .hints import INTERRUPTED, print_error

log = logging.getLogger(__name__)

LOCK_FILE = "lock"


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Lock the data folder, which is created if need be.

    Raises `PollingConflict` if another process has the lock, `StoreFailed` if the folder cannot be
    written to.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            locked = stack.enter_context(file_lock(folder / LOCK_FILE))
        except OSError as exc:
            raise StoreFailed(str(exc)) from exc
        if not locked:
            raise PollingConflict
        yield


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def discard_stdout() -> None:
    """Send the rest of the output nowhere, because whoever read it has gone.

    Python flushes stdout once more at the end, and that must not fail again.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def load_settings(*, is_service: bool = False) -> Settings:
    """Load the settings and set up logging; exit with 2 and one line per invalid setting.

    Only a service, which nobody watches, logs all that the settings say. Elsewhere the log would
    stand between the lines of the output; `AMBROSIO_LOG=debug` brings it back.
    """
    try:
        loaded = settings.load()
    except InvalidSettings as exc:
        print_problems(exc)
        sys.exit(2)
    quiet = not is_service and loaded.ambrosio_log != "debug"
    logs.set_up_logging("error" if quiet else loaded.ambrosio_log, loaded.secrets)
    sys.excepthook = log_uncaught
    return loaded


def log_uncaught(
    kind: type[BaseException], exc: BaseException, frames: TracebackType | None
) -> None:
    """Log what nobody has foreseen; Python itself would print its text, with keys and messages."""
    log.critical("stopped by an error that nobody foresaw", exc_info=(kind, exc, frames))


def print_problems(exc: InvalidSettings) -> None:
    """Print one line per invalid setting."""
    for line in exc.lines:
        click.echo(line, err=True)


def run_to_exit(verb: Coroutine[Any, Any, int]) -> None:
    """Run a verb and exit with its code; print an `AmbrosioError` as one line."""
    try:
        code = asyncio.run(verb)
    except DatabaseVersion as exc:
        # Nothing that another start would mend.
        print_error(exc.owner_message)
        code = 2
    except StoreFailed as exc:
        log.warning("the database cannot be used: %s", exc)
        print_error(texts.DATABASE_UNUSABLE)
        code = 1
    except InvalidSettings as exc:
        print_problems(exc)
        code = 2
    except AmbrosioError as exc:
        print_error(exc.owner_message)
        code = 1
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
