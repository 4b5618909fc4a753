"""`ambrosio demo`: the emulator, the page, a mind, and the real bot among them.

Everything ends with the demo: the chat is kept in memory, and the bot begins with a new database
each time, since its old one speaks of messages that are no longer there.
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from ..config.settings import Settings
from ..core.errors import DemoFailed, StoreFailed
from ..core.messages import Chat
from ..emulators.botapi.api import ME, BotApi
from ..store import Store
from .bot_process import BotProcess, environment
from .model import choose_model
from .model_offer import offer
from .session import YOU, DemoSession
from .web import serve_page

POLLING_SECONDS = 60.0


async def run_demo(
    settings: Settings,
    *,
    home: Path,
    port: int,
    wish: str,
    now: Callable[[], float],
    ready: Callable[[str, str], None],
    stop: asyncio.Event,
) -> None:
    """Show the demo until `stop` is set, or raise `DemoFailed`.

    Args:
        given: what is set up.
        home: the demo's own folder, which nobody else uses at the moment.
        port: where the page is; 0 takes a free one.
        wish: the model that is wished for, "" for none in particular.
        now: tells the time.
        ready: is told the page's address and who answers.
        stop: ends it.
    """
    models = settings.ambrosio_data_dir / "models"
    folder = _empty(home / "bot", models)
    async with AsyncExitStack() as closing:
        mind = await closing.enter_async_context(
            choose_model(settings, wish, offer=partial(offer, home, models))
        )
        # What the emulator allows is allowed to whoever has the token, so it is a new one.
        api = BotApi(now, token=f"{ME['id']}:{secrets.token_urlsafe(26)}")
        closing.callback(api.close)
        answered_by = partial(_answered_by, folder / "ambrosio.db", now)
        stage = DemoSession(api, model=mind.name, hint=mind.hint, answered_by=answered_by)
        key = secrets.token_urlsafe(16)
        url = await closing.enter_async_context(serve_page(stage, key, port=port))
        await stage.open()
        process = BotProcess(
            environment({**mind.settings, **_settings(url, api.token, folder)}, alone=mind.alone),
            log=folder / "bot.log",
            tell=stage.add_log_line,
            # Where no `.env` and no `ambrosio.toml` add others.
            cwd=folder if mind.alone else Path.cwd(),
        )
        ready(f"{url}/{key}/", mind.name)
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(_keep(stage, process))
            await stop.wait()
            keeping.cancel()


def _empty(folder: Path, models: Path) -> Path:
    """Give the bot a folder without the books of the last time, but with all the models."""
    try:
        folder.mkdir(exist_ok=True)
        for old in folder.glob("ambrosio.db*"):
            old.unlink()
        models.mkdir(exist_ok=True)
        # What was downloaded for the demo serves `ambrosio run`, and the other way round.
        if not (folder / "models").exists():
            (folder / "models").symlink_to(os.path.relpath(models, folder))
    except OSError as exc:
        raise cannot_write(folder) from exc
    return folder


def cannot_write(folder: Path) -> DemoFailed:
    """Say that the demo's folder is no good."""
    return DemoFailed(
        f"The folder `{folder}` cannot be written to.",
        "Name another one with `AMBROSIO_DATA_DIR`.",
    )


def _settings(url: str, token: str, folder: Path) -> Mapping[str, str]:
    return {
        "TELEGRAM_BOT_TOKEN": token,
        "TELEGRAM_BASE_URL": url,
        "AMBROSIO_OWNER": str(YOU),
        "AMBROSIO_DATA_DIR": str(folder),
        "AMBROSIO_GRACE_SECONDS": "1",
    }


def _answered_by(database: Path, now: Callable[[], float], chat: Chat) -> str:
    """Look up in the bot's own books who has answered last in a place."""
    if not database.exists():
        return ""
    try:
        with Store(database, now=now) as store:
            ref = store.conversations.answered_by(chat)
    except StoreFailed:
        return ""
    return str(ref) if ref else ""


async def _keep(stage: DemoSession, process: BotProcess) -> None:
    """Run the bot, and anew whenever somebody in the page wants that."""
    while True:
        stage.set_bot_state("starting")
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(_hear(stage)),
                group.create_task(_kill(stage, process)),
            ]
            code = await process.run()
            for task in watching:
                task.cancel()
        if not stage.wanted.is_set():
            why = stage.log[-1] if stage.log else "It has said nothing."
            stage.set_bot_state("stopped", f"The bot has ended with exit code {code}. {why}")
            await stage.wanted.wait()
        stage.wanted.clear()


async def _hear(stage: DemoSession) -> None:
    """Wait until the bot asks for updates."""
    before = len(stage.api.called("getUpdates"))
    try:
        await stage.api.signal.until(
            lambda: len(stage.api.called("getUpdates")) > before, seconds=POLLING_SECONDS
        )
    except TimeoutError:
        return
    stage.set_bot_state("online")


async def _kill(stage: DemoSession, process: BotProcess) -> None:
    await stage.wanted.wait()
    process.kill()
