"""The command line; the one place that builds everything."""

import asyncio
import fcntl
import logging
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console

from . import __version__, llama, logs, settings
from .assistant import Assistant
from .budget import Budget
from .errors import AmbrosioError, AnotherPoller, SettingsInvalid, StoreFailed
from .money import month_began
from .painters import Painter
from .providers import OpenAIProvider
from .router import Router
from .settings import Settings
from .store import Store
from .studio import Studio

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class House:
    """What every verb works with."""

    settings: Settings
    store: Store
    providers: Mapping[str, OpenAIProvider]
    assistant: Assistant
    studio: Studio


def now() -> float:
    """Tell the time in seconds; handed to everything that asks for it."""
    return datetime.now(UTC).timestamp()


def system_prompt() -> str:
    """Read the system prompt: inside of the wheel, or at the top of a checkout."""
    packaged = resources.files(__package__).joinpath("prompts", "system.txt")
    if packaged.is_file():
        return packaged.read_text("utf-8").strip()
    return (Path(__file__).parent.parent / "prompts" / "system.txt").read_text("utf-8").strip()


@asynccontextmanager
async def building(
    given: Settings,
    *,
    now: Callable[[], float] = now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[House]:
    """Open the store, find the providers and put the assistant together."""
    originals_bytes = given.ambrosio_pictures_mb * 1_000_000
    with Store(given.database, now=now, originals_bytes=originals_bytes) as store:
        async with httpx.AsyncClient() as http:
            providers = await find_providers(given, http)
            painters = {
                name: Painter(provider, given.images, http)
                for name, provider in providers.items()
                if provider.row.image_model
            }
            everybody = (*given.ambrosio_route, *given.providers)
            router = Router(
                providers,
                tuple(
                    name for name in everybody if name in providers and providers[name].row.talks
                ),
                now=now,
                painters=painters,
                image_route=(*given.ambrosio_image_route, *everybody),
                fast_route=given.ambrosio_fast_route,
                budget=Budget(
                    now=now,
                    spent=store.spent,
                    ceiling=given.ambrosio_monthly_budget_usd,
                    share=given.ambrosio_person_budget_usd,
                    guest=partial(_guest, given, store),
                ),
                sleep=sleep,
            )
            assistant = Assistant(store, router, system_prompt())
            studio = Studio(store, router, now=now, dice=secrets.randbelow)
            yield House(given, store, providers, assistant, studio)


async def find_providers(given: Settings, http: httpx.AsyncClient) -> dict[str, OpenAIProvider]:
    """Make a provider of every row; a llama.cpp server nobody named is looked for."""
    found = given.llama_base_url or await llama.find(http)
    rows = given.rows(llama_base_url=found)
    if not rows:
        # With nothing else to ask, failures shall name the server that is missing.
        rows = given.rows(llama_base_url=f"{llama.USUAL[0]}/v1")
    return {name: OpenAIProvider(name, row, http) for name, row in rows.items()}


def _guest(given: Settings, store: Store, person: int) -> bool:
    # Whoever sits at the machine's own terminal has the number 0.
    return person not in {0, *given.ambrosio_owner, *store.owners()}


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the data folder for this process, or raise `AnotherPoller` if another has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as exc:
        raise StoreFailed(str(exc)) from exc
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise AnotherPoller from None
    finally:
        os.close(handle)


def load() -> Settings:
    """Read the settings, or end the program with a line for each that is wrong."""
    try:
        given = settings.load()
    except SettingsInvalid as exc:
        for name, wrong, right in exc.faults:
            click.echo(f"{name}: {wrong}; right would be: {right}", err=True)
        sys.exit(2)
    logs.set_up(given.ambrosio_log, given.secrets)
    return given


def finish(work: Coroutine[Any, Any, int]) -> None:
    """Run a verb to its end and leave with its exit code; failures are one line."""
    try:
        code = asyncio.run(work)
    except StoreFailed as exc:
        click.echo(f"error: the database cannot be used: {exc}", err=True)
        click.echo("\nhint: `ambrosio doctor` looks at the disk", err=True)
        code = 1
    except AmbrosioError as exc:
        click.echo(f"error: {exc.sentence}", err=True)
        code = 1
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ambrosio")
def main() -> None:
    """A personal assistant in Telegram that runs on your own machine."""


@main.command()
def run() -> None:
    """Answer on Telegram, until stopped."""
    given = load()
    if not given.telegram_bot_token.get_secret_value():
        right = "the token from @BotFather, like 123456:ABC-DEF"
        click.echo(f"TELEGRAM_BOT_TOKEN: is missing; right would be: {right}", err=True)
        click.echo("\nhint: `.env.example` shows every setting; copy it to `.env`", err=True)
        sys.exit(2)
    finish(_run(given))


async def _run(given: Settings) -> int:
    # Only this verb needs Telegram.
    from .service import serve  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with alone(given.ambrosio_data_dir):
        async with building(given) as house:
            await serve(
                given,
                store=house.store,
                assistant=house.assistant,
                studio=house.studio,
                providers=house.providers,
                stop=stop,
                now=now,
                say=partial(click.echo, err=False),
            )
    return 0


@main.command()
@click.argument("question", required=False, default="")
@click.option("--provider", default="", metavar="NAME", help="Ask this one (or NAME/MODEL) first.")
@click.option("--new", is_flag=True, help="Begin a new conversation.")
def chat(question: str, provider: str, new: bool) -> None:
    """Talk in the terminal; what is piped in follows QUESTION."""
    given = load()
    piped = "" if sys.stdin.isatty() else sys.stdin.read()
    finish(_chat(given, question, piped, provider, fresh=new or bool(piped)))


async def _chat(given: Settings, question: str, piped: str, provider: str, *, fresh: bool) -> int:
    from .chat import talk  # noqa: PLC0415  only this verb needs it

    async with building(given) as house:
        name = provider.partition("/")[0]
        if name and name not in house.providers:
            known = ", ".join(house.providers)
            click.echo(f"error: no provider is called `{name}`; there are: {known}", err=True)
            return 2
        words = "\n\n".join(part for part in (question, piped.strip()) if part)
        return await talk(house.assistant, words, model=provider, fresh=fresh, now=now)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The first day; if not given, the first of this month.",
)
def usage(as_json: bool, since: datetime | None) -> None:
    """Show what was asked and what it has cost, by day and model."""
    finish(_usage(load(), since, as_json=as_json))


