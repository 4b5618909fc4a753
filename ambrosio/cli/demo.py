"""`ambrosio demo`: starts the browser demo, once per data folder, and opens its page."""

import threading
import webbrowser
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from ..app import now
from ..config.settings import Settings
from ..core.errors import DemoFailed, PollingConflict, StoreFailed
from .process import exclusive_lock, stop_on_signals

if TYPE_CHECKING:
    from ..demo.model import ModelChoice


async def demo(settings: Settings, port: int, model: str, *, open_browser: bool) -> int:
    """Run the demo until the process is asked to stop; return the exit code.

    Raises `DemoFailed` if it cannot start or is already running.
    """
    # What it needs is of no use to other verbs.
    from ..demo.run import cannot_write, run_demo  # noqa: PLC0415

    home, stop = settings.ambrosio_data_dir / "demo", stop_on_signals()
    address_file = home / "address"

    def ready(address: str, model: "ModelChoice") -> None:
        address_file.touch(0o600)
        address_file.write_text(address, "utf-8")
        click.echo(f"Ambrosio is at {address}")
        click.echo(f"{model.name} answers." if model.kind == "real" else model.hint, err=True)
        click.echo("Press Ctrl+C to stop", err=True)
        if open_browser:
            # In a thread, because some browsers block their caller.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    with ExitStack() as closing:
        try:
            closing.enter_context(exclusive_lock(home))
        except PollingConflict:
            address = address_file.read_text("utf-8") if address_file.exists() else "starting"
            raise DemoFailed("The demo is already running.", f"Its page is {address}") from None
        except StoreFailed as exc:
            raise cannot_write(home) from exc
        await run_demo(
            settings, demo_dir=home, port=port, model=model, now=now, on_ready=ready, stop=stop
        )
    return 0
