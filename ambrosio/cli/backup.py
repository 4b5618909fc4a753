"""`ambrosio backup`: a copy of the database and its pictures, also while the bot is running."""

import logging
from pathlib import Path

import click

from ..app import now
from ..config.settings import Settings
from ..core import texts
from ..core.errors import DatabaseVersion, StoreFailed
from ..store import Store
from ..store.pictures import folder_of
from .hints import print_error

log = logging.getLogger(__name__)


def backup(settings: Settings, file: Path) -> int:
    """Copy the database to a file that does not exist yet; return the exit code."""
    database = settings.database
    if not database.exists():
        print_error(texts.NO_DATABASE.format(path=database))
        return 1
    try:
        with Store(database, now=now) as store:
            store.archive.backup(file)
    except DatabaseVersion as exc:
        print_error(exc.owner_message)
        return 2
    except StoreFailed as exc:
        log.warning("backup failed: %s", exc)
        print_error(texts.BACKUP_NOT_WRITTEN.format(path=file))
        return 1
    click.echo(f"copied the database to {file}", err=True)
    pictures, copied = folder_of(database), folder_of(file)
    also = f", and the folder {copied} to {pictures}" if copied and copied.exists() else ""
    click.echo(
        f"hint: to restore it, stop Ambrosio, delete {database}-wal and {database}-shm "
        f"if they exist, and copy {file} to {database}{also}",
        err=True,
    )
    return 0
