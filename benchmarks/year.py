"""A year of conversations in one database: start, search, /forget, memory.

`python -m benchmarks.year` measures this alone and prints it; `benchmarks.weight` has it in its
table.
"""

import asyncio
import itertools
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from ambrosio.app import now
from ambrosio.emulators.botapi.users import UserChat
from ambrosio.store import Store

from .bot_process import TIMEOUT_SECONDS, Bench, running

TURNS = 100_000
# Six of ten turns are of these people, the others of the other 195.
BUSY_PEOPLE = 5
COMMON_WORDS = ("rice", "tea", "falafel", "basmati")
VOCABULARY = 20_000
# What is searched for, by whom, and how.
SEARCHES: dict[str, dict[str, object]] = {
    "a word of most turns": {"words": "rice", "user_id": 3},
    "two of them": {"words": "rice tea", "user_id": 3},
    "three beginnings": {"words": "fala basm ric", "user_id": 3},
    "one letter": {"words": "r", "user_id": 3},
    "one of 200 people": {"words": "rice", "user_id": 77},
    "in a person's only chat": {"words": "rice", "user_id": 77, "chat_id": 77},
    "in a group, not in private mode": {
        "words": "rice tea",
        "user_id": 3,
        "chat_id": -103,
        "local_only": False,
    },
    "any of eight words": {
        "words": "rice tea falafel basmati fala eta ori nobody",
        "user_id": 3,
        "any_word": True,
    },
    "nothing": {"words": "rice nobody", "user_id": 3},
}


@dataclass
class Words:
    """Made-up words, the first of them the most frequent, as in a language."""

    rng: random.Random
    words: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        letters, size = "etaoinshrdlucmfwypvbgk", self.rng.randint
        self.words = [
            "".join(self.rng.choices(letters, range(len(letters), 0, -1), k=size(2, 10)))
            for _ in range(VOCABULARY)
        ]
        self.weights = [*itertools.accumulate(1 / (rank + 5) for rank in range(VOCABULARY))]

    def text(self, count: int) -> str:
        return " ".join(self.rng.choices(self.words, cum_weights=self.weights, k=count))


def fill(path: Path) -> None:
    """Write a year of turns into a database."""
    with Store(path, now=now) as store, store.database.transaction() as db:
        db.executemany(
            "INSERT INTO turns (chat_id, topic_id, message_id, user_id, question, concise,"
            " answer, provider, at, local_only) VALUES (?, 0, ?, ?, ?, 0, ?, 'llama', ?, ?)",
            _turns(random.Random(1)),
        )


def _turns(rng: random.Random) -> Iterator[tuple[object, ...]]:
    words = Words(rng)
    for number in range(TURNS):
        busy = rng.random() < 0.6
        user_id = rng.randint(1, BUSY_PEOPLE) if busy else rng.randint(BUSY_PEOPLE + 1, 200)
        chat_id = user_id if rng.random() < 0.9 else -100 - user_id % 20
        common = rng.choices(COMMON_WORDS, k=4) if rng.random() < 0.8 else []
        question = " ".join((words.text(12), *common[:1], f"n{number}x"))
        answer = " ".join((words.text(80), *common[1:]))
        moment = now() - (TURNS - number) * 300.0
        yield chat_id, number + 1, user_id, question, answer, moment, rng.random() < 0.1


def measure_searches(path: Path) -> dict[str, float]:
    """Return the milliseconds of each kind of search, the median of seven."""
    times = {}
    with Store(path, now=now) as store:
        for name, options in SEARCHES.items():
            times[name] = median(_search(store, options) for _ in range(7)) * 1000
    return times


def _search(store: Store, options: dict[str, object]) -> float:
    start = now()
    store.turn_search.find(**options)  # type: ignore[arg-type]  # as in the table above
    return now() - start


async def measure_year(folder: Path) -> dict[str, float]:
    """Measure Ambrosio with a year of conversations."""
    path = folder / "ambrosio.db"
    await asyncio.to_thread(fill, path)
    searches = measure_searches(path)
    print(searches, file=sys.stderr, flush=True)
    async with running("ambrosio", folder) as bench:
        before = bench.megabytes
        await bench.ask_all(bench.seats(50), 4)
        result = {
            "year start": bench.start_seconds,
            "search": median(searches.values()),
            "slowest search": max(searches.values()),
            "year memory": bench.megabytes,
            "year growth": bench.megabytes - before,
        }
        return result | await measure_forgetting(bench)


async def measure_forgetting(bench: Bench) -> dict[str, float]:
    """Let a busy person forget everything while others ask one after the other."""
    me, *others = bench.seats(60)
    # A chat has one message a second; before, each of them waits as long as ever.
    calm = [await bench.ask(other) for other in others[-20:]]
    await me.say("/forget")
    await me.wait_text("What should I delete?", seconds=TIMEOUT_SECONDS)
    start = now()
    pressing = asyncio.ensure_future(me.press("Everything I ever wrote"))
    waits = list[float]()
    for other in itertools.cycle(others):
        waits.append(await bench.ask(other))
        if _is_told(me):
            break
    await pressing
    return {
        "forget": now() - start,
        "calm answer": max(calm),
        "answer meanwhile": max(waits),
        "answers meanwhile": len(waits),
        "memory after": bench.megabytes,
    }


def _is_told(seat: UserChat) -> bool:
    return any(message.text.startswith("Deleted ") for message in seat.answers)


async def main() -> None:
    """Measure, and print what was found."""
    with tempfile.TemporaryDirectory() as folder:
        for name, value in (await measure_year(Path(folder))).items():
            print(f"{name:20}{value:10.2f}")


if __name__ == "__main__":
    asyncio.run(main())
