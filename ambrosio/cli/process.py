"""TODO docstring."""

import asyncio
import fcntl
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..config import logs, settings
from ..config.settings import Settings
from ..core import texts
from ..core.errors import AmbrosioError, InvalidSettings, PollingConflict, StoreFailed

log = logging.getLogger(__name__)


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Hold the data folder for this process, or raise `PollingConflict` if another has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as exc:
        raise StoreFailed(str(exc)) from exc
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise PollingConflict from None
    finally:
        os.close(handle)


def stop_on_signals() -> asyncio.Event:
    """Give what is set when this process is asked to end."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def load_settings() -> Settings:
    """Read the settings, or end the program with a line for each that is wrong."""
    try:
        given = settings.load()
    except InvalidSettings as exc:
        print_problems(exc)
        sys.exit(2)
    logs.set_up_logging(given.ambrosio_log, given.secrets)
    return given


def print_problems(exc: InvalidSettings) -> None:
    """Print a line for each setting that is wrong."""
    for line in exc.lines:
        click.echo(line, err=True)


def run_to_exit(work: Coroutine[Any, Any, int]) -> None:
    """Run a verb to its end and leave with its exit code; failures are one line."""
    try:
        code = asyncio.run(work)
    except StoreFailed as exc:
        log.warning("the disk: %s", exc)
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
