"""Every method that the bot calls, and every way in which Telegram is known to fail."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ambrosio.bot import poller
from ambrosio.core import texts
from ambrosio.emulators.botapi.api import METHODS as EMULATED
from ambrosio.emulators.model_server.server import Holds, Says

from ..support import DATA, ROOT
from ..support.bad_line import BREAKS, UNCERTAIN, BadLine
from ..support.running_bot import SDXL, running_bot

# Refusals as Telegram words them, by the methods that get them (TDLib, the Bot API server, and what
# other bots report).
SENDING = ("sendMessage", "sendRichMessage", "sendPhoto", "sendMediaGroup", "sendDocument")
REFUSALS = {
    "message is not modified: specified new message content is the same": ("editMessageText",),
    "message to edit not found": ("editMessageText",),
    "message can't be edited": ("editMessageText",),
    "message to delete not found": ("deleteMessage",),
    "message can't be deleted for everyone": ("deleteMessage",),
    "message to be replied not found": ("sendMessage", "sendPhoto"),
    "message thread not found": ("sendMessage", "sendChatAction", "sendMessageDraft"),
    "TOPIC_CLOSED": ("sendMessage", "sendChatAction"),
    "chat not found": (*SENDING, "editMessageText", "sendChatAction", "leaveChat"),
    "message text is empty": ("sendMessage", "editMessageText"),
    "message is too long": ("sendMessage", "editMessageText", "sendRichMessage"),
    "can't parse entities: unsupported start tag": ("sendMessage", "sendRichMessage"),
    "ENTITY_TEXTURL_INVALID": ("sendMessage", "editMessageText"),
    "BUTTON_DATA_INVALID": ("sendMessage", "editMessageText", "sendPhoto"),
    "RICH_MESSAGE_INVALID": ("sendRichMessage",),
    "TEXTDRAFT_PEER_INVALID": ("sendMessageDraft",),
    "query is too old and response timeout expired": ("answerCallbackQuery",),
    "PHOTO_INVALID_DIMENSIONS": ("sendPhoto", "sendMediaGroup"),
    "wrong file identifier/HTTP URL specified": ("sendPhoto", "sendMediaGroup", "sendDocument"),
    "file is too big": ("sendPhoto", "sendDocument"),
    "not enough rights to send text messages to the chat": ("sendMessage",),
    "CHAT_WRITE_FORBIDDEN": (*SENDING, "sendChatAction"),
}
FORBIDDEN = (
    "bot was blocked by the user",
    "user is deactivated",
    "bot was kicked from the supergroup chat",
    "bot can't initiate conversation with a user",
)
FIRST = 42
RETRIED = ("500", "502", "429 short", "429 long", "not JSON", *BREAKS)
TABLE = """
| product | price in Italy | price in Germany |
|---|---|---|
| basmati rice, one kilogram | 3.20 euros | 2.90 euros |
"""


@dataclass
class World:
    """A bot, a person, and what its models say."""

    anna: Any
    api: Any
    model: Any
    line: BadLine
    life: Any = None
    stream: str = ""
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def plan(self, method: str, fault: str) -> Callable[[], bool]:
        """Plan a fault of the next call; the result says whether it has come."""
        if fault in BREAKS:
            self.line.break_next(method, fault)
            return lambda: not self.line.planned
        if fault.startswith("429"):
            seconds = 3 if fault == "429 short" else 7200
            planned = self.api.flood(method, retry_after=seconds)
        elif fault == "not JSON":
            planned = self.api.garbage(method)
        else:
            code = int(fault) if fault.isdigit() else 403 if fault in FORBIDDEN else 400
            planned = self.api.fail(method, times=1, code=code, description=fault)
        return lambda: planned.times == 0

    async def ask(self, text: str, answer: Any) -> None:
        self.model.answer = lambda asked: answer if asked.question else Says("")
        await self.anna.say(text)


# Each makes the bot call one method and returns what then has to be on the screen.


async def _answered(world: World) -> str:
    mark = f"Number {next(world.numbers)}."
    await world.ask("question", Says(mark))
    return mark


async def _previewed(world: World) -> str:
    held, mark = asyncio.Event(), f"Number {next(world.numbers)}."
    before, breaks = len(world.api.calls), bool(world.line.planned)
    method = "sendMessageDraft" if world.stream == "draft" else "sendMessage"
    await world.ask("question", Holds(f"{mark} {'Words. ' * 10}", held))

    def shown() -> bool:
        return any(call.method == method for call in world.api.calls[before:])

    await world.api.wait_for(lambda: shown() or (breaks and not world.line.planned))
    held.set()
    return mark


async def _edited(world: World) -> str:
    world.model.answer = lambda asked: Says("First.") if asked.question else Says("")
    question = await world.anna.say("question")
    await world.anna.wait_text("First.")
    mark = f"Number {next(world.numbers)}."
    world.model.answer = lambda asked: Says(mark) if asked.question else Says("")
    await world.anna.edit(question, f"question {mark}")
    return mark


async def _pressed(world: World) -> str:
    await world.anna.say("/help")
    await world.api.wait_for(lambda: "More" in world.anna.last.buttons)
    world.anna.tap("More")
    return ""


async def _rich(world: World) -> str:
    mark = f"Number {next(world.numbers)}."
    await world.ask("question", Says(f"{mark}\n{TABLE}"))
    return mark


async def _file(world: World) -> str:
    mark = f"Number {next(world.numbers)}."
    code = "\n".join(f"print({str(number) * 90})" for number in range(10, 50))
    await world.ask("question", Says(f"{mark}\n\n```python\n{code}\n```"))
    return mark


async def _painted(world: World) -> str:
    mark = f"fox {next(world.numbers)}"
    await world.anna.say(f"/imagine {mark} --size 64x64")
    return mark


async def _album(world: World) -> str:
    mark = f"fox {next(world.numbers)}"
    await world.anna.say(f"/imagine {mark} --size 64x64 --n 2")
    return mark


async def _sent_photo(world: World) -> str:
    mark = f"Number {next(world.numbers)}."
    world.model.answer = lambda asked: Says(mark) if asked.question else Says("")
    await world.anna.send_photo(DATA.joinpath("fox.jpg").read_bytes(), caption="what is it?")
    return ""


async def _left(world: World) -> str:
    number = next(world.numbers)
    group = world.api.group(-1000 - number, bot=False)
    await group.add_bot(world.api.person(666, "Eve"))
    return ""


@dataclass(frozen=True)
class Row:
    """How a method comes to be called, and whether a message depends on it."""

    act: Callable[[World], Awaitable[str]]
    stream: str = "draft"
    rich: str = "off"
    # An answer that is not sent because of a refusal is replaced by a line.
    carries: bool = False


ROWS = {
    "sendMessage": Row(_answered, stream="off", carries=True),
    "editMessageText": Row(_edited, stream="off", carries=True),
    "sendRichMessage": Row(_rich, stream="off", rich="auto", carries=True),
    "sendPhoto": Row(_painted, carries=True),
    "sendMediaGroup": Row(_album, carries=True),
    "sendDocument": Row(_file, stream="off"),
    "sendMessageDraft": Row(_previewed),
    "sendChatAction": Row(_answered),
    "deleteMessage": Row(_previewed, stream="edit"),
    "answerCallbackQuery": Row(_pressed),
    "leaveChat": Row(_left),
    "getFile": Row(_sent_photo),
}
# Called when the bot starts, or all the time: their rows are in other tests of this file.
AT_START = {"getMe", "deleteWebhook", "getMyCommands", "setMyCommands"}
ALWAYS = {"getUpdates"}
# Sent like the other files; what their refusals lead to is in tests/stories/test_read_aloud.py. The
# question whether a message has arrived is asked after a failure: tests/bot/test_uncertain.py.
ELSEWHERE = {"sendVoice", "sendAudio", "editMessageReplyMarkup"}


def called_methods() -> set[str]:
    """Find the methods of the schema that the bot's source names, in either spelling."""
    source = "".join(path.read_text() for path in Path(ROOT / "ambrosio/bot").glob("*.py"))
    words = {word.replace("_", "").lower() for word in re.findall(r"bot\.(\w+)\(", source)}
    words |= {word.lower() for word in re.findall(r'"([a-z]+[A-Z]\w+)"', source)}
    words |= {"getme"}
    return {name for name in (*EMULATED, "getUpdates") if name.lower() in words}


