"""`ambrosio doctor`: what is set up and whether it works, a line each, with the mend."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import telegram
from telegram.error import Conflict, InvalidToken, TelegramError

from ..bot.client import TELEGRAM_SECONDS, telegram_bot
from ..config.settings import Settings
from ..core.errors import AllProvidersFailed, NoProvider, ProviderError
from ..core.messages import AnswerFinished, Delta
from ..providers.openai_compatible import OpenAIProvider
from ..router import CompletionRequest, Router
from ..router.budget import Budget

ENOUGH_BYTES = 500_000_000
CLOCK_SECONDS = 60
# Long enough for another poller to come back after it was thrown out.
POLLER_SECONDS = 8
ANSWER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what mends it; only needed things may fail."""

    what: str
    good: bool
    says: str
    mend: str = ""
    needed: bool = True


async def examine(
    settings: Settings,
    providers: Mapping[str, OpenAIProvider],
    http: httpx.AsyncClient,
    *,
    now: Callable[[], float],
    say: Callable[[str], None],
) -> int:
    """Print the findings as they come; give 1 if something that is needed is broken."""
    code = 0
    async for finding in _findings(settings, providers, http, now):
        mark = "✓" if finding.good else "✗"
        mend = f" → {finding.mend}" if finding.mend and not finding.good else ""
        say(f"{mark} {finding.what}: {finding.says}{mend}")
        code |= finding.needed and not finding.good
    return code


async def _findings(
    settings: Settings,
    providers: Mapping[str, OpenAIProvider],
    http: httpx.AsyncClient,
    now: Callable[[], float],
) -> AsyncIterator[Finding]:
    yield Finding("settings", True, f"valid; the route is {', '.join(settings.ambrosio_route)}")
    yield _budget(settings, providers)
    yield _disk(settings.ambrosio_data_dir)
    yield await _clock(settings, http, now)
    async for finding in _telegram(settings):
        yield finding
    answered = 0
    for provider in providers.values():
        found = await _question(provider, settings.ambrosio_monthly_budget_usd)
        answered += found.good
        yield found
        async for finding in _models(settings, provider):
            yield finding
    yield Finding(
        "answers",
        answered > 0,
        f"{answered} of {len(providers)} providers work",
        "start a llama.cpp server, or set LLAMA_GGUF or TOGETHER_API_KEY",
    )


def _budget(settings: Settings, providers: Mapping[str, OpenAIProvider]) -> Finding:
    ceiling = settings.ambrosio_monthly_budget_usd
    paid = [name for name, provider in providers.items() if provider.paid]
    if not paid:
        return Finding("budget", True, "nothing that costs money is set up")
    if ceiling is None:
        says, mend = f"{', '.join(paid)} may spend without a ceiling", "AMBROSIO_MONTHLY_BUDGET_USD"
        return Finding("budget", False, says, f"set {mend}", needed=False)
    return Finding("budget", True, f"{ceiling} USD a month for {', '.join(paid)}")


def _disk(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"x")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as exc:
        return Finding("disk", False, f"`{folder}`: {exc.strerror}", "set AMBROSIO_DATA_DIR")
    says = f"`{folder}`, {free / 1e9:.1f} GB free"
    return Finding("disk", free > ENOUGH_BYTES, says, "make room")


async def _clock(settings: Settings, http: httpx.AsyncClient, now: Callable[[], float]) -> Finding:
    try:
        answer = await http.head(settings.telegram_base_url, timeout=10)
        theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (httpx.HTTPError, KeyError, ValueError):
        return Finding("clock", True, "could not be compared", needed=False)
    off = now() - theirs
    return Finding(
        "clock", abs(off) < CLOCK_SECONDS, f"{off:+.0f} s off", "turn on time synchronisation"
    )


async def _telegram(settings: Settings) -> AsyncIterator[Finding]:
    if not settings.telegram_bot_token.get_secret_value():
        yield Finding("token", False, "missing", "set TELEGRAM_BOT_TOKEN, from @BotFather")
        return
    bot = telegram_bot(settings)
    try:
        await bot.initialize()
        yield Finding("token", True, f"@{bot.username}")
        hook = await bot.get_webhook_info()
        yield Finding(
            "webhook", not hook.url, "set" if hook.url else "none", "`ambrosio run` removes it"
        )
        yield await _poller(settings, bot)
    except InvalidToken:
        yield Finding("token", False, "Telegram refuses it", "get a new one from @BotFather")
    except TelegramError:
        says = f"no word from {settings.telegram_base_url}"
        yield Finding("telegram", False, says, "check the network")
    finally:
        await bot.shutdown()


async def _poller(settings: Settings, bot: telegram.Bot) -> Finding:
    """See whether somebody else polls; Ambrosio on this machine is told by its lock."""
    if _running(settings.ambrosio_data_dir):
        return Finding("poller", True, "Ambrosio is running here")
    try:
        # Without an offset it acknowledges nothing; raw, since what waits may be unreadable.
        await bot.do_api_request(
            "getUpdates",
            {"timeout": POLLER_SECONDS, "limit": 1},
            read_timeout=POLLER_SECONDS + TELEGRAM_SECONDS,
        )
    except Conflict:
        return Finding("poller", False, "another program uses this token", "stop one of the two")
    return Finding("poller", True, "no other program uses this token")


def _running(folder: Path) -> bool:
    try:
        handle = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


async def _question(provider: OpenAIProvider, ceiling: Decimal | None) -> Finding:
    """Ask for a word, as a vv question would be asked."""
    now = asyncio.get_running_loop().time
    router = Router(
        {provider.name: provider},
        (provider.name,),
        now=now,
        budget=Budget(now=now, ceiling=ceiling),
    )
    ask = CompletionRequest("Answer with one word.", (), "Say OK", concise=True)
    said = used = ""
    try:
        async with asyncio.timeout(ANSWER_SECONDS), aclosing(router.stream(ask)) as parts:
            async for part in parts:
                if isinstance(part, Delta):
                    said += part.text
                if isinstance(part, AnswerFinished):
                    used = str(part.ref)
    except (AllProvidersFailed, NoProvider) as exc:
        return Finding(
            provider.name,
            False,
            exc.owner_message,
            f"look at {provider.config.base_url}",
            needed=False,
        )
    except TimeoutError:
        return Finding(
            provider.name, False, "said nothing for a minute", "see its log", needed=False
        )
    first = router.health.providers[provider.name].first_word_seconds or 0
    where = "at home" if provider.local else "outside"
    return Finding(provider.name, True, f"{used} answers after {first:.1f} s ({where})")


async def _models(settings: Settings, provider: OpenAIProvider) -> AsyncIterator[Finding]:
    """Compare the configured ids at together with what is there."""
    if provider.config.server_kind != "together":
        return
    try:
        served = await provider.models()
    except ProviderError as exc:
        yield Finding("models", False, exc.owner_message, needed=False)
        return
    wanted = [
        ("model", settings.together_model, {"chat", "language"}),
        ("image model", settings.together_image_model, {"image"}),
    ]
    if "together_speech_model" in settings.model_fields_set:
        # Nothing listens yet, so that only who has chosen one wants to know.
        wanted.append(("speech model", settings.together_speech_model, {"audio", "transcribe"}))
    for what, wish, kinds in wanted:
        there = [each.id for each in served if each.kind in kinds]
        others = f"these are: {', '.join(there[:5]) or 'none'}"
        good = wish in [each.id for each in served]
        yield Finding(
            what, good, wish if good else f"{wish} is not served there; {others}", needed=False
        )
