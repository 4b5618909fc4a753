"""The bot's process: the real `ambrosio run`, pointed at the emulator.

It gets its settings by its environment, which goes before `.env`. Its log is passed on line by
line and kept in a file.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import ambrosio

ENDING_SECONDS = 8.0
CHOOSING = ("LLAMA_", "TOGETHER_", "OPENAI_", "AMBROSIO_ROUTE", "AMBROSIO_FAST_ROUTE")


class BotProcess:
    """One run of the bot."""

    def __init__(
        self, environment: Mapping[str, str], *, log: Path, tell: Callable[[str], None], cwd: Path
    ) -> None:
        self._environment = environment
        self._log, self._tell, self._cwd = log, tell, cwd
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> int:
        """Be alive until the process ends, and give its exit code; cancelling ends it."""
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"{__package__}.bot_child",
            cwd=self._cwd,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl+C in the terminal is for the demo, which then ends the bot in good order.
            start_new_session=True,
        )
        try:
            await self._listen(process)
            return await process.wait()
        finally:
            await _end(process)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            while process.stdout is not None and (line := await process.stdout.readline()):
                text = line.decode("utf-8", "replace").rstrip()
                log.write(f"{text}\n")
                log.flush()
                self._tell(text)


def environment(settings: Mapping[str, str], *, alone: bool) -> Mapping[str, str]:
    """Give the environment of the process: ours, and on top of it what is given.

    With `alone`, the settings of ours that choose a model are left out.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (alone and name.startswith(CHOOSING))
    }
    ours = str(Path(ambrosio.__file__).parent.parent)
    # The same Ambrosio as this one, whatever else is installed.
    path = os.pathsep.join(each for each in (ours, os.environ.get("PYTHONPATH")) if each)
    return {**kept, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **settings}


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), ENDING_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
