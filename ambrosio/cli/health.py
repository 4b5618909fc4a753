"""`ambrosio health`: whether the bot hears from Telegram, for Docker and for monitoring.

Needs the data folder and nothing else: no token, no valid settings, no package that takes long to
load, since it runs every minute.
"""

import os
from pathlib import Path

import click

from ..bot.heartbeat import MAX_SILENCE_SECONDS, silence_seconds

DATA_DIR = "AMBROSIO_DATA_DIR"


def health(folder: Path) -> int:
    """Print one line; return 1 if the bot has not heard from Telegram for 90 seconds."""
    try:
        seconds = silence_seconds(folder)
    except OSError as exc:
        click.echo(f"unhealthy: cannot read `{folder}`: {exc.strerror}")
        return 1
    if seconds is None:
        click.echo(
            f"unhealthy: Telegram has not answered yet; is Ambrosio running? (data in `{folder}`)"
        )
        return 1
    ill = seconds >= MAX_SILENCE_SECONDS
    click.echo(f"{'unhealthy' if ill else 'healthy'}: Telegram last answered {seconds:.0f} s ago")
    return int(ill)


def data_dir() -> Path:
    """Return the data folder, as the settings do: the environment, `.env`, the usual place."""
    if written := os.environ.get(DATA_DIR, "").strip():
        return Path(written)
    if found := _from_file():
        return found
    import platformdirs  # noqa: PLC0415  not needed in a container

    return platformdirs.user_data_path("ambrosio")


def _from_file() -> Path | None:
    """Read the folder from `.env`; None where it says none or belongs to another user."""
    from ..config.setting_files import ENV_FILE, find_folder, read_names  # noqa: PLC0415
    from ..core.errors import InvalidSettings  # noqa: PLC0415

    try:
        folder = find_folder()
        written = str(read_names(folder / ENV_FILE).get(DATA_DIR) or "").strip()
        return folder / written if written else None
    except InvalidSettings:
        return None
