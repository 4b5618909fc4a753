"""The values that packages pass to each other.

Frozen dataclasses without behaviour. They do not depend on Telegram's objects, a server's JSON or
the database's rows.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from .attachments import FilePlace
from .tools import TappedCall, ToolCall

# --- requests to a model, and its answer ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PicturePart:
    """A picture in a message, without its bytes, which are read where they are sent.

    `hash` is the SHA-256 of the bytes, in hex, by which they are kept; the sides are in pixels.
    """

    hash: str
    width: int
    height: int
    mime: str = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, with its role; its pictures stand before its text.

    An assistant's may have `calls` of tools; a tool's message answers the call with its `call_id`.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    pictures: tuple[PicturePart, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A provider and one of its models; written `together/openai/gpt-oss-120b`."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}" if self.model else self.provider


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts reported by a server; `prompt` includes `cached`."""

    prompt: int
    completion: int
    cached: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """Return the sum of two counts."""
        return Usage(
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.cached + other.cached,
        )


class FinishReason(StrEnum):
    """Why an answer ended; `LOOP` means that we stopped a model that repeated itself."""

    STOP = "stop"
    LENGTH = "length"
    LOOP = "loop"
    FILTER = "filter"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class RequestSent:
    """A request was sent to a provider; it may still fail."""

    ref: ModelRef


@dataclass(frozen=True, slots=True)
class AnswerStarted:
    """A provider sent its first token; discard what came from another provider before.

    `first_turn_id` is the oldest turn in the request, `dropped_turns` how many did not fit, and
    `skipped_providers` has a clause for each preferred provider on why it did not answer.
    """

    ref: ModelRef
    first_turn_id: int | None = None
    dropped_turns: int = 0
    skipped_providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer: text, or reasoning, which is not part of the answer."""

    text: str = ""
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class StatusNote:
    """Why there is no text yet, to show while the user waits; not part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerFinished:
    """The answer is complete; `usage` is None if the server did not report it.

    `repeated_tail_chars` characters at its end are repetition and should be cut. With `calls` it is
    no answer yet: the model waits for the results of the tools.
    """

    ref: ModelRef
    finish_reason: FinishReason
    usage: Usage | None = None
    repeated_tail_chars: int = 0
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class EmptyAnswer:
    """An answer ended without text, but may still cost money; `usage` as in `AnswerFinished`."""

    usage: Usage | None


StreamEvent = RequestSent | AnswerStarted | Delta | StatusNote | EmptyAnswer | AnswerFinished


# --- chats and turns ------------------------------------------------------------------------------

# Ids of supergroups are at or below it, those of groups above.
SUPERGROUPS_FROM = -1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Chat:
    """A Telegram chat, or one topic of it; `topic_id` is 0 if the chat has no topics."""

    chat_id: int
    topic_id: int = 0

    @property
    def is_private(self) -> bool:
        """Whether it is a one-to-one chat: its id is the user's id; groups have negative ids."""
        return self.chat_id > 0

    @property
    def is_supergroup(self) -> bool:
        """Whether it is a supergroup, which numbers its messages by itself."""
        return self.chat_id <= SUPERGROUPS_FROM


# The terminal on this machine; no Telegram chat or user has the id 0.
TERMINAL = Chat(0)


@dataclass(frozen=True, slots=True)
class Turn:
    """One request and the chat its answer goes to, from Telegram or the terminal.

    `parent_id` is the turn it continues (None: a new conversation), `replaces_id` the turn whose
    answer it replaces after an edit or a retry. A `local_only` turn may only be answered by local
    providers; a `detached` one is not continued by the next message of the chat. `note` is what is
    sent before the question, `pictures` are shown with it, `fact_ids` are the facts that stand
    behind the system prompt, and `tool_names` the tools that its prompt names. `preface` is sent
    before both: the text of a file, of which `file` says how much that was. It is
    `from_outside` if it holds what neither the person nor the bot wrote. With a `tapped` call it
    begins by making that.
    """

    chat: Chat
    message_id: int
    user_id: int
    question: str
    concise: bool = False
    parent_id: int | None = None
    replaces_id: int | None = None
    model: str = ""
    local_only: bool = False
    detached: bool = False
    follows_silence: bool = False
    note: str = ""
    fact_ids: tuple[int, ...] = ()
    tool_names: tuple[str, ...] = ()
    pictures: tuple[PicturePart, ...] = ()
    preface: str = ""
    file: FilePlace | None = None
    from_outside: bool = False
    tapped: TappedCall | None = None


# --- messages to Telegram -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entity:
    """A Bot API `MessageEntity`: `offset` and `length` count UTF-16 code units.

    A `date_time` has a `unix_time`, which Telegram shows in the reader's own zone.
    """

    type: str
    offset: int
    length: int
    url: str = ""
    language: str = ""
    unix_time: int = 0
    date_time_format: str = ""


@dataclass(frozen=True, slots=True)
class FormattedText:
    """Rendered text that fits one Telegram message."""

    text: str
    entities: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message: `action` names what it does, `arg` to what.

    A button `with_turn` acts on the turn of its message, whose id takes the place of `arg`. Buttons
    that share a `row` stand beside each other; 0 leaves the layout to their length.
    """

    text: str
    action: str
    arg: str = ""
    with_turn: bool = False
    row: int = 0


@dataclass(frozen=True, slots=True)
class File:
    """A file to send, as a document, a photo or a voice note.

    For an image that the store keeps, `image_number` is its number in the set, and the bytes are
    read when it is sent; `file_id` is Telegram's, if it was sent before.
    """

    name: str
    content: bytes = field(default=b"", repr=False)
    is_photo: bool = False
    is_voice: bool = False
    image_number: int | None = None
    file_id: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to be sent: a new one, or an edit of `edit_message_id`.

    One with a `recording_message_id` shows what was heard in that message or, if it
    `asks_for_reply`, asks for the right text. A reply to one that `searches_file` is looked for in
    the file of its turn. Two or more `files` are an album, with the text under the first; an album
    takes no buttons.
    `turn_id` ties the message to the turn it answers, so that a reply to it continues from there. A
    `local_only` message stays so when a user replies to it. `rich_markdown` is Markdown for
    Telegram itself to format.
    """

    chat: Chat
    content: FormattedText = FormattedText("")
    buttons: tuple[Button, ...] = ()
    reply_to_id: int | None = None
    edit_message_id: int | None = None
    silent: bool = False
    local_only: bool = False
    rich_markdown: str = ""
    turn_id: int | None = None
    files: tuple[File, ...] = ()
    searches_file: bool = False
    recording_message_id: int | None = None
    asks_for_reply: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """One of the bot's messages that is to be deleted from a chat."""

    chat: Chat
    message_id: int


Outgoing = OutgoingMessage | Delete
