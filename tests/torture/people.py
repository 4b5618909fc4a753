"""People who write, edit, press buttons and ask to be reminded, each by a seed of their own.

Everything they send has a tag of its own, by which its answer is known.
"""

import asyncio
import re
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Literal

from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.users import UserChat

from ..support import DATA

Kind = Literal["question", "reminder"]
PHOTO = (DATA / "fox.jpg").read_bytes()
TAG = re.compile(r"q\d+x")
PATIENCE_SECONDS = 20.0
# Nobody writes on and on while the bot is behind.
MOST_WAITING = 4


@dataclass
class Sent:
    """A message of a person; `tags` are those of its versions, the newest last."""

    seat: UserChat
    message_id: int
    tags: list[str]
    kind: Kind = "question"
    presses: int = 0

    @property
    def tag(self) -> str:
        return self.tags[-1]


@dataclass
class Crowd:
    """Who takes part, and what they have sent."""

    api: BotApi
    seed: str
    sent: list[Sent] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    _tags: "count[int]" = field(default_factory=lambda: count(1))

    def new_tag(self) -> str:
        return f"q{next(self._tags)}x"

    async def live(self, seat: UserChat, name: str, *, reminders: bool) -> None:
        """Do one thing after the other until closing time."""
        person = _Person(self, seat, Random(f"{self.seed} {name}"), reminders=reminders)
        while not self.closed.is_set():
            await person.act()


class _Person:
    def __init__(self, crowd: Crowd, seat: UserChat, rng: Random, *, reminders: bool) -> None:
        self._crowd, self._seat, self._rng = crowd, seat, rng
        self._mine: list[Sent] = []
        self._acts = [
            (self._ask, 8),
            (self._ask_shortly, 3),
            (self._burst, 1),
            (self._edit, 2),
            (self._press_longer, 3),
            *([(self._remind, 1)] if reminders else []),
            *([(self._send_file, 1), (self._send_photo, 1)] if seat.chat.is_private else []),
        ]

    async def act(self) -> None:
        if len(self._mine) >= MOST_WAITING:
            await self._wait_for_answer(self._mine[-MOST_WAITING].tag)
        acts, weights = zip(*self._acts, strict=True)
        await self._rng.choices(acts, weights)[0]()
        if self._mine and self._rng.random() < 0.6:
            await self._wait_for_answer(self._mine[-1].tag)
        else:
            await self._pause(self._rng.uniform(0, 1.5))

    async def _ask(self) -> None:
        await self._say("{tag}: how long does rice take?")

    async def _ask_shortly(self) -> None:
        await self._say("vv {tag}")

    async def _burst(self) -> None:
        for _ in range(3):
            await self._ask()

    async def _remind(self) -> None:
        await self._say("/remind 1m {tag}", "reminder")

    async def _send_file(self) -> None:
        tag = self._crowd.new_tag()
        content = b"Basmati rice takes ten minutes. " * 20
        self._note(
            await self._seat.send_document(content, "rice.txt", caption=f"{tag}: how long?"), tag
        )

    async def _send_photo(self) -> None:
        tag = self._crowd.new_tag()
        self._note(await self._seat.send_photo(PHOTO, caption=f"{tag}: what is it?"), tag)

    def _note(self, message_id: int, tag: str, kind: Kind = "question") -> None:
        self._mine.append(Sent(self._seat, message_id, [tag], kind))
        self._crowd.sent.append(self._mine[-1])

    async def _say(self, text: str, kind: Kind = "question") -> None:
        tag = self._crowd.new_tag()
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
                if sent.tag in tags:
                    sent.presses += 1
                    self._seat.tap("Longer", message.message_id)
                    return

    async def _wait_for_answer(self, tag: str) -> None:
        def answered() -> bool:
            return any(f"{tag} ends." in line.text for line in self._seat.answers[-8:])

        try:
            await self._crowd.api.events.wait_until(
                lambda: answered() or self._crowd.closed.is_set(), seconds=PATIENCE_SECONDS
            )
        except TimeoutError:
            return

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._crowd.closed.wait()
        except TimeoutError:
            return
