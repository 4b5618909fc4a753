"""How far the screen lags behind the model.

The real `ambrosio run` as its own process, against the emulator with its flood limits on and a
model that writes 300 tokens at 40 a second, in a private chat and, for comparison, by edits and in
two chats at once.
"""

import asyncio
from bisect import bisect_right
from dataclasses import dataclass, field
from statistics import mean

from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.users import UserChat
from ambrosio.emulators.model_server.server import FakeModelServer, Says
from benchmarks.running import OWNER, TIMEOUT_SECONDS, running

PACE = 40
ANSWER = " ".join(f"word{number}" for number in range(300))
SAMPLE_SECONDS = 0.005


@dataclass(slots=True)
class Watch:
    """Samples over time: characters the model has written and characters on the screen."""

    times: list[float] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)

    def note(self, time: float, written: int, shown: int) -> None:
        """Take a sample."""
        self.times.append(time)
        self.written.append(written)
        self.shown.append(shown)

    def lag_seconds(self) -> float:
        """Return the mean age, in seconds, of the text that the screen shows."""
        lags = []
        for time, written, shown in zip(self.times, self.written, self.shown, strict=True):
            if shown < written < len(ANSWER):
                # The first sample in which the model had written more than the screen shows now.
                behind = bisect_right(self.written, shown)
                lags.append(time - self.times[behind])
            elif written and written < len(ANSWER):
                lags.append(0.0)
        return mean(lags)

    def first_seconds(self) -> float:
        """Return the seconds from the model's first word to the first text on the screen."""
        return self._since(1, self.shown) - self._since(1, self.written)

    def last_seconds(self) -> float:
        """Return the seconds from the model's last word to the complete answer on the screen."""
        return self._since(len(ANSWER), self.shown) - self._since(len(ANSWER), self.written)

    def _since(self, min_chars: int, series: list[int]) -> float:
        return next(
            time for time, chars in zip(self.times, series, strict=True) if chars >= min_chars
        )


async def watch(model: FakeModelServer, user_chat: UserChat, turn: int) -> Watch:
    """Ask a question and sample until the answer is complete."""
    loop = asyncio.get_running_loop()
    seen, message = Watch(), await user_chat.say(f"question {turn}")
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not seen.shown or seen.shown[-1] < len(ANSWER):
            served = [
                record
                for record, request in zip(model.served, model.requests, strict=True)
                if request.question.endswith(f" {turn}")
            ]
            answers = [answer.text for answer in user_chat.answers if answer.message_id > message]
            shown = answers[-1] if answers else (user_chat.draft or "").replace("Thinking…", "")
            written = len(served[-1].words.strip()) if served else 0
            seen.note(loop.time(), written, len(shown))
            await asyncio.sleep(SAMPLE_SECONDS)
    return seen


async def measure(stream: str, chats: int) -> tuple[list[Watch], int]:
    """Let some chats ask at the same time; give what was seen and how many calls were refused."""
    loop = asyncio.get_running_loop()
    api, model = BotApi(loop.time), FakeModelServer(pace=PACE, answer=lambda _: Says(ANSWER))
    api.enable_flood_limits()
    user_chat = api.person(OWNER).private()
    user_chats = [user_chat, *(user_chat.topic(number) for number in range(2, chats + 1))]
    async with running(api, model, stream), asyncio.TaskGroup() as group:
        # The first answer of a process opens connections; what is felt is every other one.
        model.script(Says("Hello."))
        await user_chat.say("hello")
        await user_chat.wait_answer()
        tasks = [
            group.create_task(watch(model, chat, turn)) for turn, chat in enumerate(user_chats)
        ]
        await asyncio.wait(tasks)
    refused = sum(call.outcome.startswith("429") for call in api.calls)
    return [task.result() for task in tasks], refused


async def report() -> None:
    """Print the table."""
    print(f"Streaming: {len(ANSWER.split())} tokens at {PACE}/s, flood limits on, real processes")
    print(f"{'':24}{'429s':>6}{'behind':>10}{'first':>10}{'last':>10}")
    for name, stream, chats in (
        ("drafts", "draft", 1),
        ("drafts, two chats", "draft", 2),
        ("edits", "edit", 1),
    ):
        watches, refused = await measure(stream, chats)
        behind = mean(watch.lag_seconds() for watch in watches)
        first = max(watch.first_seconds() for watch in watches)
        last = max(watch.last_seconds() for watch in watches)
        print(
            f"{name:24}{refused:>6}{behind * 1000:>7.0f} ms"
            f"{first * 1000:>7.0f} ms{last * 1000:>7.0f} ms"
        )
