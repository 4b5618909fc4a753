"""A chat as the server stores it, and as a user sees it on the screen."""

import re
from dataclasses import asdict, dataclass, field

from ...core.messages import Entity
from .. import Json
from .errors import BotApiError, bad

DRAFT_SECONDS = 30.0
THINKING = "Thinking…"


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """One message on the screen."""

    message_id: int
    who: str
    text: str
    entities: tuple[Entity, ...] = ()
    buttons: tuple[str, ...] = ()
    reply_to: int | None = None
    topic: int = 0
    edited: bool = False
    silent: bool = False
    from_bot: bool = False
    photo: tuple[int, int] | None = None
    document: str | None = None
    voice: bool = False
    rich: bool = False
    album: str | None = None
    previews: bool = False
    reaction: str = ""

    def __str__(self) -> str:
        marks = [f"[{label}]" for label in self.buttons]
        if self.photo:
            marks.append("(photo {}×{})".format(*self.photo))
        if self.document:
            marks.append(f"(document {self.document})")
        if self.edited:
            marks.append("(edited)")
        if self.reaction:
            marks.append(self.reaction)
        return " ".join([f"#{self.message_id} {self.who}: {self.text}", *marks])


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft: the partial text of an answer in progress."""

    draft_id: int
    text: str
    entities: tuple[Entity, ...]
    topic: int
    at: float
    can_stop: bool = False
    keep_on_stop: bool = False
    rich: bool = False

    def to_json(self) -> Json:
        """Return the draft as JSON for subscribers."""
        return {
            "draft_id": self.draft_id,
            "topic": self.topic,
            "text": self.text,
            "entities": [asdict(entity) for entity in self.entities],
            "can_stop": self.can_stop,
            "rich": self.rich,
            "at": self.at,
        }


@dataclass(frozen=True, slots=True)
class ShownAction:
    """A chat action such as `typing`."""

    name: str
    topic: int
    at: float


@dataclass
class FakeChat:
    """A chat and its contents; `messages` are stored as the Bot API sends them."""

    description: Json
    topics: dict[int, str] = field(default_factory=dict)
    closed_topics: set[int] = field(default_factory=set)
    privacy: bool = True
    closed: BotApiError | None = None
    refuses_voice: bool = False
    messages: dict[int, Json] = field(default_factory=dict)
    drafts: dict[int, Draft] = field(default_factory=dict)
    draft_log: list[Draft] = field(default_factory=list)
    actions: list[ShownAction] = field(default_factory=list)
    rings: list[str] = field(default_factory=list)
    silent: set[int] = field(default_factory=set)
    reactions: dict[int, str] = field(default_factory=dict)
    # Messages of the bot that it cannot edit.
    fixed: set[int] = field(default_factory=set)
    last_id: int = 0

    @property
    def id(self) -> int:
        """The chat id: negative for a group."""
        return int(self.description["id"])

    @property
    def is_private(self) -> bool:
        """Whether it is a one-to-one chat."""
        return bool(self.description["type"] == "private")

    def message(self, message_id: object, purpose: str) -> Json:
        """Return a message, or raise `BotApiError`: `message to … not found`."""
        message = self.messages.get(message_id) if isinstance(message_id, int) else None
        if message is None:
            raise bad(f"message {purpose} not found")
        return message

    def draft(self, topic: int, now: float) -> Draft | None:
        """Return the visible draft, if any."""
        draft = self.drafts.get(topic)
        return draft if draft and now - draft.at < DRAFT_SECONDS else None

    def screen(self, topic: int | None = None) -> list[ShownMessage]:
        """Return all messages in order, or those of one topic."""
        messages = [self.show_message(message) for _, message in sorted(self.messages.items())]
        return [message for message in messages if topic is None or message.topic == topic]

    def show_message(self, message: Json) -> ShownMessage:
        """Return a message as it is shown."""
        message_id, sender, (text, entities) = (
            message["message_id"],
            message["from"],
            _text_and_entities(message),
        )
        photo = message.get("photo")
        return ShownMessage(
            message_id=message_id,
            who="bot" if sender["is_bot"] else sender["first_name"],
            text=text,
            entities=to_entities(entities),
            buttons=tuple(button["text"] for button in buttons(message)),
            reply_to=message.get("reply_to_message", {}).get("message_id"),
            topic=message.get("message_thread_id", 0),
            edited="edit_date" in message,
            silent=message_id in self.silent,
            from_bot=sender["is_bot"],
            photo=(photo[-1]["width"], photo[-1]["height"]) if photo else None,
            document=message.get("document", {}).get("file_name"),
            voice="voice" in message,
            rich="rich_message" in message,
            album=message.get("media_group_id"),
            previews=_has_link_preview(message, text, entities),
            reaction=self.reactions.get(message_id, ""),
        )


def buttons(message: Json) -> list[Json]:
    """List the buttons under a message."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button for row in rows for button in row]


def to_entities(entities: list[Json]) -> tuple[Entity, ...]:
    """Convert JSON entities to values that can be compared."""
    return tuple(
        Entity(
            entity["type"],
            entity["offset"],
            entity["length"],
            entity.get("url", ""),
            entity.get("language", ""),
        )
        for entity in entities
    )


def _text_and_entities(message: Json) -> tuple[str, list[Json]]:
    if rich := message.get("rich_message"):
        return "\n\n".join(str(block.get("text", "")) for block in rich["blocks"]), []
    if "text" in message:
        return message["text"], message.get("entities", [])
    return message.get("caption", ""), message.get("caption_entities", [])


def _has_link_preview(message: Json, text: str, entities: list[Json]) -> bool:
    """Return whether Telegram's servers fetch a page that the message links to."""
    links = any(entity["type"] in {"text_link", "url"} for entity in entities)
    if "text" not in message or not (links or re.search(r"https?://\S|\bwww\.\S", text)):
        return False
    return not message.get("link_preview_options", {}).get("is_disabled", False)
