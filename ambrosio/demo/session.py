"""The users and chats of the demo, and what the page is told about them.

You own the bot; a friend shares two groups with you, one of them with topics; a stranger has found
the bot's name. The page gets messages as the Bot API has them and renders them itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..core.messages import Chat
from ..emulators import Json
from ..emulators.botapi import account_methods
from ..emulators.botapi.api import BotApi
from ..emulators.botapi.chats import FakeChat
from ..emulators.botapi.entities import add_links
from ..emulators.botapi.errors import bad
from ..emulators.botapi.groups import FakeGroup
from ..emulators.botapi.users import FakeUser, UserChat
from .model import ModelChoice
from .model_download import ModelDownload

YOU, FRIEND, STRANGER, GROUP, FORUM = 42, 43, 666, -1001, -1002
TOPICS = {2: "Garden", 3: "Holidays"}
MAX_SHOWN_CALLS = 200
MAX_LOG_LINES = 200


@dataclass(frozen=True, slots=True)
class ChatView:
    """A chat or a topic in the page's list: its title there, and the users who can write in it."""

    chat: FakeChat
    title: str
    note: str
    face: str
    people: tuple[FakeUser, ...]
    topic_id: int = 0

    @property
    def id(self) -> int | str:
        """The id that the page uses."""
        return _chat_key(self.chat.id, self.topic_id)

    @property
    def bot_chat(self) -> Chat:
        """The same chat as the bot's database has it."""
        return Chat(self.chat.id, self.topic_id)


