"""The bot's process: the real `ambrosio run`, pointed at the emulator.

Settings are passed in its environment, which takes precedence over `.env`. Its log is passed on
line by line and written to a file.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import ambrosio

STOP_SECONDS = 8.0
MODEL_SETTINGS = ("LLAMA_", "TOGETHER_", "OPENAI_", "AMBROSIO_ROUTE", "AMBROSIO_FAST_ROUTE")


class BotProcess:
    """One run of the bot."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        log: Path,
        on_line: Callable[[str], None],
        cwd: Path,
    ) -> None:
        self._environment = environment
        self._log, self._on_line, self._cwd = log, on_line, cwd
        self._process: asyncio.subprocess.Process | None = None

    def configure(self, environment: Mapping[str, str]) -> None:
        """Set the environment of the next run."""
        self._environment = environment

    async def run(self) -> int:
        """Run the process and return its exit code; cancelling stops the process."""
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"{__package__}.bot_child",
            cwd=self._cwd,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl+C in the terminal goes to the demo only, which then stops the bot cleanly.
            start_new_session=True,
        )
        try:
            await self._read_log(process)
            return await process.wait()
        finally:
            await _stop(process)

    def kill(self) -> None:
        """Kill the process, as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        with self._log.open("a", encoding="utf-8") as log:
            while process.stdout is not None and (line := await process.stdout.readline()):
                text = line.decode("utf-8", "replace").rstrip()
                log.write(f"{text}\n")
                log.flush()
                self._on_line(text)


def build_environment(settings: Mapping[str, str], *, exclusive: bool) -> Mapping[str, str]:
    """Return the environment of the process: ours, overridden by *settings*.

    With `exclusive`, our own settings that choose a model are left out.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not (exclusive and name.startswith(MODEL_SETTINGS))
    }
    return {**inherited, **source_path(), "PYTHONUNBUFFERED": "1", **settings}


def source_path() -> Mapping[str, str]:
    """Return a `PYTHONPATH` with the same Ambrosio as this one, whatever else is installed."""
    source = str(Path(ambrosio.__file__).parent.parent)
    return {"PYTHONPATH": os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))}


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