def test_no_method_is_missing_here():
    assert called_methods() - ELSEWHERE == {*ROWS, *AT_START, *ALWAYS}


@pytest.fixture
def line(monkeypatch):
    line = BadLine()
    line.install(monkeypatch)
    return line


@pytest.mark.parametrize("method", ROWS)
async def test_no_failure_of_a_method_loses_or_repeats_an_answer(
    method, api, telegram_url, tmp_path, model, model_url, painter_url, line, clock
):
    row = ROWS[method]
    refusals = [text for text, methods in REFUSALS.items() if method in methods]
    faults = (*RETRIED, *refusals, *FORBIDDEN)
    given = {
        "llama_base_url": model_url,
        "ambrosio_owner": frozenset(range(FIRST, FIRST + len(faults))),
        "ambrosio_stream": row.stream,
        "ambrosio_rich": row.rich,
        "together_api_key": "key-of-the-painter",
        "together_base_url": painter_url,
        "together_image_model": SDXL,
    }
    world = World(None, api, model, line)
    async with running_bot(api, telegram_url, tmp_path, **given) as world.life:
        world.stream = row.stream
        for number, fault in enumerate(faults):
            # What a refusal teaches about a chat must not help the next.
            world.anna = anna = api.person(FIRST + number).private()
            # The limits of the second before are over.
            clock.pass_seconds(2)
            come = world.plan(method, fault)
            mark = await row.act(world)
            await api.wait_for(come)
            await world.life.settled()
            shown = sum(mark in line.text for line in anna.answers) if mark else 1
            told = [line for line in anna.answers if line.text == texts.NOT_SENT]
            assert shown in expected(row, method, fault, told=bool(told)), (fault, anna.describe())
            api.faults.clear()
        mark = await _answered(world)
        await world.anna.wait_text(mark)

    assert api.violations == []


