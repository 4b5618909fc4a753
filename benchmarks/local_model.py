"""`make bench`: how many prompt tokens a small machine processes, and the bot's own memory.

A conversation of a hundred turns on the real llama.cpp, counted with its own `timings`: with the
way Ambrosio builds its prompts, and with common alternatives. New tokens are those of each
question; anything beyond them is processed again. The model is the tests' tiny one, so it takes
about three minutes; the counts depend on what is sent, not on the size of the model.
"""

import asyncio
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
# Half of the prompt: to the tiny model two letters are a token, to a real one four. llama.cpp keeps
# another chat's prompt only if the next one shares less than half of it, so its share matters.
SYSTEM = prompts.read("system.txt")
SYSTEM = SYSTEM[: len(SYSTEM) // 2]
WORDS = sorted(set((PRIMER + REPLY).split()))
LONG_QUESTIONS, SHORT_QUESTIONS = (10, 120), (4, 16)
TURNS = 100
MESSAGE_COUNTS = (500, 1000)
# 85 were measured.
MAX_RESIDENT_MB = 88


class MeasuredStream:
    """A stream of chunks that notes how many tokens the server has processed."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.read_prompt = self.generated = 0

    @property
    def is_done(self) -> bool:
        return bool(self._stream.is_done)

    async def next_chunk(self) -> Any:
        chunk = await self._stream.next_chunk()
        if progress := (chunk or {}).get("prompt_progress"):
            self.read_prompt = progress["processed"] - progress["cache"]
        if timings := (chunk or {}).get("timings"):
            # The last token of an answer is processed with the next question.
            self.read_prompt = timings["prompt_n"]
            self.generated = max(0, timings["predicted_n"] - 1)
        return chunk


class Meter(OpenAIProvider):
    """A provider that records how many tokens the server reports as processed."""

    def __init__(self, config: ProviderConfig, http: httpx.AsyncClient) -> None:
        super().__init__("llama", config, http)
        self.read_prompt = self.generated = self.last_generated = self.longest = 0
        self.cuts = self.new = 0
        client: Any = self.client
        self._stream_chat, client.stream_chat = client.stream_chat, self._measured_stream

    @asynccontextmanager
    async def _measured_stream(self, body: Any, **options: Any) -> AsyncGenerator[Any]:
        async with self._stream_chat(body, **options) as stream:
            measured = MeasuredStream(stream)
            try:
                yield measured
            finally:
                self.read_prompt += measured.read_prompt
                self.generated += measured.generated
                self.last_generated = measured.generated
                self.longest = max(self.longest, measured.read_prompt)

    async def count(self, prompt: Sequence[Message]) -> int:
        """Return the number of tokens of a prompt, counted by the server."""
        messages = [{"role": message.role, "content": message.content} for message in prompt]
        response = await self.http.post(
            f"{self.config.url}/chat/completions/input_tokens",
            json={"model": "tiny", "messages": messages},
            headers={"Authorization": f"Bearer {self.config.api_key.get_secret_value()}"},
        )
        return int(response.json()["input_tokens"])

    @property
    def window(self) -> int:
        return self._facts("").window


@dataclass
class Conversation:
    """One conversation, kept as the store keeps it."""

    name: str
    lengths: tuple[int, int] = LONG_QUESTIONS
    past: list[PastTurn] = field(default_factory=list)
    all: list[PastTurn] = field(default_factory=list)
    cuts: int = 0
    unread: int = 0

    def question(self, turn: int) -> str:
        """Return the question of a turn, always the same for the same turn."""
        rng = random.Random(f"{self.name} {turn}")
        return " ".join(rng.choices(WORDS, k=rng.randint(*self.lengths)))

    def keep(self, turn: int, answer: str, first_turn_id: int | None) -> None:
        if self.past and first_turn_id != self.past[0].turn_id:
            self.cuts += 1
            self.past = [
                past
                for past in self.past
                if first_turn_id is not None and past.turn_id >= first_turn_id
            ]
        self.past.append(PastTurn(turn, self.question(turn), answer))
        self.all.append(self.past[-1])


Strategy = Callable[[Router, Meter, Conversation, int], AsyncGenerator[StreamEvent]]


def ambrosio(
    router: Router, meter: Meter, chat: Conversation, turn: int
) -> AsyncGenerator[StreamEvent]:
    """Build the prompt as the bot does."""
    return router.stream(
        CompletionRequest(SYSTEM, tuple(chat.past), chat.question(turn), chat_key=chat.name)
    )


def clock_in_prompt(
    router: Router, meter: Meter, chat: Conversation, turn: int
) -> AsyncGenerator[StreamEvent]:
    """Put the time at the top of the system prompt."""
    system = f"It is {turn // 60 + 8:02}:{turn % 60:02} o'clock_in_prompt.\n{SYSTEM}"
    return meter.stream(
        build_context(system, tuple(chat.past), chat.question(turn), window=meter.window)
    )


def sliding_window(
    router: Router, meter: Meter, chat: Conversation, turn: int
) -> AsyncGenerator[StreamEvent]:
    """Drop the oldest turn whenever the window is full, and no more than needed."""
    while True:
        built = build_context(SYSTEM, tuple(chat.past), chat.question(turn), window=meter.window)
        if not built.dropped_turns:
            return meter.stream(built)
        del chat.past[0]


@dataclass(frozen=True)
class Case:
    """One row of the table; `plan` holds the server's parameters."""

    name: str
    strategy: Strategy
    plan: dict[str, int]
    chats: int = 1
    lengths: tuple[int, int] = LONG_QUESTIONS
    long_answers: bool = False
    limit: float | None = None


NO_REUSE = {"reuse": 0}
TWO_SLOTS = {"reuse": 0, "cache_mib": 0, "slots": 2, "context": 2 * WINDOW}
TABLE: dict[str, tuple[Case, ...]] = {
    "Common alternatives": (
        Case("a clock_in_prompt in the system prompt", clock_in_prompt, NO_REUSE),
        Case("a sliding window", sliding_window, NO_REUSE),
        Case("2 chats, one slot, no prompt cache", ambrosio, {"reuse": 0, "cache_mib": 0}, 2),
    ),
    "Ambrosio with any llama.cpp, by how it cuts history alone": (
        Case("1 chat", ambrosio, NO_REUSE, limit=1.5),
        Case("2 chats, two slots, each its own", ambrosio, TWO_SLOTS, 2, limit=1.5),
        Case(
            "1 chat, short questions, long answers",
            ambrosio,
            NO_REUSE,
            1,
            SHORT_QUESTIONS,
            long_answers=True,
        ),
    ),
    "Ambrosio running llama.cpp itself": (
        Case("1 chat", ambrosio, {}, limit=1.1),
        Case("2 chats taking turns", ambrosio, {}, 2, limit=1.2),
        Case("4 chats taking turns", ambrosio, {}, 4, limit=1.2),
        Case(
            "1 chat, short questions, long answers",
            ambrosio,
            {},
            1,
            SHORT_QUESTIONS,
            long_answers=True,
        ),
    ),
}
HEADINGS = ("read", "new", "read/new", "limit", "longest", "cuts")


async def measure(case: Case, model: Path, turns: int) -> Meter:
    """Run the conversations of a case in turn and return the counts."""
    now = asyncio.get_running_loop().time
    plan = {"context": WINDOW, "threads": 1, **case.plan}
    with tempfile.TemporaryDirectory() as folder:
        server = LlamaServer(str(model), Path(folder), now=now, plan=plan)
        server.acquire()
        address = server.address
        configs = Settings().provider_configs(llama_base_url=address.url, llama_api_key=address.key)
        async with httpx.AsyncClient() as http, server.running(ready=partial(asyncio.sleep, 0)):
            while server.status.state != "ready":
                await server.changed.wait()
            meter = Meter(configs["llama"], http)
            await meter.profile()
            router = Router({"llama": meter}, ("llama",), now=now)
            chats = [Conversation(f"chat {number}", case.lengths) for number in range(case.chats)]
            for turn in range(turns):
                for chat in chats:
                    await take_turn(case.strategy, router, meter, chat, turn)
            meter.cuts = sum(chat.cuts for chat in chats)
            meter.new = await count_new_tokens(meter, chats)
    return meter


async def count_new_tokens(meter: Meter, chats: Sequence[Conversation]) -> int:
    """Return the tokens that must be processed at least: each token once."""
    total = -meter.generated - (len(chats) - 1) * await meter.count([Message("system", SYSTEM)])
    for chat in chats:
        *past, last = chat.all
        whole = build_context(SYSTEM, tuple(past), last.question, window=10**9)
        total += await meter.count(whole.messages)
        # The last answer is in no prompt.
        total += chat.unread
    return total


async def take_turn(
    strategy: Strategy, router: Router, meter: Meter, chat: Conversation, turn: int
) -> None:
    """Ask one question and keep the answer."""
    deltas: list[str] = []
    first_turn_id: int | None = None
    async with aclosing(strategy(router, meter, chat, turn)) as events:
        async for event in events:
            if isinstance(event, AnswerStarted):
                first_turn_id = event.first_turn_id
            if isinstance(event, Delta):
                deltas.append(event.text)
    if strategy in {clock_in_prompt, sliding_window} and chat.past:
        first_turn_id = chat.past[0].turn_id
    chat.unread = meter.last_generated
    chat.keep(turn, "".join(deltas), first_turn_id)


def row(name: str, cells: Sequence[str]) -> str:
    return (
        f"{name:39}"
        + "".join(f"{cell:>10}" for cell in cells[:4])
        + "".join(f"{cell:>9}" for cell in cells[4:])
    )


async def report_prompt_tokens(folder: Path) -> bool:
    """Print the table of prompt tokens; return whether every limit is met."""
    models = {
        False: make(folder / "terse.gguf"),
        True: make(folder / "wordy.gguf", reply=LITANY),
    }
    print(f"\nPrompt tokens that llama.cpp processes in {TURNS} turns (window {WINDOW:,})")
    print(row("", HEADINGS))
    passed = True
    for heading, cases in TABLE.items():
        print(heading)
        for case in cases:
            meter = await measure(case, models[case.long_answers], TURNS)
            ratio = round(meter.read_prompt / meter.new, 2)
            passed = passed and ratio <= (case.limit or ratio)
            limit = f"≤ {case.limit:.2f}" if case.limit else ""
            counts = (f"{meter.read_prompt:,}", f"{meter.new:,}", f"{ratio:.2f}", limit)
            cells = (*counts, f"{meter.longest:,}", str(meter.cuts))
            print(row(f"  {case.name}", cells), flush=True)
    print(
        "new: the tokens of the questions; anything beyond them was processed again.\n"
        "longest: the most tokens for one question. cuts: how often the history was cut."
    )
    return passed


async def report_memory(folder: Path) -> bool:
    """Print the bot's own memory; return whether the limit is met."""
    model = make(folder / "tiny.gguf")
    print("\nMemory of `ambrosio run` itself, without the model, in MB")
    print(f"{'messages':>10}{'resident':>10}{'proportional':>14}{'private':>9}")
    samples = await grow(model, folder, MESSAGE_COUNTS)
    for count, memory in zip(MESSAGE_COUNTS, samples, strict=True):
        print(f"{count:>10,}{memory.resident:>10.1f}{memory.proportional:>14.1f}{memory.own:>9.1f}")
    print(f"limit: less than {MAX_RESIDENT_MB} resident after {MESSAGE_COUNTS[0]} messages")
    return samples[0].resident < MAX_RESIDENT_MB


async def main() -> int:
    """Print both tables; return 1 if a limit is exceeded."""
    with tempfile.TemporaryDirectory() as folder:
        passed = await report_prompt_tokens(Path(folder))
        return 0 if await report_memory(Path(folder)) and passed else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
