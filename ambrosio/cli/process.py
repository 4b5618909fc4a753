"""What every verb shares as a process: settings, the data folder's lock, signals, exit codes."""

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from ..config import logs, settings
from ..config.file_lock import file_lock
from ..config.settings import Settings
from ..core import texts
from ..core.errors import AmbrosioError, InvalidSettings, PollingConflict, StoreFailed

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


def load_settings() -> Settings:
    """Load the settings and set up logging; exit with 2 and one line per invalid setting."""
    try:
        loaded = settings.load()
    except InvalidSettings as exc:
        print_problems(exc)
        sys.exit(2)
    logs.set_up_logging(loaded.ambrosio_log, loaded.secrets)
    return loaded


def print_problems(exc: InvalidSettings) -> None:
    """Print one line per invalid setting."""
    for line in exc.lines:
        click.echo(line, err=True)


def run_to_exit(verb: Coroutine[Any, Any, int]) -> None:
    """Run a verb and exit with its code; print an `AmbrosioError` as one line."""
    try:
        code = asyncio.run(verb)
    except StoreFailed as exc:
        log.warning("the database cannot be used: %s", exc)
        click.echo(f"error: {texts.DATABASE_UNUSABLE}", err=True)
        code = 1
    except InvalidSettings as exc:
        print_problems(exc)
        code = 2
    except AmbrosioError as exc:
        click.echo(f"error: {exc.owner_message}", err=True)
        code = 1
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