def expected(row: Row, method: str, fault: str, *, told: bool) -> set[int]:
    """Say how often an answer may be seen."""
    if method == "deleteMessage" and fault not in RETRIED:
        # The preview stays.
        return {2}
    if not row.carries or fault in {"500", "502", "429 short", "429 long"}:
        return {1}
    if fault in UNCERTAIN:
        # Telegram is asked whether it has it.
        return {1}
    if fault in FORBIDDEN:
        return {0}
    if "not modified" in fault:
        # It is believed.
        return {0}
    return {0, 1} if told else {1}


async def test_no_failure_at_the_start_keeps_the_bot_from_starting(
    api, telegram_url, tmp_path, model, model_url, anna, line, clock
):
    world = World(anna, api, model, line)
    for number, fault in enumerate((*RETRIED, *FORBIDDEN, "chat not found")):
        started_at = clock()
        for method in sorted(AT_START):
            world.plan(method, fault)
        folder = tmp_path / str(number)
        async with running_bot(api, telegram_url, folder, llama_base_url=model_url) as world.life:
            mark = await _answered(world)
            await anna.wait_text(mark)
            await world.life.settled()
        if fault == "429 long":
            assert clock() - started_at >= 7200
        api.faults.clear()
        line.planned.clear()


async def test_no_failure_of_the_poll_loses_an_update(life, api, model, anna, line):
    world = World(anna, api, model, line, life=life)
    for fault in (*RETRIED, "401", "404", "409", "400", *FORBIDDEN):
        polls = len(api.calls_to("getUpdates"))
        come = world.plan("getUpdates", fault)
        # The poll that waits already knows nothing of the fault.
        await anna.say("/help")
        await api.wait_for(come)
        mark = await _answered(world)
        await anna.wait_text(mark)
        await life.settled()
        assert len(api.calls_to("getUpdates")) > polls


async def test_a_poll_that_hears_nothing_any_more_is_noticed_and_said(life, anna, line, caplog):
    line.break_next("getUpdates", "timeout before Telegram has it")
    await anna.say("hello")
    await anna.wait_answer()
    await anna.say("are you there?")
    await anna.wait_answer()

    assert poller.READ_SECONDS > poller.POLL_SECONDS
    assert "no updates" in caplog.text
    assert not line.planned
    assert life.store.inbox.waiting() == 0


@pytest.mark.parametrize("days", [1 / 24, -1 / 24, 365, -365])
async def test_a_clock_that_is_set_breaks_nothing(
    api, telegram_url, tmp_path, model, model_url, anna, clock, days
):
    started_at = clock.time

    async def sleep(seconds: float) -> None:
        # Only who waits for Telegram moves the clock; the others look at it again.
        clock.time += seconds if seconds < 30 else 0
        await asyncio.sleep(0.01)

    async def ask(name: str) -> None:
        for number in range(6):
            await anna.say(f"{name} {number}")
            await anna.wait_text(f"Answer to {name} {number}.")

    given = {"llama_base_url": model_url, "ambrosio_monthly_budget_usd": 1}
    model.answer = lambda asked: Says(f"Answer to {asked.question}." if asked.question else "")
    async with running_bot(api, telegram_url, tmp_path, sleep=sleep, **given) as life:
        await anna.say("/remind 20m tea")
        await anna.wait_text("I will remind you")
        await ask("before")
        api.flood("sendMessage", retry_after=5)
        clock.pass_seconds(days * 86_400)
        await ask("after")
        clock.time = max(clock.time, started_at + 1300)
        await anna.wait_text("⏰ tea")
        await life.settled()

    assert len([line for line in anna.answers if "⏰" in line.text]) == 1
