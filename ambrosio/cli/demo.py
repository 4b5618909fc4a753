"""TODO docstring."""

import threading
import webbrowser
from contextlib import ExitStack

import click

from ..app import now
from ..config.settings import Settings
from ..core.errors import DemoFailed, PollingConflict, StoreFailed
from .process import exclusive_lock, stop_on_signals


async def run_demo_verb(settings: Settings, port: int, model: str, *, browse: bool) -> int:
    try:
        from ..demo.run import (  # noqa: PLC0415  only this verb needs it
            cannot_write,
            run_demo,
        )
    except ModuleNotFoundError as exc:
        raise DemoFailed(
            f"The demo needs `{exc.name}`.", "Install it with `pip install 'ambrosio[demo]'`."
        ) from exc

    home, stop = settings.ambrosio_data_dir / "demo", stop_on_signals()
    note = home / "address"

    def ready(address: str, answering: str) -> None:
        note.touch(0o600)
        note.write_text(address, "utf-8")
        click.echo(f"Ambrosio is at {address}")
        click.echo(f"{answering} answers; Ctrl+C ends it", err=True)
        if browse:
            # In a thread, as some browsers keep whoever calls them waiting.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    with ExitStack() as closing:
        try:
            closing.enter_context(exclusive_lock(home))
        except PollingConflict:
            where = note.read_text("utf-8") if note.exists() else "starting"
            raise DemoFailed("The demo is already running.", f"Its page is {where}") from None
        except StoreFailed as exc:
            raise cannot_write(home) from exc
        await run_demo(
            settings, demo_dir=home, port=port, model=model, now=now, on_ready=ready, stop=stop
        )
    return 0
