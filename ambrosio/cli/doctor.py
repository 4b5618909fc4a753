"""`ambrosio doctor`: checks the configuration, one line per finding, and says what to fix first."""

import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import telegram
from telegram.error import Conflict, InvalidToken, TelegramError

from ..app import is_model_configured, now, open_providers
from ..bot import ptb
from ..bot.client import TELEGRAM_SECONDS, telegram_bot
from ..config.file_lock import file_lock
from ..config.logs import redact
from ..config.network import remote_client, trusted_certificates
from ..config.setting_files import find_folder
from ..config.settings import Settings
from ..providers.openai_compatible import OpenAIProvider
from .findings import Finding, print_finding, print_fixes
from .process import LOCK_FILE
from .provider_checks import check_providers
from .search_check import check_search

MIN_FREE_BYTES = 500_000_000
MAX_CLOCK_ERROR_SECONDS = 60
# Long enough for another poller to come back after this one interrupted it.
POLLER_SECONDS = 8
# What may stand in the first column besides the providers' names.
SUBJECTS = ("settings", "telegram")
TOGETHER_SUBJECTS = ("image model",)


async def doctor(settings: Settings) -> int:
    """Print the findings as they come, then what to fix; return 1 if something does not work."""
    findings = []
    is_set_up = await is_model_configured(settings)
    async with remote_client(trusted_certificates()) as http, open_providers(settings) as opened:
        providers = opened if is_set_up else {}
        subjects = (*providers, *SUBJECTS, *(TOGETHER_SUBJECTS if "together" in providers else ()))
        async for found in _check_all(settings, providers, http, now):
            finding = _redacted(found, settings.secrets)
            print_finding(finding, subjects)
            findings.append(finding)
    print_fixes(findings)
    return int(any(finding.outcome == "failed" for finding in findings))


def _redacted(finding: Finding, secrets: Sequence[str]) -> Finding:
    """Leave out secrets: servers quote the key that they refuse, and addresses may hold one."""
    detail, fix = (redact(text, secrets) for text in (finding.detail, finding.fix))
    return replace(finding, detail=detail, fix=fix)


async def _check_all(
    settings: Settings,
    providers: Mapping[str, OpenAIProvider],
    http: httpx.AsyncClient,
    now: Callable[[], float],
) -> AsyncIterator[Finding]:
    route = dict.fromkeys((*settings.ambrosio_route, *settings.providers))
    order = ", then ".join(name for name in route if name in providers)
    valid = f"valid; the route is {order}" if order else "valid"
    yield Finding("settings", "ok", valid + _where_from())
    yield _check_budget(settings, providers)
    yield _check_disk(settings.ambrosio_data_dir)
    yield await _check_clock(settings, http, now)
    async for finding in _check_telegram(settings):
        yield finding
    async for finding in check_providers(settings, providers):
        yield finding
    async for finding in check_search(settings, http):
        yield finding


def _where_from() -> str:
    """Name the settings' folder, if it is not this one."""
    folder = find_folder()
    return "" if folder == Path() else f"; from {folder}"


def _check_budget(settings: Settings, providers: Mapping[str, OpenAIProvider]) -> Finding:
    ceiling = settings.ambrosio_monthly_budget_usd
    paid = ", ".join(name for name, provider in providers.items() if provider.paid)
    if not paid:
        return Finding("budget", "skipped", "no paid providers")
    if ceiling is None:
        return Finding(
            "budget", "flawed", f"no spending limit for {paid}", "set AMBROSIO_MONTHLY_BUDGET_USD"
        )
    return Finding("budget", "ok", f"{ceiling} USD a month for {paid}")


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
            "failed",
            f"cannot write to {folder}: {exc.strerror}",
            "set AMBROSIO_DATA_DIR to another folder",
        )
    detail = f"{folder}, {free / 1e9:.1f} GB free"
    return Finding("disk", "ok" if free > MIN_FREE_BYTES else "failed", detail, "free some space")


async def _check_clock(
    settings: Settings, http: httpx.AsyncClient, now: Callable[[], float]
) -> Finding:
    """Compare the clock with the `Date` header of Telegram's server."""
    try:
        answer = await http.head(settings.telegram_base_url, timeout=10)
        server_time = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (httpx.HTTPError, KeyError, ValueError):
        return Finding(
            "clock", "skipped", "not checked: it is compared with Telegram's, which did not answer"
        )
    error = now() - server_time
    if abs(error) < MAX_CLOCK_ERROR_SECONDS:
        return Finding("clock", "ok", "right")
    return Finding(
        "clock",
        "failed",
        f"{abs(error):.0f} s {'ahead' if error > 0 else 'behind'}",
        "turn on time synchronisation",
    )


async def _check_telegram(settings: Settings) -> AsyncIterator[Finding]:
    if not settings.telegram_bot_token.get_secret_value():
        yield Finding(
            "token",
            "failed",
            "not set",
            "get one from @BotFather in Telegram and set TELEGRAM_BOT_TOKEN in .env",
        )
        return
    bot = telegram_bot(settings)
    try:
        await bot.initialize()
        yield Finding("token", "ok", f"@{bot.username}")
        if (await bot.get_webhook_info()).url:
            yield Finding("webhook", "failed", "set", "start `ambrosio run`, which removes it")
            yield Finding("poller", "skipped", "not checked: a webhook stops all polling")
            return
        yield Finding("webhook", "ok", "none")
        yield await _check_poller(settings, bot)
    except InvalidToken:
        yield Finding("token", "failed", "Telegram rejects it", "get a new one from @BotFather")
    except TelegramError as exc:
        detail = f"no answer from {settings.telegram_base_url} ({ptb.reason(exc)})"
        yield Finding("telegram", "failed", detail, "check the network")
    finally:
        await bot.shutdown()


async def _check_poller(settings: Settings, bot: telegram.Bot) -> Finding:
    """Check for another poller; an Ambrosio with the same data folder is found by its lock."""
    if _is_running(settings.ambrosio_data_dir):
        return Finding("poller", "ok", "Ambrosio is running on this machine")
    try:
        # Without an offset, this acknowledges nothing. Raw, because PTB may fail to parse what
        # is waiting.
        await bot.do_api_request(
            "getUpdates",
            {"timeout": POLLER_SECONDS, "limit": 1},
            read_timeout=POLLER_SECONDS + TELEGRAM_SECONDS,
        )
    except Conflict:
        return Finding("poller", "failed", "another program uses this token", "stop one of the two")
    return Finding("poller", "ok", "no other program uses this token")


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