class DemoSession:
    """The emulator with its users and chats, and the state of the bot's process."""

    def __init__(
        self, api: BotApi, model: ModelChoice, *, last_model: Callable[[Chat], str]
    ) -> None:
        """Create the users and their chats.

        Args:
            api: The Bot API server they all use.
            model: The model that answers, as far as it is known.
            last_model: Returns the model that answered last in a chat, "" for none.
        """
        self.api = api
        self.bot_state = "starting"
        self.stop_reason = ""
        self.restart_requested = asyncio.Event()
        self.log: deque[str] = deque(maxlen=MAX_LOG_LINES)
        self.model = model
        # Only where the demo may change the model.
        self.download: ModelDownload | None = None
        self._last_model = last_model
        self.you = api.person(YOU, "You")
        self.group = api.group(GROUP, "Kitchen", bot=False)
        self.forum = api.group(FORUM, "House", topics=TOPICS, bot=False)
        views = _create_views(api, self.you, self.group, self.forum)
        self.chats = {view.id: view for view in views}

    async def open(self) -> None:
        """Let the owner add the bot to the groups."""
        await self.group.add_bot(self.you)
        await self.forum.add_bot(self.you)

    def user_chat(self, chat_id: object, user_id: object) -> UserChat:
        """Return a user's view of a chat, or raise `BotApiError`."""
        view = self.chats.get(chat_id) if isinstance(chat_id, int | str) else None
        user = next((user for user in view.people if user.id == user_id), None) if view else None
        if view is None or user is None:
            raise bad("user is not a member of the chat")
        return UserChat(self.api.state, view.chat, user.user, view.topic_id)

    # --- the bot's process ------------------------------------------------------------------------

    def set_bot_state(self, state: str, reason: str = "") -> None:
        """Set the state of the bot's process: `starting`, `online` or `stopped`."""
        self.bot_state, self.stop_reason = state, reason
        self.api.events.publish("bot", bot=state, why=reason)

    def set_model(self, model: ModelChoice) -> None:
        """Set the model that answers from now on."""
        self.model = model
        self.api.events.publish("choice", kind=model.kind, hint=model.hint, model=model.name)

    def add_log_line(self, line: str) -> None:
        """Add a line of the bot's log."""
        self.log.append(line)
        self.api.events.publish("log", line=line)

    # --- JSON for the page ------------------------------------------------------------------------

    def snapshot(self) -> Json:
        """Describe the whole session as it is now."""
        return {
            "event": "snapshot",
            "me": self.api.state.me,
            "now": self.api.state.now(),
            "bot": self.bot_state,
            "why": self.stop_reason,
            "kind": self.model.kind,
            "hint": self.model.hint,
            "download": self.download.state if self.download else None,
            "chats": [self._chat_json(view) for view in self.chats.values()],
            "calls": [call.to_json() for call in self.api.calls[-MAX_SHOWN_CALLS:]],
            "log": list(self.log),
        }

    def describe_event(self, event: Json) -> Iterator[Json]:
        """Translate a change in the emulator into events for the page."""
        match event["event"]:
            case "message" | "edited":
                yield from self._message_events(event)
            case "call" if event["method"] in {"setMyCommands", "deleteMyCommands"}:
                yield event
                for view in self.chats.values():
                    yield {"event": "menu", "chat": view.id, "menus": self._menus(view)}
            case "draft":
                entities = add_links(event["text"], event.get("entities", []))
                chat_id = _chat_key(event["chat"], event["topic"])
                yield {**event, "chat": chat_id, "entities": entities}
            case "action":
                yield {**event, "chat": _chat_key(event["chat"], event["topic"])}
            case "deleted" | "reaction":
                yield from self._topic_events(event)
            case _:
                yield event

    def _message_events(self, event: Json) -> Iterator[Json]:
        message = event["message"]
        chat_id = _chat_key(event["chat"], _topic_id(message))
        silent = message["message_id"] in self.api.state.chats[event["chat"]].silent
        yield {**event, "chat": chat_id, "message": message_json(message), "silent": silent}
        if message["from"]["is_bot"] and chat_id in self.chats:
            yield {"event": "model", "chat": chat_id, "model": self._model_of(chat_id)}

    def _topic_events(self, event: Json) -> Iterator[Json]:
        """Yield the event for each topic: it does not say which one has the message."""
        for view in self.chats.values():
            if view.chat.id == event["chat"]:
                yield {**event, "chat": view.id}

    def _chat_json(self, view: ChatView) -> Json:
        chat = view.chat
        draft = chat.draft(view.topic_id, self.api.state.now())
        return {
            "id": view.id,
            "topic": view.topic_id,
            "type": chat.description["type"],
            "title": view.title,
            "note": view.note,
            "face": view.face,
            "people": [{"id": user.id, "name": user.user["first_name"]} for user in view.people],
            "messages": [
                message_json(message)
                for _, message in sorted(chat.messages.items())
                if _topic_id(message) == view.topic_id
            ],
            "silent": sorted(chat.silent),
            "reactions": chat.reactions,
            "draft": draft.to_json() if draft else None,
            "menus": self._menus(view),
            "model": self._model_of(view.id),
        }

    def _menus(self, view: ChatView) -> dict[int, list[Json]]:
        state = self.api.state
        return {user.id: account_methods.menu(state, view.chat, user.id) for user in view.people}

    def _model_of(self, chat_id: int | str) -> str:
        if self.model.exclusive:
            return self.model.name
        return self._last_model(self.chats[chat_id].bot_chat) or self.model.name


def _create_views(api: BotApi, you: FakeUser, group: FakeGroup, forum: FakeGroup) -> list[ChatView]:
    bot = str(api.state.me["first_name"])
    friend = api.person(FRIEND, "Ben")
    stranger = api.person(STRANGER, "Mallory")
    both = (you, friend)
    strangers_chat, friends_chat = stranger.private().chat, friend.private().chat
    return [
        ChatView(you.private().chat, bot, "your private chat", "bot", (you,)),
        ChatView(group.chat, "Kitchen", f"you, Ben and {bot}", "group", both),
        *(
            ChatView(forum.chat, name, "a topic in “House”", "group", both, topic_id)
            for topic_id, name in TOPICS.items()
        ),
        ChatView(strangers_chat, "Mallory’s phone", "a stranger", "stranger", (stranger,)),
        ChatView(friends_chat, "Ben’s phone", "a friend, not paired yet", "guest", (friend,)),
    ]


def _chat_key(chat_id: int, topic_id: int) -> int | str:
    return f"{chat_id}/{topic_id}" if topic_id else chat_id


def _topic_id(message: Json) -> int:
    return int(message.get("message_thread_id", 0))


def message_json(message: Json) -> Json:
    """Return a message as users see it: with the links that Telegram finds in its text."""
    for text, entities in (("text", "entities"), ("caption", "caption_entities")):
        if text in message:
            return {**message, entities: add_links(message[text], message.get(entities, []))}
    return message
