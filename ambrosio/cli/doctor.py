"""`ambrosio doctor`: checks the configuration, one line per finding, and suggests fixes."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path

import click
import httpx
import telegram
from telegram.error import Conflict, InvalidToken, TelegramError

from ..app import now, open_providers
from ..bot.client import TELEGRAM_SECONDS, telegram_bot
from ..config.file_lock import file_lock
from ..config.network import remote_client, trusted_certificates
from ..config.settings import Settings
from ..core.errors import (
    AllProvidersFailed,
    AmbrosioError,
    ModelNotFound,
    NoProvider,
    ProviderError,
    SearchFailed,
    WrongAddress,
)
from ..core.messages import AnswerFinished
from ..providers.openai_compatible import OpenAIProvider
from ..router import CompletionRequest, Router
from ..router.budget import Budget
from ..tools.search_engines import make_engine
from .process import LOCK_FILE

MIN_FREE_BYTES = 500_000_000
MAX_CLOCK_ERROR_SECONDS = 60
# Long enough for another poller to come back after this one interrupted it.
POLLER_SECONDS = 8
ANSWER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was checked, whether it is fine, and how to fix it if not."""

    subject: str
    ok: bool
    detail: str
    remedy: str = ""
    required: bool = True  # whether a failure makes the exit code 1


async def doctor(settings: Settings) -> int:
    """Print the findings as they come; return 1 if something required does not work."""
    code = 0
    async with remote_client(trusted_certificates()) as http, open_providers(settings) as providers:
        async for finding in _check_all(settings, providers, http, now):
            mark = "✓" if finding.ok else "✗"
            remedy = f" → {finding.remedy}" if finding.remedy and not finding.ok else ""
            click.echo(f"{mark} {finding.subject}: {finding.detail}{remedy}")
            code |= finding.required and not finding.ok
    return code


async def _check_all(
    settings: Settings,
    providers: Mapping[str, OpenAIProvider],
    http: httpx.AsyncClient,
    now: Callable[[], float],
) -> AsyncIterator[Finding]:
    yield Finding("settings", True, f"valid; the route is {', '.join(settings.ambrosio_route)}")
    yield _check_budget(settings, providers)
    yield _check_disk(settings.ambrosio_data_dir)
    yield await _check_clock(settings, http, now)
    async for finding in _check_telegram(settings):
        yield finding
    async for finding in _check_search(settings, http):
        yield finding
    working = 0
    for provider in providers.values():
        answer = await _check_answer(provider, settings.ambrosio_monthly_budget_usd)
        working += answer.ok
        yield answer
        async for finding in _check_models(settings, provider):
            yield finding
    yield Finding(
        "answers",
        working > 0,
        f"{working} of {len(providers)} providers work",
        "start a llama.cpp server, or set LLAMA_GGUF or TOGETHER_API_KEY",
    )


def _check_budget(settings: Settings, providers: Mapping[str, OpenAIProvider]) -> Finding:
    ceiling = settings.ambrosio_monthly_budget_usd
    paid = ", ".join(name for name, provider in providers.items() if provider.paid)
    if not paid:
        return Finding("budget", True, "no paid providers")
    if ceiling is None:
        return Finding(
            "budget",
            False,
            f"no spending limit for {paid}",
            "set AMBROSIO_MONTHLY_BUDGET_USD",
            required=False,
        )
    return Finding("budget", True, f"{ceiling} USD a month for {paid}")


def _check_disk(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"x")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as exc:
        return Finding(
            "disk",
            False,
            f"cannot write to `{folder}`: {exc.strerror}",
            "set AMBROSIO_DATA_DIR to another folder",
        )
    detail = f"`{folder}`, {free / 1e9:.1f} GB free"
    return Finding("disk", free > MIN_FREE_BYTES, detail, "free some space")


async def _check_clock(
    settings: Settings, http: httpx.AsyncClient, now: Callable[[], float]
) -> Finding:
    """Compare the clock with the `Date` header of Telegram's server."""
    try:
        answer = await http.head(settings.telegram_base_url, timeout=10)
        server_time = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (httpx.HTTPError, KeyError, ValueError):
        return Finding("clock", True, "not checked: Telegram's time is not available")
    error = now() - server_time
    return Finding(
        "clock",
        abs(error) < MAX_CLOCK_ERROR_SECONDS,
        f"{error:+.0f} s off",
        "turn on time synchronisation",
    )


async def _check_telegram(settings: Settings) -> AsyncIterator[Finding]:
    if not settings.telegram_bot_token.get_secret_value():
        yield Finding(
            "token", False, "not set", "get one from @BotFather and set TELEGRAM_BOT_TOKEN"
        )
        return
    bot = telegram_bot(settings)
    try:
        await bot.initialize()
        yield Finding("token", True, f"@{bot.username}")
        webhook = await bot.get_webhook_info()
        yield Finding(
            "webhook",
            not webhook.url,
            "set" if webhook.url else "none",
            "`ambrosio run` removes it",
        )
        yield await _check_poller(settings, bot)
    except InvalidToken:
        yield Finding("token", False, "Telegram rejects it", "get a new one from @BotFather")
    except TelegramError as exc:
        detail = f"no answer from {settings.telegram_base_url} ({type(exc).__name__})"
        yield Finding("telegram", False, detail, "check the network")
    finally:
        await bot.shutdown()


