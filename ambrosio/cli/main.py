"""The command line: reads what is typed, and leaves with an exit code."""

import asyncio
import logging
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console

from .. import __version__
from ..app import now, open_app, open_providers
from ..assistant.images import ImageProgress
from ..config import prompts
from ..config.settings import Settings
from ..core import texts
from ..core.costs import month_start
from ..core.errors import StoreFailed
from ..images.options import OptionError
from ..providers.warmup import warming_up
from ..store import Store
from .demo import run_demo_verb
from .process import exclusive_lock, load_settings, run_to_exit, stop_on_signals

log = logging.getLogger(__name__)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ambrosio")
def main() -> None:
    """A personal assistant in Telegram that runs on your own machine."""


@main.command()
def run() -> None:
    """Answer on Telegram, until stopped."""
    settings = load_settings()
    if not settings.telegram_bot_token.get_secret_value():
        right = "the token from @BotFather, like 123456:ABC-DEF"
        click.echo(f"TELEGRAM_BOT_TOKEN: is missing; right would be: {right}", err=True)
        click.echo("\nhint: `.env.example` shows every setting; copy it to `.env`", err=True)
        sys.exit(2)
    run_to_exit(_run(settings))


async def _run(settings: Settings) -> int:
    # Only this verb needs Telegram.
    from ..bot.run import serve  # noqa: PLC0415

    stop = stop_on_signals()
    with exclusive_lock(settings.ambrosio_data_dir):
        async with (
            open_app(settings) as app,
            warming_up(app.providers.values(), prompts.text("system.txt")),
        ):
            await serve(app, stop=stop, now=now, say=click.echo)
    return 0


@main.command()
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--model", default="", metavar="NAME", help="A model file, `owner/repo:QUANT`, or `stand-in`."
)
@click.option("--no-browser", is_flag=True, help="Only print the page's address.")
def demo(port: int, model: str, no_browser: bool) -> None:
    """Talk with Ambrosio in the browser, without Telegram."""
    run_to_exit(run_demo_verb(load_settings(), port, model, browse=not no_browser))


@main.command()
@click.argument("question", required=False, default="")
@click.option("--provider", default="", metavar="NAME", help="Ask this one (or NAME/MODEL) first.")
@click.option("--new", is_flag=True, help="Begin a new conversation.")
def chat(question: str, provider: str, new: bool) -> None:
    """Talk in the terminal; what is piped in follows QUESTION."""
    settings = load_settings()
    piped = "" if sys.stdin.isatty() else sys.stdin.read()
    run_to_exit(_chat(settings, question, piped, provider, fresh=new or bool(piped)))


async def _chat(
    settings: Settings, question: str, piped: str, provider: str, *, fresh: bool
) -> int:
    from .chat import talk  # noqa: PLC0415  only this verb needs it

    async with open_app(settings) as app:
        name = provider.partition("/")[0]
        if name and name not in app.providers:
            known = ", ".join(app.providers)
            line = texts.NO_SUCH_PROVIDER.format(name=name, known=known)
            click.echo(f"error: {line}", err=True)
            return 2
        words = "\n\n".join(part for part in (question, piped.strip()) if part)
        return await talk(app.assistant, words, model=provider, fresh=fresh, now=now)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("prompt", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the picture there; - is the standard output.",
)
def imagine(prompt: tuple[str, ...], output: Path | None) -> None:
    """Paint PROMPT.

    It takes the options of /imagine, as in "a red fox" --ar 16:9 --n 2.
    """
    run_to_exit(_imagine(load_settings(), prompt, output))


async def _imagine(settings: Settings, words: tuple[str, ...], output: Path | None) -> int:
    from . import imagine as sketch  # noqa: PLC0415  only this verb needs it

    wish = sketch.read(sketch.requote(words), output)
    if isinstance(wish, OptionError):
        click.echo(f"error: {wish.line}", err=True)
        return 2
    canvas = ImageProgress()
    # What is painted already has been paid for: it is kept.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, canvas.stop)
    async with open_app(settings) as app:
        return await sketch.draw(app.assistant, app.image_assistant, wish, output, canvas, now=now)


