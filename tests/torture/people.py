"""People who write, speak, edit, send files and press buttons, each by a seed of their own.

Everything they send has a tag of its own, by which its answer is known. Nobody writes on and on
while the bot is behind: the traffic goes as fast as the bot and the machine can follow.
"""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Literal

from ambrosio.emulators.botapi.users import UserChat

from ..support import DATA
from ..support.media_files import sound, tone

Kind = Literal["question", "file", "voice", "calculation", "order", "reminder"]
PHOTO = (DATA / "fox.jpg").read_bytes()
# What ends with a v is a vv question.
TAG = re.compile(r"q\d+[xv]")
# How many messages of one person may wait.
MAX_WAITING = 3
# The length of a recording tells which one it is.
VOICE_SECONDS, VOICE_STEP_SECONDS = 3.0, 0.04


@dataclass
class Sent:
    """A message of a person; `tags` are those of its versions, the newest last.

    `presses` counts how often a longer answer was asked for, by the tag.
    """

    seat: UserChat
    message_id: int
    tags: list[str]
    kind: Kind = "question"
    presses: Counter[str] = field(default_factory=Counter)

    @property
    def tag(self) -> str:
        return self.tags[-1]


@dataclass
class Crowd:
    """Who takes part, and what they have sent.

    `waiting` says how many messages of each chat are not dealt with; `refresh` is called with what
    is known of that, again and again.
    """

    seed: str
    sent: list[Sent] = field(default_factory=list)
    # What is said in each recording, by its number.
    spoken: dict[int, str] = field(default_factory=dict)
    waiting: Counter[int] = field(default_factory=Counter)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _tags: "count[int]" = field(default_factory=lambda: count(1))

    def new_tag(self, kind: str = "x") -> str:
        return f"q{next(self._tags)}{kind}"

    def refresh(self, waiting: Counter[int]) -> None:
        self.waiting = waiting
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """Let nobody write any more."""
        self.closed.set()
        self.refresh(self.waiting)

    async def until_waiting(self, chat_id: int, limit: int) -> None:
        """Wait until no more than so many messages of a chat wait, or until closing time."""
        # What was sent just now is in the next count only.
        is_old = True
        while (is_old or self.waiting[chat_id] > limit) and not self.closed.is_set():
            await self._changed.wait()
            is_old = False

    async def until_little_waits(self, limit: int) -> None:
        """Wait until no more than so many messages wait in all chats."""
        await self._changed.wait()
        while self.waiting.total() > limit:
            await self._changed.wait()

    async def live(self, seat: UserChat, name: str, *, reminders: bool) -> None:
        """Do one thing after the other until closing time."""
        person = _Person(self, seat, Random(f"{self.seed} {name}"), reminders=reminders)
        while not self.closed.is_set():
            await person.act()


class _Person:
    def __init__(self, crowd: Crowd, seat: UserChat, rng: Random, *, reminders: bool) -> None:
        self._crowd, self._seat, self._rng = crowd, seat, rng
        self._mine: list[Sent] = []
        private = [
            (self._send_file, 1),
            (self._send_photo, 1),
            (self._speak, 2),
            (self._calculate, 2),
        ]
        self._acts = [
            (self._ask, 6),
            (self._ask_shortly, 3),
            (self._burst, 1),
            (self._edit, 2),
            (self._press_longer, 3),
            *([(self._remind, 1), (self._order, 1)] if reminders else []),
            *(private if seat.chat.is_private else []),
        ]

    async def act(self) -> None:
        acts, weights = zip(*self._acts, strict=True)
        await self._rng.choices(acts, weights)[0]()
        patient = self._rng.random() < 0.6
        await self._pause(self._rng.uniform(0, 1.5))
        await self._crowd.until_waiting(self._seat.id, 0 if patient else MAX_WAITING - 1)

    async def _ask(self) -> None:
        await self._say("{tag}: how long does rice take?")

    async def _ask_shortly(self) -> None:
        await self._say("vv {tag}", end="v")

    async def _burst(self) -> None:
        for _ in range(3):
            await self._ask()

    async def _calculate(self) -> None:
        await self._say("{tag}: what is 17 % of 4,380?", "calculation")

    async def _order(self) -> None:
        await self._say("{tag}: remind me of it in a minute, please", "order")

    async def _remind(self) -> None:
        await self._say("/remind 1m {tag}", "reminder")

    async def _speak(self) -> None:
        tag, number = self._crowd.new_tag(), len(self._crowd.spoken)
        self._crowd.spoken[number] = f"{tag}: how long does rice take?"
        seconds = VOICE_SECONDS + number * VOICE_STEP_SECONDS
        content = sound(tone(seconds))
        self._note(await self._seat.send_voice(content, seconds=round(seconds)), tag, "voice")

    async def _send_file(self) -> None:
        tag = self._crowd.new_tag()
        content = b"Basmati rice takes ten minutes. " * 20
        message_id = await self._seat.send_document(
            content, "rice.txt", caption=f"{tag}: how long?"
        )
        self._note(message_id, tag, "file")

    async def _send_photo(self) -> None:
        tag = self._crowd.new_tag()
        self._note(await self._seat.send_photo(PHOTO, caption=f"{tag}: what is it?"), tag, "file")

    def _note(self, message_id: int, tag: str, kind: Kind = "question") -> None:
        self._mine.append(Sent(self._seat, message_id, [tag], kind))
        self._crowd.sent.append(self._mine[-1])

    async def _say(self, text: str, kind: Kind = "question", *, end: str = "x") -> None:
        tag = self._crowd.new_tag(end)
        if not self._seat.chat.is_private:
            text = f"@ambrosio_bot {text}"
        self._note(await self._seat.say(text.format(tag=tag)), tag, kind)

    async def _edit(self) -> None:
        questions = [sent for sent in self._mine[-3:] if sent.kind == "question"]
        if not questions:
            return
        sent = self._rng.choice(questions)
        sent.tags.append(self._crowd.new_tag())
        name = "" if self._seat.chat.is_private else "@ambrosio_bot "
        await self._seat.edit(sent.message_id, f"{name}{sent.tag}: and how long does tea take?")

    async def _press_longer(self) -> None:
        for message in reversed(self._seat.answers[-5:]):
            if "Longer" not in message.buttons:
                continue
            tags = TAG.findall(message.text)
            for sent in self._mine:
                if sent.tag in tags and not sent.presses[sent.tag]:
                    sent.presses[sent.tag] += 1
                    self._seat.tap("Longer", message.message_id)
                    return

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._crowd.closed.wait()
        except TimeoutError:
            return
