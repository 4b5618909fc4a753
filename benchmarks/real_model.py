"""What the bot does with a real model, SmolLM2: vv, and what it costs itself in time and memory.

Times depend on what else the machine does, so its load is printed with them. Only what does not
depend on it decides whether the benchmark passes.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import httpx

from ambrosio.app import now
from ambrosio.config import prompts
from ambrosio.config.settings import Settings
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.botapi.users import UserChat
from ambrosio.llama.supervisor import SPIN_COUNT, LlamaServer
from ambrosio.llama.toy_model import find_toy
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.rice.questions import parse_questions
from ambrosio.rice.runner import Contestant, PromptVariant, TrialResult, plan_trials, run_trials
from ambrosio.rice.sampler import Sampler
from ambrosio.rice.statistics import grade
from ambrosio.router import Router
from benchmarks.memory import Memory
from benchmarks.tap import Answer, Tap

SYSTEM = prompts.read("system.txt")
MIN_WITHIN_WORDS = 50
ANSWER_TOKENS, SHORT_ANSWER_TOKENS = 100, 30
TURNS = 40
# How often the speed is measured beside other work, where it varies most.
REPEATS = 7
# By the way the bot cuts alone, as `benchmarks.local_model` promises for one chat.
MAX_READ_PER_NEW = 1.5
# What libgomp does of itself where the threads are no more than the processors.
LIBGOMP_SPINS = "300000"
WAIT_SECONDS = 300
OWNER = 42
QUESTIONS = (
    "How do I cook rice?",
    "Why is the sky blue?",
    "What is a bicycle made of?",
    "Tell me about the history of bread.",
    "How do bees make honey?",
)


@asynccontextmanager
async def serving(**plan: int) -> AsyncIterator[LlamaServer]:
    """Run SmolLM2 until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        clock = asyncio.get_running_loop().time
        server = LlamaServer(str(find_toy()), Path(folder), now=clock, plan=plan)
        server.acquire()
        async with server.running(ready=partial(asyncio.sleep, 0)):
            while server.status.state != "ready":
                await server.changed.wait()
            yield server


@asynccontextmanager
async def asked(server: LlamaServer) -> AsyncIterator[tuple[OpenAIProvider, Router]]:
    """Yield the server's provider, and a router that asks it."""
    address = server.address
    rows = Settings().provider_configs(llama_base_url=address.url, llama_api_key=address.key)
    async with httpx.AsyncClient(trust_env=False) as http:
        provider = OpenAIProvider("llama", rows["llama"], http)
        clock = asyncio.get_running_loop().time
        yield provider, Router({"llama": provider}, ("llama",), now=clock)


async def report_compliance(_folder: Path) -> bool:
    """Print how many of the rice test's vv questions get a short answer, and how fast."""
    questions = parse_questions(prompts.read("rice.toml"), source="rice.toml")
    concise = [question for question in questions.values() if question.concise]
    results: list[TrialResult] = []
    async with serving() as server, asked(server) as (provider, router):
        sampler = Sampler(router, now=asyncio.get_running_loop().time)
        variant = PromptVariant("shipped", SYSTEM)
        await run_trials(
            sampler, plan_trials(concise, [Contestant(provider)], [variant]), results.append
        )
    graded = [grade(result, questions[result.question_id]) for result in results]
    within = sum(answer.has_right_length for answer in graded)
    print(
        f"\nvv: {within} of {len(graded)} answers are short enough (aim: {MIN_WITHIN_WORDS}), "
        f"{sum(answer.has_right_content for answer in graded)} are right; "
        f"median {median(result.sample.total_seconds for result in results):.2f} s (aim: 1 s)",
        flush=True,
    )
    return within >= MIN_WITHIN_WORDS


# --- the bot's own cost ---------------------------------------------------------------------------

ROW = """\
[providers.llama]
base_url = "{url}"
api_key = "{key}"
model = "smollm2"
server_kind = "llama"
extra_body = {{ temperature = 0, seed = 1, max_tokens = {tokens} }}
"""


@asynccontextmanager
async def running_bot(folder: Path, **environment: str) -> AsyncIterator[tuple[UserChat, int]]:
    """Run `ambrosio run` against the emulator; yield the owner's chat and the process id."""
    api = BotApi(now)
    async with serve_bot_api(api) as url:
        settings = {
            **os.environ,
            "TELEGRAM_BOT_TOKEN": api.token,
            "TELEGRAM_BASE_URL": url,
            "AMBROSIO_OWNER": str(OWNER),
            "AMBROSIO_DATA_DIR": str(folder),
            "AMBROSIO_LOG": "error",
            **environment,
        }
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ambrosio", "run"), env=settings, cwd=folder
        )
        try:
            yield api.person(OWNER).private(), bot.pid
        finally:
            bot.terminate()
            await bot.wait()


async def report_overhead(folder: Path) -> bool:
    """Print what the bot adds to the first token, and its share of the server's speed.

    Both depend on what else the machine does, so nothing fails by them.
    """
    async with serving() as server:
        address = httpx.URL(server.address.url)
        tap = Tap(int(address.port or 0))
        async with tap.running() as url:
            row = ROW.format(url=url, key=server.address.key, tokens=ANSWER_TOKENS)
            (folder / "ambrosio.toml").write_text(row)
            added, shares = [], []
            async with running_bot(folder) as (chat, _):
                await _ask(chat, "Hello")
                for question in QUESTIONS * 2:
                    seconds, through_bot = await _ask_through_bot(chat, tap, question)
                    directly = await _ask_directly(url, tap, through_bot.body)
                    added.append(seconds)
                    shares.append(through_bot.rate / directly)
    print(
        f"\nthe bot adds {1000 * median(added):.0f} ms to the first token (aim: 15 ms); its "
        f"answers come at {median(shares):.1%} of the speed of the server itself (aim: 97 %)",
        flush=True,
    )
    return True