async def _usage(given: Settings, since: datetime | None, *, as_json: bool) -> int:
    from . import statement  # noqa: PLC0415  only this verb needs it

    began = since.replace(tzinfo=UTC).timestamp() if since else month_began(now())
    with Store(given.database, now=now) as store:
        accounts = store.accounts(began)
    if as_json:
        statement.as_json(accounts, click.echo)
    else:
        statement.as_table(accounts, Console())
    return 0


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Copy the database to FILE, which must not exist; Ambrosio may be running."""
    given = load()
    if not given.database.exists():
        click.echo(f"error: there is nothing to copy yet: {given.database}", err=True)
        sys.exit(1)
    try:
        with Store(given.database, now=now) as store:
            store.backup(file)
    except StoreFailed as exc:
        click.echo(f"error: {exc}", err=True)
        sys.exit(1)
    click.echo(f"copied; to restore it, put {file} in the place of {given.database}", err=True)


@main.command()
def doctor() -> None:
    """Check everything that is set up, and say how to mend what is not right."""
    finish(_doctor(load()))


async def _doctor(given: Settings) -> int:
    from .doctor import examine  # noqa: PLC0415  only this verb needs it

    async with httpx.AsyncClient() as http:
        providers = await find_providers(given, http)
        return await examine(given, providers, http, now=now, say=click.echo)