async def _check_poller(settings: Settings, bot: telegram.Bot) -> Finding:
    """Check for another poller; an Ambrosio with the same data folder is found by its lock."""
    if _is_running(settings.ambrosio_data_dir):
        return Finding("poller", True, "Ambrosio is running on this machine")
    try:
        # Without an offset, this acknowledges nothing. Raw, because PTB may fail to parse what
        # is waiting.
        await bot.do_api_request(
            "getUpdates",
            {"timeout": POLLER_SECONDS, "limit": 1},
            read_timeout=POLLER_SECONDS + TELEGRAM_SECONDS,
        )
    except Conflict:
        return Finding("poller", False, "another program uses this token", "stop one of the two")
    return Finding("poller", True, "no other program uses this token")


def _is_running(folder: Path) -> bool:
    """Whether another process has locked the data folder."""
    path = folder / LOCK_FILE
    if not path.exists():
        return False
    try:
        with file_lock(path) as locked:
            return not locked
    except OSError:
        return False


async def _check_search(settings: Settings, http: httpx.AsyncClient) -> AsyncIterator[Finding]:
    """Try the web search, if there is one, and say which engines answered."""
    async with httpx.AsyncClient(trust_env=False) as local_http:
        key = settings.brave_api_key.get_secret_value()
        engine = make_engine(settings.ambrosio_search_url, key, http=http, local_http=local_http)
        if engine is None:
            return
        try:
            reply = await engine.search("weather")
        except SearchFailed as exc:
            yield Finding("search", False, f"{engine.name}: {exc.reason}", required=False)
            return
    answered = f"from {', '.join(reply.answered)}" if reply.answered else ""
    silent = ", ".join(f"{name} ({reason})" for name, reason in reply.unresponsive)
    parts = (
        f"{len(reply.results)} results",
        answered,
        f"no answer from {silent}" if silent else "",
    )
    yield Finding(
        "search",
        bool(reply.results),
        f"{engine.name} returned {'; '.join(filter(None, parts))}",
        "switch on other engines in its settings.yml",
        required=False,
    )


async def _check_answer(provider: OpenAIProvider, ceiling: Decimal | None) -> Finding:
    """Ask for one word, as a vv question."""
    clock = asyncio.get_running_loop().time
    router = Router(
        {provider.name: provider},
        (provider.name,),
        now=clock,
        budget=Budget(now=clock, ceiling=ceiling),
    )
    request = CompletionRequest("Answer with one word.", (), "Say OK", concise=True)
    answered_by = ""
    try:
        async with asyncio.timeout(ANSWER_SECONDS), aclosing(router.stream(request)) as events:
            async for event in events:
                if isinstance(event, AnswerFinished):
                    answered_by = str(event.ref)
    except (AllProvidersFailed, NoProvider) as exc:
        if right := await _address_with_v1(provider, exc):
            detail = f"there is nothing at {provider.config.base_url}, but {right} answers"
            return Finding(provider.name, False, detail, "correct its base URL", required=False)
        remedy = f"check {provider.config.base_url}"
        return Finding(provider.name, False, exc.user_message, remedy, required=False)
    except TimeoutError:
        detail = f"no answer within {ANSWER_SECONDS} s"
        return Finding(provider.name, False, detail, "check its log", required=False)
    first_word = router.health.providers[provider.name].first_word_seconds or 0
    where = "local" if provider.local else "remote"
    return Finding(provider.name, True, f"{answered_by} answers after {first_word:.1f} s ({where})")


async def _address_with_v1(provider: OpenAIProvider, failure: AmbrosioError) -> str:
    """Return the base URL with `/v1` behind it if the API is there; "" if it is not."""
    causes = failure.causes if isinstance(failure, AllProvidersFailed) else []
    base_url = provider.config.base_url.rstrip("/")
    if not any(isinstance(cause, WrongAddress | ModelNotFound) for cause in causes):
        return ""
    if provider.config.socket or base_url.endswith("/v1"):
        return ""
    config = provider.config.model_copy(update={"base_url": f"{base_url}/v1"})
    try:
        await OpenAIProvider(provider.name, config, provider.http).models()
    except ProviderError:
        return ""
    return config.base_url


async def _check_models(settings: Settings, provider: OpenAIProvider) -> AsyncIterator[Finding]:
    """Check that Together serves the configured models."""
    if provider.config.server_kind != "together":
        return
    try:
        served = await provider.models()
    except ProviderError as exc:
        yield Finding("models", False, exc.user_message, required=False)
        return
    configured = [
        ("model", settings.together_model, {"chat", "language"}),
        ("image model", settings.together_image_model, {"image"}),
    ]
    if "together_speech_model" in settings.model_fields_set:
        # Nothing uses it yet, so it matters only to those who have set one.
        configured.append(("speech model", settings.together_speech_model, {"audio", "transcribe"}))
    for subject, model_id, kinds in configured:
        ok = any(model.id == model_id for model in served)
        others = [model.id for model in served if model.kind in kinds]
        available = f"available: {', '.join(others[:5]) or 'none'}"
        detail = model_id if ok else f"{model_id} is not served there; {available}"
        yield Finding(subject, ok, detail, required=False)
