"""How fast and how heavy the bot is, beside the shortest bot that answers.

Both run as processes against the same emulators, one after the other, so that what the machine does
besides is in both columns. `python -m benchmarks.weight` writes the table into
`docs/performance.md`.
"""

import argparse
import asyncio
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from ambrosio.app import now

from .bot_process import COMMANDS, TIMEOUT_SECONDS, running
from .year import measure_year

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- begin: make bench -->", "<!-- end: make bench -->"


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
    ("100,000 turns: search, median of nine kinds", "ms", "search"),
    ("100,000 turns: search, the slowest kind", "ms", "slowest search"),
    ("100,000 turns: `/forget` of 12,000 of them, to the last byte", "s", "forget"),
    ("… the longest wait for an answer before", "s", "calm answer"),
    ("… the longest wait of others for an answer meanwhile", "s", "answer meanwhile"),
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
