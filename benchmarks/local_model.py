"""`make bench`: what a small machine has to read, and what the bot itself takes of it.

A conversation of a hundred turns on the real llama.cpp, whose own `timings` are counted: by the way
Ambrosio remembers, and by ways that are in use elsewhere. New are the tokens of each question; what
is read beyond them is read a second time. The model is the tests' tiny one, so it takes about three
minutes; the counts depend on what is sent and not on the size of the model.
"""

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from ambrosio.config import prompts
from ambrosio.config.provider import ProviderConfig
from ambrosio.config.settings import Settings
from ambrosio.core.context_window import PastTurn, build_context
from ambrosio.core.messages import AnswerStarted, Delta, Message, StreamEvent
from ambrosio.llama.supervisor import LlamaServer
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.router import CompletionRequest, Router
from benchmarks.memory import grow
from tests.support.gguf_model import LITANY, PRIMER, REPLY, make

WINDOW = 4096
SYSTEM = prompts.text("system.txt")
WORDS = sorted(set((PRIMER + REPLY).split()))
LONG, SHORT = (10, 120), (4, 16)
TURNS = 100
MESSAGE_COUNTS = (500, 1000)
MAX_RESIDENT_MB = 70


class Meter(OpenAIProvider):
    """A provider that writes down what the server says it has read."""

    def __init__(self, row: ProviderConfig, http: httpx.AsyncClient) -> None:
        super().__init__("llama", row, http)
        self.read_prompt = self.said = self.last_said = self.longest = 0
        self.cuts = self.new = 0
        wire: Any = self._wire
        self._stream, wire.stream = wire.stream, self._streamed

    @asynccontextmanager
    async def _streamed(self, *args: Any) -> AsyncGenerator[Any]:
        async with self._stream(*args) as stream:
            yield self._watched(stream)

    async def _watched(self, stream: Any) -> AsyncGenerator[Any]:
        read = said = 0
        try:
            async for chunk in stream:
                if progress := chunk.get("prompt_progress"):
                    read = progress["processed"] - progress["cache"]
                if timings := chunk.get("timings"):
                    # The token that ends an answer is said, and read with the next question.
                    read, said = timings["prompt_n"], max(0, timings["predicted_n"] - 1)
                yield chunk
        finally:
            self.read_prompt, self.said = self.read_prompt + read, self.said + said
            self.last_said = said
            self.longest = max(self.longest, read)

    async def count(self, lines: Sequence[Message]) -> int:
        """Let the server count the tokens of a prompt."""
        said = [{"role": line.role, "content": line.content} for line in lines]
        body = {"model": "tiny", "messages": said}
        async with self._wire.posted("/chat/completions/input_tokens", body) as answer:
            found: Any = json.loads(await answer.aread())
        return int(found["input_tokens"])

    @property
    def window(self) -> int:
        return self._facts("").window


@dataclass
class Chat:
    """One conversation, remembered as the store does it."""

    name: str
    lengths: tuple[int, int] = LONG
    past: list[PastTurn] = field(default_factory=list)
    all: list[PastTurn] = field(default_factory=list)
    cuts: int = 0
    unsaid: int = 0

    def question(self, turn: int) -> str:
        """Ask something, at the same turn always the same."""
        dice = random.Random(f"{self.name} {turn}")
        return " ".join(dice.choices(WORDS, k=dice.randint(*self.lengths)))

    def keep(self, turn: int, answer: str, start: int | None) -> None:
        if self.past and start != self.past[0].turn_id:
            self.cuts += 1
            self.past = [each for each in self.past if start is not None and each.turn_id >= start]
        self.past.append(PastTurn(turn, self.question(turn), answer))
        self.all.append(self.past[-1])


Strategy = Callable[[Router, Meter, Chat, int], AsyncGenerator[StreamEvent]]


def ours(router: Router, meter: Meter, chat: Chat, turn: int) -> AsyncGenerator[StreamEvent]:
    """Ask as the bot does."""
    return router.stream(
        CompletionRequest(SYSTEM, tuple(chat.past), chat.question(turn), chat_key=chat.name)
    )


def clock(router: Router, meter: Meter, chat: Chat, turn: int) -> AsyncGenerator[StreamEvent]:
    """Tell the time at the top of the system prompt."""
    system = f"It is {turn // 60 + 8:02}:{turn % 60:02} o'clock.\n{SYSTEM}"
    return meter.stream(
        build_context(system, tuple(chat.past), chat.question(turn), window=meter.window)
    )


def sliding(router: Router, meter: Meter, chat: Chat, turn: int) -> AsyncGenerator[StreamEvent]:
    """Drop the oldest pair whenever the window is full, and never more than must be."""
    while True:
        built = build_context(SYSTEM, tuple(chat.past), chat.question(turn), window=meter.window)
        if not built.dropped_turns:
            return meter.stream(built)
        del chat.past[0]


@dataclass(frozen=True)
class Case:
    """One row of the table; `plan` is what the server is started with."""

    name: str
    strategy: Strategy
    plan: dict[str, int]
    chats: int = 1
    lengths: tuple[int, int] = LONG
    long_answers: bool = False
    limit: float | None = None


