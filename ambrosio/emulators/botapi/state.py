"""All that the server knows, and the few steps that several methods share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .chats import Draft, FakeChat
from .entities import KNOWN, MAX_ENTITIES, cap_entities, tidy, utf16_len
from .errors import bad
from .events import EventBus, Json
from .files import Files, Upload
from .flood_limits import FloodLimits
from .update_queue import UpdateQueue


@dataclass(frozen=True, slots=True)
class MethodCall:
    """What a method is called with."""

    params: Json
    files: Mapping[str, Upload]


@dataclass
class CallbackQuery:
    """A pressed button that waits for an answer."""

    chat: int
    at: float
    answer: Json | None = None


@dataclass
class ServerState:
    """The server's memory."""

    me: Json
    now: Callable[[], float]
    signal: EventBus
    updates: UpdateQueue
    flood: FloodLimits
    files: Files = field(default_factory=Files)
    chats: dict[int, FakeChat] = field(default_factory=dict)
    people: dict[int, Json] = field(default_factory=dict)
    queries: dict[str, CallbackQuery] = field(default_factory=dict)
    commands: dict[str, list[Json]] = field(default_factory=dict)
    profile: Json = field(default_factory=dict)
    albums: int = 0
    dropped_entities: int = 0

    def reach(self, request: MethodCall) -> FakeChat:
        """Give the chat that the call is about, or refuse."""
        chat_id = request.params.get("chat_id")
        chat = self.chats.get(chat_id) if isinstance(chat_id, int) else None
        if chat is None:
            raise bad("chat not found")
        if chat.closed is not None:
            raise type(chat.closed)(chat.closed.code, chat.closed.description)
        return chat

    def words(
        self, text: str, entities: list[Json] | None, *, most: int, too_long: str
    ) -> tuple[str, list[Json]]:
        """Tidy a text as Telegram does, or refuse it."""
        sound = [entity for entity in entities or [] if entity["type"] in KNOWN]
        text, placed = tidy(text, sound, self.people)
        if utf16_len(text) > most:
            raise bad(too_long)
        kept = cap_entities(placed)
        self.dropped_entities += len(entities or []) - len(sound)
        self.dropped_entities += max(0, len(placed) - MAX_ENTITIES)
        return text, kept

    def post(self, chat: FakeChat, request: MethodCall, content: Json) -> Json:
        """Put a message of the bot into the chat: it wipes the draft, and rings unless silent."""
        placed = placement(chat, request.params)
        message = {
            "message_id": chat.new_id(),
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
            chat.rings.append(chat.line(message).text)
        self.signal.fire("message", chat=chat.id, message=message)
        return message

    def preview(self, chat: FakeChat, draft: Draft) -> bool:
        """Show a draft."""
        chat.drafts[draft.topic] = draft
        chat.draft_log.append(draft)
        self.signal.fire("draft", chat=chat.id, **draft.shown())
        return True


def placement(chat: FakeChat, params: Json) -> Json:
    """Say where in the chat a message goes: its topic and what it replies to; or refuse."""
    placed: Json = {}
    if topic := thread(chat, params):
        placed |= {"message_thread_id": topic, "is_topic_message": True}
    reply = params.get("reply_parameters") or {}
    wanted = reply.get("message_id", params.get("reply_to_message_id"))
    if wanted is None:
        return placed
    lenient = reply.get("allow_sending_without_reply", params.get("allow_sending_without_reply"))
    if wanted not in chat.messages and not lenient:
        raise bad("message to be replied not found")
    if wanted in chat.messages:
        placed["reply_to_message"] = quoted(chat.messages[wanted])
    return placed


def quoted(message: Json) -> Json:
    """Copy a message as it stands in a reply to it, without what it replies to itself."""
    return {key: value for key, value in message.items() if key != "reply_to_message"}


def thread(chat: FakeChat, params: Json) -> int:
    """Give the topic that the call is for, 0 for none; or refuse an unknown one."""
    topic = int(params.get("message_thread_id") or 0)
    if topic and topic not in chat.topics:
        raise bad("message thread not found")
    return topic