async def report_conversation(folder: Path) -> bool:
    """Print what a conversation of forty turns makes the server read, and what memory it takes."""
    async with serving() as server:
        address = httpx.URL(server.address.url)
        tap = Tap(int(address.port or 0))
        async with tap.running() as url:
            row = ROW.format(url=url, key=server.address.key, tokens=SHORT_ANSWER_TOKENS)
            (folder / "ambrosio.toml").write_text(row)
            async with running_bot(folder) as (chat, pid):
                for number in range(TURNS):
                    await _ask(chat, QUESTIONS[number % len(QUESTIONS)])
                bot, child = Memory.of(pid), Memory.of(server.pid or 0)
    answers = tap.answers[-TURNS:]
    new = _count_new(answers)
    read = sum(answer.read for answer in answers)
    print(
        f"\n{TURNS} turns: {read:,} tokens of the prompts were read, {read / new:.2f} for each new "
        f"one (aim: {MAX_READ_PER_NEW}); then the bot takes {bot.resident:.0f} MB, "
        f"llama.cpp with the model {child.resident:.0f} MB",
        flush=True,
    )
    return read / new <= MAX_READ_PER_NEW


def _count_new(answers: Sequence[Answer]) -> int:
    """Count the tokens of the prompts that were in none before.

    Where the history was cut, the question counts as much as the others on average.
    """
    lengths = [answer.cached + answer.read for answer in answers]
    grown = [
        after - before - answer.written
        for before, after, answer in zip(lengths, lengths[1:], answers, strict=False)
    ]
    added = [count for count in grown if count > 0]
    return round(lengths[0] + sum(added) / len(added) * (len(answers) - 1))


async def report_busy_machine(_folder: Path) -> bool:
    """Print the speed of the model beside other work, by its threads and how long they spin.

    Those of llama.cpp spin while they wait for each other, which nobody can use meanwhile.
    """
    print(
        f"\ntokens a second, beside 0, 1, 2 processes that never rest; median of {REPEATS}",
        flush=True,
    )
    for threads in (1, 2):
        for name, spins in (("libgomp's own", LIBGOMP_SPINS), ("ours", SPIN_COUNT)):
            os.environ["GOMP_SPINCOUNT"] = spins
            async with serving(threads=threads) as server:
                await _rate(server)
                rates = []
                for busy in range(3):
                    with _busy(busy):
                        rates.append(median([await _rate(server) for _ in range(REPEATS)]))
            del os.environ["GOMP_SPINCOUNT"]
            line = ", ".join(f"{rate:.0f}" for rate in rates)
            print(f"  {threads} threads, GOMP_SPINCOUNT {spins:>6} ({name}): {line}", flush=True)
    return True


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Keep so many processors busy until the block ends."""
    command = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


async def _rate(server: LlamaServer) -> float:
    """Ask the server for an answer, and return its own figure of tokens per second."""
    async with httpx.AsyncClient(trust_env=False, timeout=WAIT_SECONDS) as http:
        response = await http.post(
            f"{server.address.url}/chat/completions",
            json={
                "messages": [{"role": "user", "content": QUESTIONS[0]}],
                "max_tokens": ANSWER_TOKENS,
                "temperature": 0,
            },
            headers={"Authorization": f"Bearer {server.address.key}"},
        )
    return float(response.json()["timings"]["predicted_per_second"])


async def _ask(chat: UserChat, question: str) -> None:
    await chat.say(question)
    await chat.wait_answer(seconds=WAIT_SECONDS)


async def _ask_through_bot(chat: UserChat, tap: Tap, question: str) -> tuple[float, Answer]:
    """Return the seconds the bot adds to the first token, and the answer as the tap saw it."""
    before, count = len(chat.drafts), len(tap.answers)
    said_at = time.perf_counter()
    await chat.say(question)
    await chat.wait_until(
        lambda: len(chat.drafts) > before and bool((chat.draft or "").strip()),
        "no draft",
        WAIT_SECONDS,
    )
    shown_at = time.perf_counter()
    await chat.wait_answer(seconds=WAIT_SECONDS)
    answer = tap.answers[count]
    return (answer.asked_at - said_at) + max(0.0, shown_at - answer.first_at), answer


async def _ask_directly(url: str, tap: Tap, request: bytes) -> float:
    """Send the same request without the bot; return the tokens per second."""
    head, _, body = request.partition(b"\r\n\r\n")
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization"))
    headers = {"Authorization": key.partition(b": ")[2].decode()}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=WAIT_SECONDS) as http,
        http.stream(
            "POST", f"{url}/chat/completions", json=json.loads(body), headers=headers
        ) as response,
    ):
        async for _ in response.aiter_bytes():
            pass
    return tap.answers[-1].rate


async def main(parts: Sequence[str] = ()) -> int:
    """Print everything, or the parts that are named; return 1 if a limit is exceeded."""
    if find_toy() is None:
        print("\nSmolLM2 is not installed; its benchmarks are left out")
        return 0
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"\nSmolLM2 on {os.cpu_count()} cores; load before: {load}")
    passed = True
    reports: dict[str, Callable[[Path], Awaitable[bool]]] = {
        "vv": report_compliance,
        "overhead": report_overhead,
        "conversation": report_conversation,
        "busy": report_busy_machine,
    }
    for name, report in reports.items():
        if not parts or name in parts:
            # A folder for each: a bot takes up again what another has left in it.
            with tempfile.TemporaryDirectory() as folder:
                passed = await report(Path(folder)) and passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