PLAIN = {"reuse": 0}
TWO_SLOTS = {"reuse": 0, "cache_mib": 0, "slots": 2, "context": 2 * WINDOW}
TABLE: dict[str, tuple[Case, ...]] = {
    "The usual ways": (
        Case("a clock in the system prompt", clock, PLAIN),
        Case("a window that slides", sliding, PLAIN),
        Case("2 chats, one slot, no prompt cache", ours, {"reuse": 0, "cache_mib": 0}, 2),
    ),
    "Ambrosio with any llama.cpp, by the strategy it cuts alone": (
        Case("1 chat", ours, PLAIN, limit=1.5),
        Case("2 chats, two slots, each its own", ours, TWO_SLOTS, 2, limit=1.5),
        Case("1 chat, short questions, long answers", ours, PLAIN, 1, SHORT, long_answers=True),
    ),
    "Ambrosio running llama.cpp itself": (
        Case("1 chat", ours, {}, limit=1.1),
        Case("2 chats taking turns", ours, {}, 2, limit=1.2),
        Case("4 chats taking turns", ours, {}, 4, limit=1.2),
        Case("1 chat, short questions, long answers", ours, {}, 1, SHORT, long_answers=True),
    ),
}
HEADINGS = ("read", "new", "read/new", "limit", "longest", "cuts")


async def measure(case: Case, model: Path, turns: int) -> Meter:
    """Hold conversations, the chats taking turns."""
    now = asyncio.get_running_loop().time
    plan = {"context": WINDOW, "threads": 1, **case.plan}
    with tempfile.TemporaryDirectory() as folder:
        engine = LlamaServer(str(model), Path(folder), now=now, plan=plan)
        engine.acquire()
        address = engine.address
        rows = Settings().provider_configs(llama_base_url=address.url, llama_api_key=address.key)
        async with httpx.AsyncClient() as http, engine.running(ready=partial(asyncio.sleep, 0)):
            while engine.status.state != "ready":
                await engine.changed.wait()
            meter = Meter(rows["llama"], http)
            await meter.profile()
            router = Router({"llama": meter}, ("llama",), now=now)
            chats = [Chat(f"chat {number}", case.lengths) for number in range(case.chats)]
            for turn in range(turns):
                for chat in chats:
                    await take_turn(case.strategy, router, meter, chat, turn)
            meter.cuts = sum(chat.cuts for chat in chats)
            meter.new = await new_tokens(meter, chats)
    return meter


async def new_tokens(meter: Meter, chats: Sequence[Chat]) -> int:
    """Count what a server without limits would have read: all that was asked, once."""
    total = -meter.said - (len(chats) - 1) * await meter.count([Message("system", SYSTEM)])
    for chat in chats:
        *past, last = chat.all
        whole = build_context(SYSTEM, tuple(past), last.question, window=10**9)
        total += await meter.count(whole.messages)
        # What was said last is in no prompt.
        total += chat.unsaid
    return total


async def take_turn(strategy: Strategy, router: Router, meter: Meter, chat: Chat, turn: int) -> None:
    """Ask one question and keep what came of it."""
    words: list[str] = []
    start: int | None = None
    async with aclosing(strategy(router, meter, chat, turn)) as parts:
        async for part in parts:
            if isinstance(part, AnswerStarted):
                start = part.first_turn_id
            if isinstance(part, Delta):
                words.append(part.text)
    if strategy in {clock, sliding} and chat.past:
        start = chat.past[0].turn_id
    chat.unsaid = meter.last_said
    chat.keep(turn, "".join(words), start)


def row(name: str, cells: Sequence[str]) -> str:
    return (
        f"{name:39}"
        + "".join(f"{cell:>10}" for cell in cells[:4])
        + "".join(f"{cell:>9}" for cell in cells[4:])
    )


async def reading(folder: Path) -> bool:
    """Print the table of what is read; tell whether every promise holds."""
    models = {
        False: make(folder / "terse.gguf"),
        True: make(folder / "wordy.gguf", reply=LITANY),
    }
    print(f"\nPrompt tokens that llama.cpp reads in {TURNS} turns (window {WINDOW:,})")
    print(row("", HEADINGS))
    kept = True
    for heading, cases in TABLE.items():
        print(heading)
        for case in cases:
            meter = await measure(case, models[case.long_answers], TURNS)
            share = round(meter.read_prompt / meter.new, 2)
            kept = kept and share <= (case.limit or share)
            limit = f"≤ {case.limit:.2f}" if case.limit else ""
            counts = (f"{meter.read_prompt:,}", f"{meter.new:,}", f"{share:.2f}", limit)
            cells = (*counts, f"{meter.longest:,}", str(meter.cuts))
            print(row(f"  {case.name}", cells), flush=True)
    print(
        "new: the tokens of the questions; read beyond them is read again.\n"
        "longest: what one question had to wait for. cuts: how often the history was cut."
    )
    return kept


async def remembering(folder: Path) -> bool:
    """Print what the bot itself takes of the memory; tell whether the promise holds."""
    model = make(folder / "tiny.gguf")
    print("\nMemory of `ambrosio run` itself, without the model, in MB")
    print(f"{'messages':>10}{'resident':>10}{'shared out':>12}{'own':>8}")
    found = await grow(model, folder, MESSAGE_COUNTS)
    for mark, memory in zip(MESSAGE_COUNTS, found, strict=True):
        print(f"{mark:>10,}{memory.resident:>10.1f}{memory.proportional:>12.1f}{memory.own:>8.1f}")
    print(f"limit: less than {MAX_RESIDENT_MB} resident after {MESSAGE_COUNTS[0]} messages")
    return found[0].resident < MAX_RESIDENT_MB


async def main() -> int:
    """Print both tables; give 1 if a promise is broken."""
    with tempfile.TemporaryDirectory() as folder:
        kept = await reading(Path(folder))
        return 0 if await remembering(Path(folder)) and kept else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
