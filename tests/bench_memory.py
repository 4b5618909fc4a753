"""What the bot takes of the machine's memory after many messages, the model not counted."""

import asyncio
import os
import sys
from pathlib import Path

from ambrosio.cli import now
from ambrosio.demo.botapi import BotApi
from ambrosio.demo.server import serving

OWNER = 42
PATIENCE_SECONDS = 60


async def resident(model: Path, folder: Path, messages: int) -> float:
    """Run `ambrosio run` against the emulator, talk to it, and give its resident megabytes."""
    api = BotApi(now)
    anna = api.person(OWNER, "Anna").private()
    async with serving(api) as url:
        environment = {
            **os.environ,
            "TELEGRAM_BOT_TOKEN": api.token,
            "TELEGRAM_BASE_URL": url,
            "AMBROSIO_OWNER": str(OWNER),
            "AMBROSIO_DATA_DIR": str(folder / "data"),
            "LLAMA_GGUF": str(model),
        }
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ambrosio", "run"),
            env=environment,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            for number in range(messages):
                await anna.say(f"question number {number} about rice and tea in the morning")
                await anna.wait_answer(seconds=PATIENCE_SECONDS)
            return _megabytes(bot.pid)
        finally:
            bot.terminate()
            await bot.wait()


def _megabytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
