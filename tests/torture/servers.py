"""Telegram and two model servers that fail now and then, by a seed."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random

from ambrosio.app import now
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.model_server.responses import ResponseWriter
from ambrosio.emulators.model_server.server import (
    ChatCall,
    Dies,
    ErrorStatus,
    FakeModelServer,
    HangsUp,
    Says,
    ScriptItem,
)

from .people import TAG

WORDS = ["rice", "tea", "falafel", "basmati", "jasmin", "water", "salt", "minutes", "pot", "lid"]
LONG_WORDS = 900


@dataclass
class PaidCall:
    """A request to the server that costs money: when it came, and when all was sent."""

    asked_at: float
    sent_at: float | None = None


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
    paid: FakeModelServer = field(init=False)
    free: FakeModelServer = field(init=False)
    paid_calls: dict[str, list[PaidCall]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.paid = FakeModelServer(
            model="openai/gpt-oss-120b", server_kind="together", pace=200, answer=self._answer_paid
        )
        self.free = FakeModelServer(pace=200, answer=self._answer_free)

    def _answer_paid(self, request: ChatCall) -> ScriptItem:
        item = self._answer(request, failing=0.08)
        if isinstance(item, ErrorStatus | HangsUp):
            # Nothing was made that would cost anything.
            return item
        call = PaidCall(now())
        self.paid_calls[_tag(request)].append(call)
        return _NotedSays(item.text, call=call) if isinstance(item, Says) else item

    def _answer_free(self, request: ChatCall) -> ScriptItem:
        return self._answer(request, failing=0.02)

    def _answer(self, request: ChatCall, *, failing: float) -> ScriptItem:
        text = answer_text(_tag(request))
        if self.rng.random() >= failing:
            return Says(text)
        failures: list[ScriptItem] = [ErrorStatus(503), HangsUp(), Dies(text[: len(text) // 2])]
        return self.rng.choice(failures)


def answer_text(tag: str) -> str:
    """Return the answer to a question: always the same, of one line or several messages."""
    rng = Random(tag)
    words = LONG_WORDS if rng.random() < 0.04 else rng.randint(3, 50)
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
        lambda: api.fail("getUpdates", code=502),
        lambda: api.garbage("getUpdates"),
        lambda: api.drop("getUpdates"),
        lambda: api.fail("sendMessageDraft", code=429),
        lambda: api.fail(code=500),
    ]
    while True:
        planned = rng.choice(faults)()
        await asyncio.sleep(rng.uniform(0.3, 3))
        # What nobody has met by now must not pile up for a bot that is just starting.
        planned.times = 0
