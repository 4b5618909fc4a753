"""The values that cross the borders between modules.

Frozen, without identity and without behaviour beyond what a value can say of itself. Nothing here
knows Telegram's objects, a server's JSON or the database's rows.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

# --- what a model is asked and says ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """One line of a conversation, with the role of whoever says it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Who serves, and what is served; written `together/openai/gpt-oss-120b`."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}" if self.model else self.provider


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens that a server says it has counted; `prompt` includes `cached`."""

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """Add up what two calls have used."""
        return Usage(
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.cached + other.cached,
            self.reasoning + other.reasoning,
        )


class FinishReason(StrEnum):
    """Why a model ended its answer."""

    STOP = "stop"
    LENGTH = "length"
    LOOP = "loop"
    FILTER = "filter"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class RequestSent:
    """A question goes out to a provider, whatever comes of it."""

    ref: ModelRef


@dataclass(frozen=True, slots=True)
class AnswerStarted:
    """A provider has spoken its first word; whatever came from another before it is void.

    `start` is the first turn of the past that it was shown, `dropped` how many it was not, and
    `passed` says of each provider that should have come before it why it did not answer.
    """

    ref: ModelRef
    first_turn_id: int | None = None
    dropped_turns: int = 0
    skipped_providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer: words to show, or thoughts, which are never the answer."""

    text: str = ""
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class StatusNote:
    """Why there are no words yet, for whoever waits; nothing of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerFinished:
    """The model is done; `usage` is None when the server did not count.

    `surplus` is how many characters at the end of what was said are not worth keeping.
    """

    ref: ModelRef
    finish_reason: FinishReason
    usage: Usage | None = None
    repeated_tail_chars: int = 0


@dataclass(frozen=True, slots=True)
class EmptyAnswer:
    """An answer has ended without a word, and is paid all the same; `usage` as in `AnswerFinished`."""

    usage: Usage | None


StreamEvent = RequestSent | AnswerStarted | Delta | StatusNote | EmptyAnswer | AnswerFinished


# --- where something is said, and by whom ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chat:
    """A Telegram chat, or one topic of it; `topic` is 0 where there are none."""

    chat_id: int
    topic_id: int = 0

    @property
    def is_private(self) -> bool:
        """Say whether one person sits there: Telegram gives such a chat the person's own id."""
        return self.chat_id > 0


# What is said on the machine itself; no chat and no person at Telegram has the number 0.
TERMINAL = Chat(0)


@dataclass(frozen=True, slots=True)
class Turn:
    """One request and where its answer belongs, whatever the channel it came by.

    `parent` is the turn that this one continues (None: a fresh conversation) and `replaces` the
    turn whose answer it stands in for, after an edit or a retry. A `private` one may only be
    answered at home, and the chat's conversation does not go on behind one that stands `beside` it.
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


# --- what is shown --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entity:
    """Formatting of a stretch of text, as in the Bot API: offsets count UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class FormattedText:
    """Rendered text that fits one Telegram message."""

    text: str
    entities: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message: `data` comes back when it is pressed (at most 64 bytes)."""

    text: str
    data: str


@dataclass(frozen=True, slots=True)
class File:
    """Bytes that travel as a document or as a photo.

    Of a picture that the store keeps, `picture` is its number in the painting and the bytes are put
    in when it goes out; `id` is what Telegram calls it, if it has it already.
    """

    name: str
    content: bytes = field(default=b"", repr=False)
    is_photo: bool = False
    image_number: int | None = None
    file_id: str = ""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message on its way to a place: new, or in the place of `edits`.

    `delete` takes the message `edits` away. Two or more `files` are an album, with the words under
    the first; an album takes no buttons. `turn` ties the message to the turn it answers, so that
    a reply to it continues from there. What is `private` stays so when it is replied to. `rich` is
    Markdown that Telegram shall set by itself.
    """

    chat: Chat
    content: FormattedText = FormattedText("")
    buttons: tuple[Button, ...] = ()
    reply_to_id: int | None = None
    edit_message_id: int | None = None
    delete: bool = False
    silent: bool = False
    local_only: bool = False
    rich_markdown: str = ""
    turn_id: int | None = None
    files: tuple[File, ...] = ()
