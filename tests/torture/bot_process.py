"""`ambrosio run` as a process that can be killed, and the moments at which it was killed."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from ambrosio.app import now
from ambrosio.emulators.botapi.api import BotApi

STARTING_SECONDS = 300.0


class BotProcess:
    """One bot after the other in one data folder, all with the same settings."""

    def __init__(self, api: BotApi, folder: Path, settings: dict[str, str]) -> None:
        self._api, self._folder = api, folder
        self._env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **settings}
        self._process: asyncio.subprocess.Process | None = None
        self.kills: list[float] = []
        self.children_killed = 0

    async def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ambrosio", "run"),
                env=self._env,
                cwd=self._folder,
                stderr=log,
                stdout=log,
            )

    async def polls(self) -> None:
        """Wait until the process that was started last asks for updates."""
        before = len(self._api.calls)

        def polled() -> bool:
            return any(call.method == "getUpdates" for call in self._api.calls[before:])

        try:
            await self._api.events.wait_until(polled, seconds=STARTING_SECONDS)
        except TimeoutError:
            raise AssertionError(f"it does not poll\n{self.log_tail()}") from None

    async def kill(self) -> None:
        process = self._running
        self.kills.append(now())
        process.kill()
        code = await process.wait()
        assert code == -9, f"it had ended by itself, with {code}\n{self.log_tail()}"

    def kill_children(self, module: str) -> None:
        """Kill the children that run a module of ours."""
        if self._process is None:
            return
        for pid in children(self._process.pid, module):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.children_killed += 1

    async def end(self) -> None:
        process = self._running
        process.terminate()
        assert await process.wait() == 0, self.log_tail()

    def discard(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()

    def log_tail(self) -> str:
        return "\n".join((self._folder / "log").read_text().splitlines()[-30:])

    @property
    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process


def children(parent: int, module: str) -> list[int]:
    """Find the processes that a process has started for a module."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            parent_id = (path / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if module.encode() in words and int(parent_id) == parent:
            found.append(int(path.name))
    return found
