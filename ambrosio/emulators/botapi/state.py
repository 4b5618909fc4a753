"""The server's state, and the steps that several methods share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .. import Json
from .chats import Draft, FakeChat
from .entities import ENTITY_TYPES, MAX_ENTITIES, cap_entities, tidy, utf16_len
from .errors import bad
from .events import EventBus
from .files import Files, Upload
from .flood_limits import FloodLimits
from .update_queue import UpdateQueue


@dataclass(frozen=True, slots=True)
class MethodCall:
    """The parameters and files of a method call."""

    params: Json
    files: Mapping[str, Upload]


@dataclass
class CallbackQuery:
    """A pressed button that waits for its answer."""

    chat: int
    at: float
    answer: Json | None = None


@dataclass
class ServerState:
    """Everything the server keeps, in memory."""

    me: Json
    now: Callable[[], float]
    events: EventBus
    updates: UpdateQueue
    flood: FloodLimits
    files: Files = field(default_factory=Files)
    chats: dict[int, FakeChat] = field(default_factory=dict)
    users: dict[int, Json] = field(default_factory=dict)
    queries: dict[str, CallbackQuery] = field(default_factory=dict)
    commands: dict[str, list[Json]] = field(default_factory=dict)
    profile: Json = field(default_factory=dict)
    albums: int = 0
    last_message_id: int = 0
    dropped_entities: int = 0

    def find_chat(self, request: MethodCall) -> FakeChat:
        """Give the chat that the call is about, or refuse."""
        chat_id = request.params.get("chat_id")
        chat = self.chats.get(chat_id) if isinstance(chat_id, int) else None
        if chat is None:
            raise bad("chat not found")
        if chat.closed is not None:
            raise chat.closed.copy()
        return chat

    def new_message_id(self, chat: FakeChat) -> int:
        """Number a message: a supergroup has numbers of its own, all other chats share theirs."""
        if chat.description["type"] == "supergroup":
            chat.last_id += 1
        else:
            self.last_message_id += 1
            chat.last_id = self.last_message_id
        return chat.last_id

    def clean_text(
        self, text: str, entities: list[Json] | None, *, max_length: int, too_long: str
    ) -> tuple[str, list[Json]]:
        """Clean a text as Telegram does, or raise `BotApiError`."""
        known = [entity for entity in entities or [] if entity["type"] in ENTITY_TYPES]
        text, placed = tidy(text, known, self.users)
        if utf16_len(text) > max_length:
            raise bad(too_long)
        kept = cap_entities(placed)
        self.dropped_entities += len(entities or []) - len(known)
        self.dropped_entities += max(0, len(placed) - MAX_ENTITIES)
        return text, kept

    def post(self, chat: FakeChat, request: MethodCall, content: Json) -> Json:
        """Add a message of the bot to the chat: removes the draft, and rings unless silent."""
        placed = placement(chat, request.params)
        message = {
            "message_id": self.new_message_id(chat),
            "from": self.me,
            "chat": chat.description,
            "date": int(self.now()),
            **placed,
            **content,
        }
        chat.messages[message["message_id"]] = message
        chat.drafts.pop(placed.get("message_thread_id", 0), None)
        if request.params.get("disable_notification"):
            chat.silent.add(message["message_id"])
        else:
            chat.rings.append(chat.show_message(message).text)
        # What apps are told besides; the message itself does not say it.
        markup = request.params.get("reply_markup") or {}
        forces_reply = bool(markup.get("force_reply"))
        if markup and "inline_keyboard" not in markup:
            chat.fixed.add(message["message_id"])
        self.events.publish("message", chat=chat.id, message=message, forces_reply=forces_reply)
        return message

    def show_draft(self, chat: FakeChat, draft: Draft) -> bool:
        """Show a draft in the chat."""
        chat.drafts[draft.topic] = draft
        chat.draft_log.append(draft)
        self.events.publish("draft", chat=chat.id, **draft.to_json())
        return True


def placement(chat: FakeChat, params: Json) -> Json:
    """Return a message's topic and the message it replies to, or raise `BotApiError`."""
    placed: Json = {}
    if topic := find_topic_id(chat, params):
        placed |= {"message_thread_id": topic, "is_topic_message": True}
    reply = params.get("reply_parameters") or {}
    reply_id = reply.get("message_id", params.get("reply_to_message_id"))
    if reply_id is None:
        return placed
    lenient = reply.get("allow_sending_without_reply", params.get("allow_sending_without_reply"))
    if reply_id not in chat.messages and not lenient:
        raise bad("message to be replied not found")
    if reply_id in chat.messages:
        placed["reply_to_message"] = quote(chat.messages[reply_id])
    return placed


def quote(message: Json) -> Json:
    """Copy a message for use in a reply to it, without the message it replies to itself."""
    return {key: value for key, value in message.items() if key != "reply_to_message"}


def find_topic_id(chat: FakeChat, params: Json) -> int:
    """Return the topic of a call, 0 for none, or refuse an unknown or closed one."""
    topic = int(params.get("message_thread_id") or 0)
    if topic and topic not in chat.topics:
        raise bad("message thread not found")
    if topic in chat.closed_topics:
        raise bad("TOPIC_CLOSED")
    return topic
