"""A bot as a process, with Telegram and a model server beside it, both on loopback."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from ambrosio.app import now
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.botapi.users import UserChat
from ambrosio.emulators.model_server.responses import ResponseWriter
from ambrosio.emulators.model_server.server import ChatCall, FakeModelServer, Says

COMMANDS = {
    "ambrosio": (sys.executable, "-m", "ambrosio", "run"),
    "short": (sys.executable, "-m", "benchmarks.short_bot"),
}
PEOPLE = range(1, 201)
ANSWER = "Basmati: it stays loose, and falafel is crumbly enough by itself."
TIMEOUT_SECONDS = 600.0
LOST_SECONDS = 20.0


@dataclass
class AskedModel:
    """When a question reached the model, and when its first and last words left."""

    at: float
    first_word_at: float = 0.0
    last_word_at: float = 0.0


@dataclass(frozen=True)
class TimedAnswer(Says):
    """An answer that waits first, and notes when it is written."""

    asked: AskedModel = field(default_factory=lambda: AskedModel(0.0))
    delay: float = 0.0

    async def perform(self, writer: ResponseWriter) -> None:
        """Wait, write and note."""
        await asyncio.sleep(self.delay)
        self.asked.first_word_at = now()
        await super().perform(writer)
        self.asked.last_word_at = now()


@dataclass
class Bench:
    """One bot as a process, with the servers on both sides of it."""

    name: str
    api: BotApi
    model: FakeModelServer
    pid: int
    start_seconds: float
    asked: dict[str, "AskedModel"]
    lost: int = 0
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def seats(self, number: int) -> list[UserChat]:
        """Return the private chats of the first people."""
        return [self.api.person(user_id).private() for user_id in PEOPLE[:number]]

    async def ask(self, seat: UserChat) -> float:
        """Ask a question and wait for its answer; return the seconds."""
        mark, before = f"question {next(self._numbers)}", len(seat.answers)
        start = now()
        await seat.say(mark)
        await seat.wait_until(
            lambda: len(seat.answers) > before, f"no answer to {mark}", TIMEOUT_SECONDS
        )
        return now() - start

    async def ask_all(self, seats: Sequence[UserChat], rounds: int) -> float:
        """Let everybody ask some questions at once; return the seconds until the last answer.

        The short bot loses some: when nothing has come for a while, the rest is not waited for.
        """
        before, start = self._count(seats), now()
        for _ in range(rounds):
            for seat in seats:
                await seat.say(f"question {next(self._numbers)}")
        answers, last_at = before, start
        while answers < before + rounds * len(seats) and now() - last_at < LOST_SECONDS:
            await asyncio.sleep(0.02)
            if (count := self._count(seats)) > answers:
                answers, last_at = count, now()
        self.lost = before + rounds * len(seats) - answers
        return last_at - start

    def _count(self, seats: Sequence[UserChat]) -> int:
        return sum(len(seat.chat.rings) for seat in seats)

    @property
    def megabytes(self) -> float:
        """The resident memory of the process."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000

    @property
    def cpu_seconds(self) -> float:
        """The processor time that the process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def running(
    name: str,
    folder: Path,
    *,
    flood_limits: bool = False,
    delay: float = 0.0,
    pace: float = 0.0,
) -> AsyncIterator[Bench]:
    """Run a bot until the block ends; the model waits `delay` seconds before each answer."""
    api = BotApi(now)
    asked: dict[str, AskedModel] = {}
    if flood_limits:
        api.enable_flood_limits()

    def answer(request: ChatCall) -> Says:
        asked[request.question] = AskedModel(now())
        return TimedAnswer(ANSWER, asked=asked[request.question], delay=delay)

    model = FakeModelServer(answer=answer, pace=pace)
    async with serve_bot_api(api) as telegram_url, model.serving() as model_url:
        environment = {
            **os.environ,
            "TELEGRAM_BOT_TOKEN": api.token,
            "TELEGRAM_BASE_URL": telegram_url,
            "AMBROSIO_OWNER": ",".join(map(str, PEOPLE)),
            "AMBROSIO_DATA_DIR": str(folder),
            "AMBROSIO_LOG": "error",
            "LLAMA_BASE_URL": model_url,
        }
        start = now()
        process = await asyncio.create_subprocess_exec(
            *COMMANDS[name],
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await api.wait_for(lambda: api.calls_to("getUpdates"), seconds=TIMEOUT_SECONDS)
            seconds = now() - start
            bench = Bench(name, api, model, process.pid, seconds, asked)
            # The first question opens connections and imports what was put off.
            await bench.ask(bench.seats(1)[0])
            yield bench
        finally:
            process.terminate()
            await process.wait()
