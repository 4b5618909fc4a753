"""One run: people write while the bot is killed, and in the end every message is accounted for."""

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import closing, suppress
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
GROUP_ID = -1_001_234_567_890
QUIET_SECONDS = 600.0
# How long a bot may take to catch up before it is killed all the same.
CALM_SECONDS = 60.0
# What is on loopback would cost nothing otherwise.
PAID_ROW = """
[providers.together]
base_url = "{url}"
api_key = "key-of-the-torture"
server_kind = "together"
model = "openai/gpt-oss-120b"
local = false
tools = true
input_usd = 1
output_usd = 1
transcription_model = "openai/whisper-large-v3"
transcription_format = "wav"
transcription_usd_per_minute = 1
"""


@dataclass(frozen=True)
class Plan:
    """How a run goes; the same seed makes the same plan.

    The life of a bot ends early after its start, a while after its first poll, or, so that the
    traffic goes on, once it has caught up with what waited for it.
    """

    seed: int
    kills: int
    people: int = 8
    gaps: tuple[float, float] = (0.0, 2.5)
    early: float = 0.15
    calm: float = 0.15
    reminders: bool = True
    # No kill comes after so long.
    minutes: float = 60.0


async def torture(plan: Plan, folder: Path) -> Report:
    """Run a plan and judge it."""
    api, crowd = BotApi(now), Crowd(str(plan.seed))
    models = Models(Random(f"models {plan.seed}"), crowd.spoken)
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
        run = _Run(plan, api, crowd, bot, folder)
        try:
            await run.live_and_die()
            await run.settle()
            await bot.end()
        finally:
            bot.discard()
            run.write_calls()
        with Store(folder / "ambrosio.db", now=now) as store:
            report = Judge(api, store, bot.kills).judge(crowd.sent, models.paid_calls)
        report.counts["children killed"] = bot.children_killed
        return report


class _Run:
    def __init__(
        self, plan: Plan, api: BotApi, crowd: Crowd, bot: BotProcess, folder: Path
    ) -> None:
        self._plan, self._api, self._crowd = plan, api, crowd
        self._bot, self._folder = bot, folder
        self._rng = Random(plan.seed)

    async def live_and_die(self) -> None:
        """Kill the bot as often as planned while people write, then let it live."""
        await self._bot.start()
        seats = await self._seats()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(disturb(self._api, Random(f"trouble {self._plan.seed}"))),
                group.create_task(self._kill_children()),
                group.create_task(self._watch()),
            ]
            for name, seat in seats.items():
                reminders = self._plan.reminders and seat.chat.is_private
                group.create_task(self._crowd.live(seat, name, reminders=reminders))
            end = now() + self._plan.minutes * 60
            for number in range(self._plan.kills):
                await self._live()
                if now() > end:
                    break
                await self._bot.kill()
                await self._bot.start()
                if (number + 1) % 10 == 0:
                    print(self._progress(number + 1), flush=True)
            self._crowd.close()
            for task in tasks:
                task.cancel()
        self._api.faults.clear()

    def _progress(self, kills: int) -> str:
        waiting = self._crowd.waiting.total()
        return f"{kills} kills, {len(self._crowd.sent)} messages, {waiting} waiting"

    async def _live(self) -> None:
        """Wait for the moment of the next kill."""
        chance = self._rng.random()
        if chance < self._plan.early:
            await asyncio.sleep(self._rng.uniform(0, 1))
            return
        await self._bot.polls()
        if chance > 1 - self._plan.calm:
            await self._caught_up()
        await asyncio.sleep(self._rng.uniform(*self._plan.gaps))

    async def _caught_up(self) -> None:
        """Wait until little waits, though not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CALM_SECONDS):
                await self._crowd.until_little_waits(self._plan.people)

    async def _kill_children(self) -> None:
        """Kill what decodes files, now and then."""
        rng = Random(f"children {self._plan.seed}")
        while True:
            await asyncio.sleep(rng.uniform(0.2, 2))
            self._bot.kill_children("ambrosio.media")

    async def _watch(self) -> None:
        """Tell the crowd what the bot has not dealt with."""
        while True:
            await asyncio.sleep(0.2)
            self._crowd.refresh(self._waiting())

    def _waiting(self) -> Counter[int]:
        waiting = Counter(
            {
                row[0]: row[1]
                for row in self._read(
                    "SELECT chat_id, count(*) FROM inbox WHERE state = 'new' GROUP BY chat_id"
                )
            }
        )
        for update in self._api.updates.pending:
            message = update.get("message") or update.get("edited_message") or {"chat": {"id": 0}}
            waiting[message["chat"]["id"]] += 1
        return waiting

    async def settle(self) -> None:
        """Wait until nothing is left to do."""
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                while self._busy():  # noqa: ASYNC110  the database has no event to wait for
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"it does not come to an end: {self._waiting()}") from None

    def _busy(self) -> bool:
        if self._api.updates.pending:
            return True
        [(count,)] = self._read(
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'new')"
            " + (SELECT count(*) FROM outbox)"
            " + (SELECT count(*) FROM reminders WHERE due_at IS NOT NULL)"
        ) or [(1,)]
        return bool(count)

    def _read(self, sql: str) -> list[tuple[int, ...]]:
        path = self._folder / "ambrosio.db"
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                return db.execute(sql).fetchall()
        except sqlite3.OperationalError:
            # It is just being made, or repaired.
            return []

    async def _seats(self) -> dict[str, UserChat]:
        people = [
            self._api.person(FIRST_PERSON + number, f"P{number}")
            for number in range(self._plan.people)
        ]
        group = self._api.group(GROUP_ID, "Torture", bot=False)
        await group.add_bot(people[0])
        seats = {f"private {person.id}": person.private() for person in people[:-1]}
        seats["topic"] = people[-1].private().topic(7)
        return {**seats, "group": group.as_user(people[1])}

    def write_calls(self) -> None:
        """Leave what the bot has called for whoever looks into a fault."""
        calls = [
            call for call in self._api.calls if call.method not in {"getUpdates", "sendChatAction"}
        ]
        path = self._folder / "calls"
        path.write_text("".join(f"{json.dumps(call.to_json())}\n" for call in calls))
