"""`ambrosio demo`: the emulator, the page, a model, and the real bot.

Nothing outlives the demo: chats are kept in memory, and the bot starts with a new database each
time, because the old one refers to messages that no longer exist.
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
from .bot_process import BotProcess, build_environment
from .model import ModelChoice, choose_model, replace_model
from .model_download import ModelDownload
from .model_offer import OfferedModel
from .session import YOU, DemoSession
from .web import serve_page

POLLING_SECONDS = 60.0


async def run_demo(
    settings: Settings,
    *,
    demo_dir: Path,
    port: int,
    model: str,
    now: Callable[[], float],
    on_ready: Callable[[str, ModelChoice], None],
    stop: asyncio.Event,
) -> None:
    """Run the demo until `stop` is set, or raise `DemoFailed`.

    Args:
        settings: The user's settings.
        demo_dir: The demo's own folder, locked by the caller.
        port: The port of the page; 0 takes a free one.
        model: The model named by `--model`, "" for none.
        now: The clock, in seconds since 1970.
        on_ready: Called with the page's address and the model.
        stop: Ends the demo.
    """
    models_dir = settings.ambrosio_data_dir / "models"
    bot_dir = _prepare_bot_dir(demo_dir / "bot", models_dir)
    async with AsyncExitStack() as stack:
        choice = await stack.enter_async_context(choose_model(settings, model, models_dir))
        # Anyone with the token can use the emulator, so each run has a new one.
        api = BotApi(now, token=f"{ME['id']}:{secrets.token_urlsafe(26)}")
        stack.callback(api.close)
        last_model = partial(_find_last_model, bot_dir / "ambrosio.db", now)
        session = DemoSession(api, choice, last_model=last_model)
        key = secrets.token_urlsafe(16)
        url = await stack.enter_async_context(serve_page(session, key, port=port))
        await session.open()
        process = _create_process(session, choice, url, bot_dir)
        if choice.exclusive:
            session.download = _create_download(session, process, url, bot_dir)
        on_ready(f"{url}/{key}/", choice)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_run_bot(session, process))]
            if session.download:
                tasks.append(group.create_task(session.download.run()))
            await stop.wait()
            for task in tasks:
                task.cancel()


def _create_process(
    session: DemoSession, choice: ModelChoice, url: str, bot_dir: Path
) -> BotProcess:
    return BotProcess(
        _prepare_environment(session, url, bot_dir),
        log=bot_dir / "bot.log",
        on_line=session.add_log_line,
        # In `bot_dir` no `.env` or `ambrosio.toml` can add other models.
        cwd=bot_dir if choice.exclusive else Path.cwd(),
    )


def _prepare_environment(session: DemoSession, url: str, bot_dir: Path) -> Mapping[str, str]:
    """Write the bot's `ambrosio.toml` and return its environment, both for the model chosen."""
    choice = session.model
    (bot_dir / "ambrosio.toml").write_text(choice.toml, "utf-8")
    settings = {**choice.settings, **_bot_settings(url, session.api.token, bot_dir)}
    return build_environment(settings, exclusive=choice.exclusive)


def _create_download(
    session: DemoSession, process: BotProcess, url: str, bot_dir: Path
) -> ModelDownload:
    """Create the download of a better model, which restarts the bot with it."""

    def switch(model: OfferedModel) -> None:
        session.set_model(replace_model(session.model, model.reference))
        process.configure(_prepare_environment(session, url, bot_dir))
        session.restart_requested.set()

    return ModelDownload(
        bot_dir / "models",
        on_change=lambda state: session.api.events.publish("download", **state),
        on_done=switch,
    )


def _prepare_bot_dir(bot_dir: Path, models_dir: Path) -> Path:
    """Create the bot's folder without the last run's database, but with all the models."""
    try:
        bot_dir.mkdir(exist_ok=True)
        for old in bot_dir.glob("ambrosio.db*"):
            old.unlink()
        models_dir.mkdir(exist_ok=True)
        # Shared with `ambrosio run`, so that no model is downloaded twice.
        if not (bot_dir / "models").exists():
            (bot_dir / "models").symlink_to(os.path.relpath(models_dir, bot_dir))
    except OSError as exc:
        raise cannot_write(bot_dir) from exc
    return bot_dir


def cannot_write(folder: Path) -> DemoFailed:
    """Return the error for a folder that cannot be written to."""
    return DemoFailed(
        f"Cannot write to the folder `{folder}`.",
        "Choose another one with `AMBROSIO_DATA_DIR`.",
    )


def _bot_settings(url: str, token: str, bot_dir: Path) -> Mapping[str, str]:
    return {
        "TELEGRAM_BOT_TOKEN": token,
        "TELEGRAM_BASE_URL": url,
        "AMBROSIO_OWNER": str(YOU),
        "AMBROSIO_DATA_DIR": str(bot_dir),
        "AMBROSIO_GRACE_SECONDS": "1",
    }


def _find_last_model(database: Path, now: Callable[[], float], chat: Chat) -> str:
    """Read from the bot's database which model answered last in a chat; "" for none."""
    if not database.exists():
        return ""
    try:
        with Store(database, now=now) as store:
            ref = store.conversations.answered_by(chat)
    except StoreFailed:
        return ""
    return str(ref) if ref else ""


async def _run_bot(session: DemoSession, process: BotProcess) -> None:
    """Run the bot, and run it again each time the page asks for a restart."""
    while True:
        session.set_bot_state("starting")
        async with asyncio.TaskGroup() as group:
            watchers = [
                group.create_task(_wait_online(session)),
                group.create_task(_kill_on_restart(session, process)),
            ]
            code = await process.run()
            for task in watchers:
                task.cancel()
        if not session.restart_requested.is_set():
            reason = session.log[-1] if session.log else "It wrote nothing to its log."
            session.set_bot_state("stopped", f"The bot exited with code {code}. {reason}")
            await session.restart_requested.wait()
        session.restart_requested.clear()


async def _wait_online(session: DemoSession) -> None:
    """Wait until the bot asks for updates."""
    before = len(session.api.calls_to("getUpdates"))
    try:
        await session.api.events.wait_until(
            lambda: len(session.api.calls_to("getUpdates")) > before, seconds=POLLING_SECONDS
        )
    except TimeoutError:
        return
    session.set_bot_state("online")


async def _kill_on_restart(session: DemoSession, process: BotProcess) -> None:
    await session.restart_requested.wait()
    process.kill()
