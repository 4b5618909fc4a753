"""Who is there in the demo, and what the page is told of them.

You own the bot; a friend sits with you in a group; a stranger has found the bot's name. The page
gets the messages as the Bot API has them and draws them itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from . import account
from .botapi import BotApi
from .chats import Chat
from .entities import linked
from .people import Person, Seat
from .refusals import bad
from .signals import Json

YOU, FRIEND, STRANGER, GROUP = 42, 43, 666, -1001
SHOWN_CALLS = 200
SHOWN_LINES = 200


@dataclass(frozen=True, slots=True)
class Room:
    """A chat in the page's list: what it is called there, and who can speak in it."""

    chat: Chat
    title: str
    note: str
    face: str
    people: tuple[Person, ...]


class Stage:
    """The emulator with its cast, and the state of the bot's process."""

    def __init__(
        self, api: BotApi, *, model: str, hint: str, answered_by: Callable[[int], str]
    ) -> None:
        """Seat everybody.

        Args:
            api: the Bot API server they are all connected to.
            model: who answers as long as nobody has.
            hint: a sentence about that model.
            answered_by: tells who has answered last in a chat, "" for nobody.
        """
        self.api = api
        self.bot = "starting"
        self.why = ""
        self.wanted = asyncio.Event()  # a new process, in place of the one that is there
        self.log: deque[str] = deque(maxlen=SHOWN_LINES)
        self._model, self._hint = model, hint
        self._answered_by = answered_by
        you = api.person(YOU, "You")
        friend = api.person(FRIEND, "Ben")
        stranger = api.person(STRANGER, "Mallory")
        self.you = you
        self.group = api.group(GROUP, "Kitchen", members=(you, friend), bot=False)
        me = str(api.state.me["first_name"])
        rooms = (
            Room(you.private().chat, me, "your private chat", "bot", (you,)),
            Room(self.group.chat, "Kitchen", f"you, Ben and {me}", "group", (you, friend)),
            Room(stranger.private().chat, "Mallory’s phone", "a stranger", "stranger", (stranger,)),
            Room(
                friend.private().chat, "Ben’s phone", "a friend, not let in yet", "guest", (friend,)
            ),
        )
        self.rooms = {room.chat.id: room for room in rooms}

    async def open(self) -> None:
        """Let the owner bring the bot into the group."""
        await self.group.add_bot(self.you)

    def seat(self, chat: object, person: object) -> Seat:
        """Give somebody's place in a chat, or refuse."""
        room = self.rooms.get(chat) if isinstance(chat, int) else None
        if room is None or person not in {each.id for each in room.people}:
            raise bad("nobody of that number sits there")
        user = next(each.user for each in room.people if each.id == person)
        return Seat(self.api.state, room.chat, user)

    # --- the bot's process ------------------------------------------------------------------------

    def becomes(self, bot: str, why: str = "") -> None:
        """Say how the bot's process is: `starting`, `online` or `stopped`."""
        self.bot, self.why = bot, why
        self.api.signal.fire("bot", bot=bot, why=why)

    def logged(self, line: str) -> None:
        """Take a line of the bot's log."""
        self.log.append(line)
        self.api.signal.fire("log", line=line)

    # --- what the page is told --------------------------------------------------------------------

    def snapshot(self) -> Json:
        """Describe everything as it is now."""
        return {
            "event": "snapshot",
            "me": self.api.state.me,
            "now": self.api.state.now(),
            "bot": self.bot,
            "why": self.why,
            "hint": self._hint,
            "chats": [self._room(room) for room in self.rooms.values()],
            "calls": [call.shown() for call in self.api.calls[-SHOWN_CALLS:]],
            "log": list(self.log),
        }

    def told(self, event: Json) -> Iterator[Json]:
        """Turn a change at the emulator into what the page hears of it."""
        match event["event"]:
            case "message" | "edited":
                message = drawn(event["message"])
                yield {**event, "message": message, "silent": self._silent(event)}
                if event["message"]["from"]["is_bot"]:
                    yield self._answering(event["chat"])
            case "call" if event["method"] in {"setMyCommands", "deleteMyCommands"}:
                yield event
                for chat, room in self.rooms.items():
                    yield {"event": "menu", "chat": chat, "menus": self._menus(room)}
            case "draft":
                yield {**event, "entities": linked(event["text"], event.get("entities", []))}
            case _:
                yield event

    def _room(self, room: Room) -> Json:
        chat = room.chat
        draft = chat.draft(0, self.api.state.now())
        return {
            "id": chat.id,
            "type": chat.description["type"],
            "title": room.title,
            "note": room.note,
            "face": room.face,
            "people": [{"id": each.id, "name": each.user["first_name"]} for each in room.people],
            "messages": [drawn(message) for _, message in sorted(chat.messages.items())],
            "silent": sorted(chat.silent),
            "reactions": chat.reactions,
            "draft": draft.shown() if draft else None,
            "menus": self._menus(room),
            "model": self._model_of(chat.id),
        }

    def _menus(self, room: Room) -> dict[int, list[Json]]:
        state = self.api.state
        return {each.id: account.menu(state, room.chat, each.id) for each in room.people}

    def _answering(self, chat: int) -> Json:
        return {"event": "model", "chat": chat, "model": self._model_of(chat)}

    def _model_of(self, chat: int) -> str:
        return self._answered_by(chat) or self._model

    def _silent(self, event: Json) -> bool:
        chat: Any = self.api.state.chats[event["chat"]]
        return event["message"]["message_id"] in chat.silent


def drawn(message: Json) -> Json:
    """Give a message as people get it: with the links that Telegram finds in its text."""
    for text, entities in (("text", "entities"), ("caption", "caption_entities")):
        if text in message:
            return {**message, entities: linked(message[text], message.get(entities, []))}
    return message
