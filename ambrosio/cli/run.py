"""`ambrosio run`: the Telegram bot, until the process is asked to stop."""

import click

from ..app import now, open_app
from ..bot.run import FIRST_POLL_SECONDS, serve
from ..config.settings import Settings
from ..providers.warmup import warming_up
from .hints import NO_BOT_YET, print_error
from .process import exclusive_lock, stop_on_signals


async def run(settings: Settings) -> int:
    """Run the bot; return the exit code, 2 if no token is set.

    Raises `PollingConflict` if Ambrosio is already running with this data folder.
    """
    if not settings.telegram_bot_token.get_secret_value():
        print_error(NO_BOT_YET)
        return 2
    stop = stop_on_signals()
    with exclusive_lock(settings.ambrosio_data_dir):
        async with (
            open_app(settings) as app,
            warming_up(
                app.providers.values(),
                app.assistant.system,
                delay_seconds=FIRST_POLL_SECONDS,
            ),
        ):
            await serve(app, stop=stop, now=now, say=click.echo)
    return 0
