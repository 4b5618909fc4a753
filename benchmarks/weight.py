"""How fast and how heavy the bot is, beside the shortest bot that answers.

Both run as processes against the same emulators, one after the other, so that what the machine does
besides is in both columns. `python -m benchmarks.weight` writes the table into
`docs/performance.md`.
"""

import argparse
import asyncio
import math
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from ambrosio.app import now
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.botapi.users import UserChat
from ambrosio.emulators.model_server.responses import ResponseWriter
from ambrosio.emulators.model_server.server import ChatCall, FakeModelServer, Says
from ambrosio.store import Store

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- begin: make bench -->", "<!-- end: make bench -->"
COMMANDS = {
    "ambrosio": (sys.executable, "-m", "ambrosio", "run"),
    "short": (sys.executable, "-m", "benchmarks.short_bot"),
}
PEOPLE = range(1, 201)
ANSWER = "Basmati: it stays loose, and falafel is crumbly enough by itself."
TIMEOUT_SECONDS = 600.0
LOST_SECONDS = 20.0
YEAR_TURNS = 100_000
WORDS = ("rice", "tea", "falafel", "basmati", "jasmine", "water", "salt", "minutes", "pot", "bread")


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


@dataclass(frozen=True)
class Row:
    """One line of the table: what is measured, its unit, and the number of each bot."""

    what: str
    unit: str
    ambrosio: float
    short: float | None

    def __str__(self) -> str:
        ratio = f"{self.ambrosio / self.short:.2f}" if self.short else ""
        short = "" if self.short is None else f"{self.short:.{self._places}f} {self.unit}"
        return f"| {self.what} | {self.ambrosio:.{self._places}f} {self.unit} | {short} | {ratio} |"

    @property
    def _places(self) -> int:
        return {"s": 2, "": 0}.get(self.unit, 1)


async def measure_life(name: str, folder: Path, *, most: int = 5000) -> dict[str, float]:
    """Measure the start, the memory after many messages, and the processor time of each."""
    starts = []
    for attempt in range(3):
        async with running(name, folder / f"start{attempt}") as bench:
            starts.append(bench.start_seconds)
    async with running(name, folder / "life") as bench:
        seats, result = bench.seats(200), {"start": median(starts), "messages": 500.0}
        await bench.ask_all(seats[:100], 5)
        result["500"], cpu = bench.megabytes, bench.cpu_seconds
        while (left := most - result["messages"]) > 0:
            await bench.ask_all(seats[:100], rounds := min(5, math.ceil(left / 100)))
            result["messages"] += rounds * 100
        result["5000"] = bench.megabytes
        result["cpu"] = (bench.cpu_seconds - cpu) / (result["messages"] - 500) * 1000
    return result


async def measure_latency(name: str, folder: Path) -> dict[str, float]:
    """Measure the delays of single questions, with a model that writes 40 words a second."""
    async with running(name, folder / "latency", pace=40) as bench:
        [seat] = bench.seats(1)
        to_model, to_screen, to_end = [], [], []
        for number in range(20):
            mark, before = f"latency {number}", len(bench.api.calls)
            start, answers = now(), len(seat.answers)
            await seat.say(mark)
            await seat.wait_until(lambda: len(seat.answers) > answers, mark, TIMEOUT_SECONDS)  # noqa: B023
            shown = [
                call.at
                for call in bench.api.calls[before:]
                if call.method in {"sendMessageDraft", "sendMessage"} and call.params.get("text")
            ]
            asked = bench.asked[mark]
            to_model.append(asked.at - start)
            to_screen.append(shown[0] - asked.first_word_at)
            to_end.append(shown[-1] - asked.last_word_at)
            # A chat has one message a second.
            await asyncio.sleep(1.0)
    medians = map(median, (to_model, to_screen, to_end))
    return dict(zip(("model", "screen", "end"), (1000 * each for each in medians), strict=True))


async def measure_crowd(name: str, folder: Path) -> dict[str, float]:
    """Measure how many messages a second go out, and how fifty chats get on at once.

    Only Ambrosio keeps to Telegram's limits; with them, the short bot would lose most answers.
    """
    result = {}
    limited = name == "ambrosio"
    async with running(name, folder / "crowd", flood_limits=limited) as bench:
        seconds = await bench.ask_all(bench.seats(200), 3)
        result["rate"], result["lost"] = (600 - bench.lost) / seconds, bench.lost
        refused = [call for call in bench.api.calls if call.outcome.startswith("429")]
        result["refused"] = len(refused)
    async with running(name, folder / "fifty", flood_limits=limited, delay=2.0) as bench:
        result["fifty"] = await bench.ask_all(bench.seats(50), 1)
    return result


