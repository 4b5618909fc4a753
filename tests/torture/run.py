"""One run: people write while the bot is killed, and in the end every message is accounted for."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ambrosio.app import now
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.botapi.users import UserChat
from ambrosio.store import Store

from .bot_process import BotProcess
from .judge import Judge, Report
from .people import Crowd
from .servers import Models, disturb

FIRST_PERSON = 42
GROUP_ID = -1001
QUIET_SECONDS = 1200.0
# What is on loopback would cost nothing otherwise.
PAID_ROW = """
[providers.together]
base_url = "{url}"
api_key = "key-of-the-torture"
server_kind = "together"
model = "openai/gpt-oss-120b"
local = false
input_usd = 1
output_usd = 1
"""


@dataclass(frozen=True)
class Plan:
    """How a run goes; the same seed makes the same plan."""

    seed: int
    kills: int
    people: int = 8
    # The kill comes this long after the start, or after the first poll, in seconds.
    gaps: tuple[float, float] = (0.0, 2.5)
    long_gaps: tuple[float, ...] = (8.0, 25.0)
    reminders: bool = True

    def gap(self, rng: Random) -> tuple[bool, float]:
        """Draw whether to wait for the first poll, and how long to wait then."""
        chance = rng.random()
        if chance < 0.15:
            return False, rng.uniform(0, 1)
        if chance < 0.25 and self.long_gaps:
            return True, rng.choices(self.long_gaps, [4, 1])[0]
        return True, rng.uniform(*self.gaps)


async def torture(plan: Plan, folder: Path) -> Report:
    """Run a plan and judge it."""
    rng = Random(plan.seed)
    api, models = BotApi(now), Models(Random(f"models {plan.seed}"))
    async with (
        serve_bot_api(api) as telegram_url,
        models.paid.serving() as paid_url,
        models.free.serving() as free_url,
    ):
        (folder / "ambrosio.toml").write_text(PAID_ROW.format(url=paid_url))
        bot = BotProcess(
            api,
            folder,
            {
                "TELEGRAM_BOT_TOKEN": api.token,
                "TELEGRAM_BASE_URL": telegram_url,
                "AMBROSIO_OWNER": " ".join(str(FIRST_PERSON + n) for n in range(plan.people)),
                "AMBROSIO_DATA_DIR": str(folder),
                "AMBROSIO_ROUTE": "together,llama",
                "AMBROSIO_FAST_ROUTE": "together,llama",
                "AMBROSIO_MONTHLY_BUDGET_USD": "1000",
                "AMBROSIO_ZONE": "UTC",
                "LLAMA_BASE_URL": free_url,
            },
        )
        crowd = Crowd(api, str(plan.seed))
        try:
            await _live_and_die(plan, rng, bot, crowd)
            await _settle(api, folder)
            await bot.end()
        finally:
            bot.discard()
            _write_calls(api, folder / "calls")
        with Store(folder / "ambrosio.db", now=now) as store:
            return Judge(api, store, bot.kills).judge(crowd.sent, models.paid_calls)


async def _live_and_die(plan: Plan, rng: Random, bot: BotProcess, crowd: Crowd) -> None:
    """Kill the bot as often as planned while people write, then let it live."""
    await bot.start()
    seats = await _seats(plan, crowd.api)
    async with asyncio.TaskGroup() as group:
        for name, seat in seats.items():
            reminders = plan.reminders and seat.chat.is_private
            group.create_task(crowd.live(seat, name, reminders=reminders))
        trouble = group.create_task(disturb(crowd.api, Random(f"trouble {plan.seed}")))
        for number in range(plan.kills):
            polled, seconds = plan.gap(rng)
            if polled:
                await bot.polls()
            await asyncio.sleep(seconds)
            await bot.kill()
            await bot.start()
            if (number + 1) % 10 == 0:
                print(f"{number + 1} kills, {len(crowd.sent)} messages", flush=True)
        crowd.closed.set()
        trouble.cancel()
    crowd.api.faults.clear()


async def _seats(plan: Plan, api: BotApi) -> dict[str, UserChat]:
    people = [api.person(FIRST_PERSON + number, f"P{number}") for number in range(plan.people)]
    group = api.group(GROUP_ID, "Torture", bot=False)
    await group.add_bot(people[0])
    seats = {f"private {person.id}": person.private() for person in people[:-1]}
    seats["topic"] = people[-1].private().topic(7)
    return {**seats, "group": group.as_user(people[1])}


def _write_calls(api: BotApi, path: Path) -> None:
    """Leave what the bot has called for whoever looks into a fault."""
    calls = [call for call in api.calls if call.method not in {"getUpdates", "sendChatAction"}]
    path.write_text("".join(f"{json.dumps(call.to_json())}\n" for call in calls))


async def _settle(api: BotApi, folder: Path) -> None:
    """Wait until nothing is left to do."""
    async with asyncio.timeout(QUIET_SECONDS):
        while _busy(api, folder):  # noqa: ASYNC110  the database has no event to wait for
            await asyncio.sleep(0.1)


def _busy(api: BotApi, folder: Path) -> bool:
    if api.updates.pending:
        return True
    path = folder / "ambrosio.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        [(count,)] = db.execute(
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'new')"
            " + (SELECT count(*) FROM outbox)"
            " + (SELECT count(*) FROM reminders WHERE due_at IS NOT NULL)"
        ).fetchall()
    return bool(count)
