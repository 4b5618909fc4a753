"""Who is there in the demo, and what the page is told of them.

You own the bot; a friend sits with you in a group, and in one with topics; a stranger has found
the bot's name. The page gets the messages as the Bot API has them and draws them itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..core.messages import Chat
from ..emulators.botapi import account_methods
from ..emulators.botapi.api import BotApi
from ..emulators.botapi.chats import FakeChat
from ..emulators.botapi.entities import add_links
from ..emulators.botapi.errors import bad
from ..emulators.botapi.events import Json
from ..emulators.botapi.users import FakeUser, UserChat

YOU, FRIEND, STRANGER, GROUP, FORUM = 42, 43, 666, -1001, -1002
TOPICS = {2: "Garden", 3: "Holidays"}
SHOWN_CALLS = 200
SHOWN_LINES = 200


@dataclass(frozen=True, slots=True)
class ChatView:
    """A chat or a topic in the page's list: its name there, and who can speak in it."""

    chat: FakeChat
    title: str
    note: str
    face: str
    people: tuple[FakeUser, ...]
    topic: int = 0

    @property
    def id(self) -> int | str:
        """What the page knows it by."""
        return _key(self.chat.id, self.topic)

    @property
    def place(self) -> Chat:
        """What the bot knows it by."""
        return Chat(self.chat.id, self.topic)


class DemoSession:
    """The emulator with its cast, and the state of the bot's process."""

    def __init__(
        self, api: BotApi, *, model: str, hint: str, answered_by: Callable[[Chat], str]
    ) -> None:
        """Seat everybody.

        Args:
            api: the Bot API server they are all connected to.
            model: who answers as long as nobody has.
            hint: a sentence about that model.
            answered_by: tells who has answered last in a place, "" for nobody.
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
        self.group = api.group(GROUP, "Kitchen", bot=False)
        self.forum = api.group(FORUM, "House", topics=TOPICS, bot=False)
        me = str(api.state.me["first_name"])
        rooms = (
            ChatView(you.private().chat, me, "your private chat", "bot", (you,)),
            ChatView(self.group.chat, "Kitchen", f"you, Ben and {me}", "group", (you, friend)),
            *(
                ChatView(self.forum.chat, name, "a topic of “House”", "group", (you, friend), topic)
                for topic, name in TOPICS.items()
            ),
            ChatView(
                stranger.private().chat, "Mallory’s phone", "a stranger", "stranger", (stranger,)
            ),
            ChatView(
                friend.private().chat, "Ben’s phone", "a friend, not let in yet", "guest", (friend,)
            ),
        )
        self.rooms = {room.id: room for room in rooms}

    async def open(self) -> None:
        """Let the owner bring the bot into the groups."""
        await self.group.add_bot(self.you)
        await self.forum.add_bot(self.you)

    def seat(self, chat: object, person: object) -> UserChat:
        """Give somebody's place in a chat, or refuse."""
        room = self.rooms.get(chat) if isinstance(chat, int | str) else None
        if room is None or person not in {each.id for each in room.people}:
            raise bad("nobody of that number sits there")
        user = next(each.user for each in room.people if each.id == person)
        return UserChat(self.api.state, room.chat, user, room.topic)

    # --- the bot's process ------------------------------------------------------------------------

    def set_bot_state(self, bot: str, why: str = "") -> None:
        """Say how the bot's process is: `starting`, `online` or `stopped`."""
        self.bot, self.why = bot, why
        self.api.signal.fire("bot", bot=bot, why=why)

    def add_log_line(self, line: str) -> None:
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

    def describe_event(self, event: Json) -> Iterator[Json]:
        """Turn a change at the emulator into what the page hears of it."""
        match event["event"]:
            case "message" | "edited":
                yield from self._said(event)
            case "call" if event["method"] in {"setMyCommands", "deleteMyCommands"}:
                yield event
                for room in self.rooms.values():
                    yield {"event": "menu", "chat": room.id, "menus": self._menus(room)}
            case "draft":
                marks = add_links(event["text"], event.get("entities", []))
                yield {**event, "chat": _key(event["chat"], event["topic"]), "entities": marks}
            case "action":
                yield {**event, "chat": _key(event["chat"], event["topic"])}
            case "deleted" | "reaction":
                # Their numbers are known in one topic only.
                yield from self._everywhere(event)
            case _:
                yield event

    def _said(self, event: Json) -> Iterator[Json]:
        message = event["message"]
        room = _key(event["chat"], _topic(message))
        yield {
            **event,
            "chat": room,
            "message": message_json(message),
            "silent": self._silent(event),
        }
        if message["from"]["is_bot"] and room in self.rooms:
            yield {"event": "model", "chat": room, "model": self._model_of(room)}

    def _everywhere(self, event: Json) -> Iterator[Json]:
        for room in self.rooms.values():
            if room.chat.id == event["chat"]:
                yield {**event, "chat": room.id}

    def _room(self, room: ChatView) -> Json:
        chat = room.chat
        draft = chat.draft(room.topic, self.api.state.now())
        return {
            "id": room.id,
            "topic": room.topic,
            "type": chat.description["type"],
            "title": room.title,
            "note": room.note,
            "face": room.face,
            "people": [{"id": each.id, "name": each.user["first_name"]} for each in room.people],
            "messages": [
                message_json(message)
                for _, message in sorted(chat.messages.items())
                if _topic(message) == room.topic
            ],
            "silent": sorted(chat.silent),
            "reactions": chat.reactions,
            "draft": draft.shown() if draft else None,
            "menus": self._menus(room),
            "model": self._model_of(room.id),
        }

    def _menus(self, room: ChatView) -> dict[int, list[Json]]:
        state = self.api.state
        return {each.id: account_methods.menu(state, room.chat, each.id) for each in room.people}

    def _model_of(self, room: int | str) -> str:
        return self._answered_by(self.rooms[room].place) or self._model

    def _silent(self, event: Json) -> bool:
        chat: Any = self.api.state.chats[event["chat"]]
        return event["message"]["message_id"] in chat.silent


def _key(chat: int, topic: int) -> int | str:
    return f"{chat}/{topic}" if topic else chat


def _topic(message: Json) -> int:
    return int(message.get("message_thread_id", 0))


def message_json(message: Json) -> Json:
    """Give a message as people get it: with the links that Telegram finds in its text."""
    for text, entities in (("text", "entities"), ("caption", "caption_entities")):
        if text in message:
            return {**message, entities: add_links(message[text], message.get(entities, []))}
    return message