async def measure_year(folder: Path) -> dict[str, float]:
    """Measure Ambrosio with a year of conversations: its start, its search, its memory."""
    rng = random.Random(1)
    with Store(folder / "ambrosio.db", now=now) as store:
        with store.database.transaction() as db:
            db.executemany(
                "INSERT INTO turns (chat_id, topic_id, message_id, user_id, question, concise,"
                " answer, provider, at) VALUES (?, 0, ?, ?, ?, 0, ?, 'llama', ?)",
                (_turn(rng, number) for number in range(YEAR_TURNS)),
            )
        searches = []
        for _ in range(20):
            start = now()
            store.turn_search.find(" ".join(rng.sample(WORDS, 2)), user_id=rng.choice(PEOPLE[:5]))
            searches.append(now() - start)
    async with running("ambrosio", folder) as bench:
        before = bench.megabytes
        await bench.ask_all(bench.seats(50), 4)
        return {
            "year start": bench.start_seconds,
            "search": median(searches) * 1000,
            "year memory": bench.megabytes,
            "year growth": bench.megabytes - before,
        }


def _turn(rng: random.Random, number: int) -> tuple[object, ...]:
    question, answer = (" ".join(rng.choices(WORDS, k=size)) for size in (12, 60))
    user_id = PEOPLE[number % 5]
    moment = now() - (YEAR_TURNS - number) * 300.0
    return user_id, number, user_id, f"{question} {number}", answer, moment


ROWS = (
    ("Start to the first `getUpdates`", "s", "start"),
    ("Resident memory after 500 messages", "MB", "500"),
    ("Resident memory after {most:,} messages", "MB", "5000"),
    ("Processor time of a message", "ms", "cpu"),
    ("Update to the request to the model", "ms", "model"),
    ("First word of the model to the first on the screen", "ms", "screen"),
    ("Last word of the model to the whole answer", "ms", "end"),
    ("Messages a second, 200 chats with three each", "/s", "rate"),
    ("… answers lost", "", "lost"),
    ("… calls that Telegram refuses as too many", "", "refused"),
    ("Fifty chats at once, the model waits 2 s", "s", "fifty"),
    ("100,000 turns: start", "s", "year start"),
    ("100,000 turns: search for words that nearly every turn holds", "ms", "search"),
    ("100,000 turns: resident memory after 200 messages", "MB", "year memory"),
    ("100,000 turns: growth in these 200 messages", "MB", "year growth"),
)


async def measure(folder: Path, *, most: int) -> list[Row]:
    """Measure both bots, one after the other."""
    results: dict[str, dict[str, float]] = {}
    for name in COMMANDS:
        results[name] = {}
        for part in (measure_latency, measure_crowd, partial(measure_life, most=most)):
            results[name] |= await part(name, folder / name)
            print(name, results[name], file=sys.stderr, flush=True)
    results["ambrosio"] |= await measure_year(folder / "year")
    return [
        Row(what.format(most=most), unit, results["ambrosio"][key], results["short"].get(key))
        for what, unit, key in ROWS
    ]


def table(rows: Sequence[Row], load: Sequence[str]) -> str:
    """Write the table, with the machine and its load before and after."""
    head = "| | Ambrosio | shortest bot | ratio |\n|---|---:|---:|---:|\n" + "\n".join(
        map(str, rows)
    )
    machine = f"{os.cpu_count()} processors, Python {sys.version.split()[0]}"
    return f"{head}\n\nMeasured on {machine}; load average {load[0]} before, {load[1]} after."


def main() -> None:
    """Measure, print the table, and write it into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.weight")
    parser.add_argument("--messages", type=int, default=5000)
    options = parser.parse_args()
    before = f"{os.getloadavg()[0]:.1f}"
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(Path(folder), most=options.messages))
    written = table(rows, (before, f"{os.getloadavg()[0]:.1f}"))
    print(written)
    page = PAGE.read_text()
    head, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{written}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
