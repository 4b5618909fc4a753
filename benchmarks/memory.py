"""The memory the bot uses after many messages, without the model."""

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

# A single chat would be limited to one message a second.
PEOPLE = range(1, 26)
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Memory:
    """A process's memory in MB: resident (RSS), proportional (PSS) and private."""

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


async def grow(model: Path, folder: Path, message_counts: Sequence[int]) -> list[Memory]:
    """Run `ambrosio run` against the emulator and measure it after each number of messages."""
    api = BotApi(now)
    user_chats = [api.person(number).private() for number in PEOPLE]
    samples: list[Memory] = []
    async with serve_bot_api(api) as url, _running(api, url, model, folder) as pid:
        sent = 0
        for count in message_counts:
            while sent < count:
                async with asyncio.TaskGroup() as group:
                    for user_chat in user_chats:
                        group.create_task(_ask(user_chat, sent))
                sent += len(user_chats)
            samples.append(Memory.of(pid))
    return samples


async def _ask(user_chat: UserChat, number: int) -> None:
    await user_chat.say(f"question number {number} about rice and tea in the morning")
    await user_chat.wait_answer(seconds=TIMEOUT_SECONDS)


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
