"""What the bot takes of the machine's memory after many messages, the model not counted."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ambrosio.app import now
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.botapi.users import UserChat

# One chat alone would be paced to a message a second.
PEOPLE = range(1, 26)
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Memory:
    """Megabytes of a process: all that it can see, its fair share of that, and what is its own."""

    resident: float
    proportional: float
    own: float

    @classmethod
    def of(cls, pid: int) -> "Memory":
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        fields = {name: int(size) for name, size, _ in (line.split() for line in lines)}
        sizes = (
            fields["Rss:"],
            fields["Pss:"],
            fields["Private_Clean:"] + fields["Private_Dirty:"],
        )
        return cls(*(size * 1024 / 1e6 for size in sizes))


async def grow(model: Path, folder: Path, marks: Sequence[int]) -> list[Memory]:
    """Run `ambrosio run` against the emulator, and look at it after so many messages each."""
    api = BotApi(now)
    seats = [api.person(number).private() for number in PEOPLE]
    found: list[Memory] = []
    async with serve_bot_api(api) as url, _running(api, url, model, folder) as pid:
        asked = 0
        for mark in marks:
            while asked < mark:
                async with asyncio.TaskGroup() as group:
                    for seat in seats:
                        group.create_task(_ask(seat, asked))
                asked += len(seats)
            found.append(Memory.of(pid))
    return found


async def _ask(seat: UserChat, number: int) -> None:
    await seat.say(f"question number {number} about rice and tea in the morning")
    await seat.wait_answer(seconds=PATIENCE_SECONDS)


@asynccontextmanager
async def _running(api: BotApi, url: str, model: Path, folder: Path) -> AsyncIterator[int]:
    environment = {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": api.token,
        "TELEGRAM_BASE_URL": url,
        "AMBROSIO_OWNER": ",".join(map(str, PEOPLE)),
        "AMBROSIO_DATA_DIR": str(folder / "data"),
        "AMBROSIO_LOG": "error",
        "LLAMA_GGUF": str(model),
    }
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ambrosio", "run"), env=environment
    )
    try:
        yield bot.pid
    finally:
        bot.terminate()
        await bot.wait()