@main.command()
@click.option("--provider", multiple=True, metavar="NAME[/MODEL]", help="Only this; repeatable.")
@click.option("--repeat", default=1, type=click.IntRange(1, 50), help="Ask everything N times.")
@click.option("--quick", is_flag=True, help="Only the eight questions of /rice.")
@click.option("--json", is_flag=True, help="Print JSON.")
@click.option("--out", type=click.Path(path_type=Path), help="Write a page of HTML there.")
@click.option("--prompt", multiple=True, metavar="FILE", help="Compare this system prompt too.")
@click.option(
    "--reminder",
    type=click.Choice(["as-set", "off", "on", "both"]),
    help="Repeat the vv rule behind the question? Default: as set; both with --prompt.",
)
@click.option("--judge", default="", metavar="NAME[/MODEL]", help="Add a model's opinion.")
@click.option("--questions", type=click.Path(path_type=Path, exists=True), help="Add a file.")
@click.option("--fresh", is_flag=True, help="Do not go on with a run that was broken off.")
def rice(provider: tuple[str, ...], prompt: tuple[str, ...], **rest: Any) -> None:
    """See which model gives the short answer that was wanted."""
    run_to_exit(_rice(load_settings(), {"providers": provider, "prompts": prompt, **rest}))


async def _rice(settings: Settings, wish: dict[str, Any]) -> int:
    from ..rice.sampler import Sampler  # noqa: PLC0415
    from . import rice as terminal  # noqa: PLC0415

    if settings.ambrosio_log != "debug":
        # Failures are part of the report, and lines between the bars would tear them.
        logging.getLogger("ambrosio").setLevel(logging.ERROR)
    async with open_app(settings) as app:
        asker = Sampler(app.assistant.router, now=asyncio.get_running_loop().time)
        kitchen = terminal.RiceContext(
            asker, app.providers, app.assistant.system, settings.ambrosio_data_dir, now
        )
        return await terminal.rice(kitchen, terminal.RiceOptions(**wish))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The first day; if not given, the first of this month.",
)
def usage(as_json: bool, since: datetime | None) -> None:
    """Show what was asked and what it has cost, by day and model."""
    run_to_exit(_usage(load_settings(), since, as_json=as_json))


async def _usage(settings: Settings, since: datetime | None, *, as_json: bool) -> int:
    from . import usage as statement  # noqa: PLC0415  only this verb needs it

    began = since.replace(tzinfo=UTC).timestamp() if since else month_start(now())
    with Store(settings.database, now=now) as store:
        accounts = store.ledger.usage(began)
    if as_json:
        statement.as_json(accounts, click.echo)
    else:
        statement.as_table(accounts, Console())
    return 0


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Copy the database to a new FILE.

    Ambrosio may be running.
    """
    settings = load_settings()
    if not settings.database.exists():
        line = texts.NOTHING_TO_COPY.format(path=settings.database)
        click.echo(f"error: {line}", err=True)
        sys.exit(1)
    try:
        with Store(settings.database, now=now) as store:
            store.archive.backup(file)
    except StoreFailed as exc:
        log.warning("the disk: %s", exc)
        click.echo(f"error: {texts.NOT_COPIED.format(path=file)}", err=True)
        sys.exit(1)
    base = settings.database
    click.echo(f"copied; to restore it, stop Ambrosio, delete {base}-wal and {base}-shm", err=True)
    click.echo(f"if they are there, and put {file} in the place of {base}", err=True)


@main.command()
def doctor() -> None:
    """Check what is set up, and say how to mend it."""
    run_to_exit(_doctor(load_settings()))


async def _doctor(settings: Settings) -> int:
    from .doctor import examine  # noqa: PLC0415  only this verb needs it

    if settings.ambrosio_log != "debug":
        # What fails is part of the findings.
        logging.getLogger("ambrosio.router").setLevel(logging.ERROR)
    async with httpx.AsyncClient() as http, open_providers(settings) as providers:
        return await examine(settings, providers, http, now=now, say=click.echo)
