"""Telegram and two model servers that fail now and then, by a seed."""

import asyncio
import io
import json
import wave
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from ambrosio.app import now
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.model_server.responses import ResponseWriter
from ambrosio.emulators.model_server.server import (
    Calls,
    ChatCall,
    Dies,
    ErrorStatus,
    FakeModelServer,
    HangsUp,
    Says,
    ScriptItem,
    TranscriptionCall,
)
from ambrosio.emulators.model_server.sound import TranscriptItem

from .people import TAG, VOICE_SECONDS, VOICE_STEP_SECONDS

WORDS = ["rice", "tea", "falafel", "basmati", "jasmin", "water", "salt", "minutes", "pot", "lid"]
LONG_WORDS = 900
SUM = '{"expression": "17 % of 4,380"}'


@dataclass
class PaidCall:
    """A request to the server that costs money: when it came, and when all was sent."""

    asked_at: float
    sent_at: float | None = None


# What was asked for: the tag, which request of the turn it was, and whether in short.
CallKey = tuple[str, str, bool]
TOOL_ROUND = "round of tools"


@dataclass(frozen=True)
class _NotedSays(Says):
    """An answer that notes when all of it was sent."""

    call: PaidCall = field(default_factory=lambda: PaidCall(0))

    async def perform(self, writer: ResponseWriter) -> None:
        await super().perform(writer)
        self.call.sent_at = now()


@dataclass
class Models:
    """A server that costs money and fails often, and a free one that fails rarely."""

    rng: Random
    # What is said in each recording.
    spoken: Mapping[int, str]
    paid: FakeModelServer = field(init=False)
    free: FakeModelServer = field(init=False)
    paid_calls: dict[CallKey, list[PaidCall]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.paid = FakeModelServer(
            model="openai/gpt-oss-120b", server_kind="together", pace=200, answer=self._answer_paid
        )
        self.free = FakeModelServer(pace=200, tools=True, audio=True, answer=self._answer_free)
        self.paid.sound.listen = self._listen_paid
        self.free.sound.listen = self._listen_free

    def _answer_paid(self, request: ChatCall) -> ScriptItem:
        item = self._answer(request, failing=0.08)
        call = PaidCall(now())
        if isinstance(item, Calls):
            call.sent_at = call.asked_at
            self.paid_calls[_tag(request), TOOL_ROUND, False].append(call)
        if not isinstance(item, Says):
            return item
        last = request.body["messages"][-1]["role"]
        self.paid_calls[_tag(request), last, request.temperature == 0].append(call)
        return _NotedSays(item.text, call=call)

    def _answer_free(self, request: ChatCall) -> ScriptItem:
        return self._answer(request, failing=0.02)

    def _answer(self, request: ChatCall, *, failing: float) -> ScriptItem:
        if self.rng.random() >= failing:
            return _tool_call(request) or Says(answer_text(_tag(request)))
        text = answer_text(_tag(request))
        failures: list[ScriptItem] = [ErrorStatus(503), HangsUp(), Dies(text[: len(text) // 2])]
        return self.rng.choice(failures)

    def _listen_paid(self, call: TranscriptionCall) -> TranscriptItem:
        item = self._listen(call, failing=0.08)
        if isinstance(item, str):
            at = now()
            self.paid_calls[TAG.findall(item)[0], "voice", False].append(PaidCall(at, at))
        return item

    def _listen_free(self, call: TranscriptionCall) -> TranscriptItem:
        return self._listen(call, failing=0.02)

    def _listen(self, call: TranscriptionCall, *, failing: float) -> TranscriptItem:
        if self.rng.random() < failing:
            return HangsUp() if self.rng.random() < 0.5 else ErrorStatus(503)
        with wave.open(io.BytesIO(call.content)) as recording:
            seconds = recording.getnframes() / recording.getframerate()
        number = round((seconds - VOICE_SECONDS) / VOICE_STEP_SECONDS)
        return self.spoken[number]


def _tool_call(request: ChatCall) -> Calls | None:
    """Call the tool that a question asks for, unless it has been called."""
    last = request.body["messages"][-1]
    names = {tool["function"]["name"] for tool in request.tools}
    if last["role"] != "user" or request.body.get("tool_choice") == "none":
        return None
    if "17 % of" in request.question and "calculator" in names:
        return Calls("calculator", SUM)
    if "remind me" in request.question and "remind" in names:
        # Tools know minutes only, and it must not have passed by the time that this is checked.
        at = datetime.fromtimestamp(now(), UTC) + timedelta(minutes=2)
        order = {"at": f"{at:%Y-%m-%dT%H:%M}", "text": _tag(request)}
        return Calls("remind", json.dumps(order))
    return None


def answer_text(tag: str) -> str:
    """Return the answer to a question: always the same, of one line or several messages."""
    rng = Random(tag)
    words = rng.randint(3, 50)
    if tag.endswith("x") and rng.random() < 0.04:
        words = LONG_WORDS
    return f"{tag} begins. {' '.join(rng.choices(WORDS, k=words))} {tag} ends."


def _tag(request: ChatCall) -> str:
    found = TAG.findall(request.question)
    return found[-1] if found else ""


async def disturb(api: BotApi, rng: Random) -> None:
    """Let Telegram fail now and then, until cancelled.

    What fails has not been processed: a call that Telegram has processed without saying so may
    come twice by design, and would hide what comes twice by a kill.
    """
    faults = [
        lambda: api.fail("sendMessage", code=502),
        lambda: api.fail("editMessageText", code=500),
        lambda: api.flood("sendMessage", retry_after=1),
        lambda: api.drop("sendMessage"),
        lambda: api.fail("sendMessageDraft", code=429),
        lambda: api.fail(code=500),
    ]
    # After one of these the bot waits, and longer each time.
    faults_of_polls = [
        lambda: api.fail("getUpdates", code=502),
        lambda: api.garbage("getUpdates"),
        lambda: api.drop("getUpdates"),
    ]
    while True:
        planned = rng.choice([*faults * 2, *faults_of_polls])()
        await asyncio.sleep(rng.uniform(0.3, 3))
        # What nobody has met by now must not pile up for a bot that is just starting.
        planned.times = 0
