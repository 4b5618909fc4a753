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


class Finish(StrEnum):
    """Why a model ended its answer."""

    STOP = "stop"
    LENGTH = "length"
    LOOP = "loop"


@dataclass(frozen=True, slots=True)
class Sent:
    """A question goes out to a provider, whatever comes of it."""

    ref: ModelRef


@dataclass(frozen=True, slots=True)
class Begun:
    """A provider has spoken its first word; whatever came from another before it is void.

    `start` is the first turn of the past that it was shown, `dropped` how many it was not, and
    `passed` says of each provider that should have come before it why it did not answer.
    """

    ref: ModelRef
    start: int | None = None
    dropped: int = 0
    passed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer: words to show, or thoughts, which are never the answer."""

    text: str = ""
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Why there are no words yet, for whoever waits; nothing of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The model is done; `usage` is None when the server did not count.

    `surplus` is how many characters at the end of what was said are not worth keeping.
    """

    ref: ModelRef
    finish: Finish
    usage: Usage | None = None
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class Wasted:
    """An answer has ended without a word, and is paid all the same; `usage` as in `Ended`."""

    usage: Usage | None


Part = Sent | Begun | Delta | Note | Wasted | Ended


# --- where something is said, and by whom ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A Telegram chat, or one topic of it; `topic` is 0 where there are none."""

    chat: int
    topic: int = 0

    @property
    def private(self) -> bool:
        """Say whether one person sits there: Telegram gives such a chat the person's own id."""
        return self.chat > 0


# What is said on the machine itself; no chat and no person at Telegram has the number 0.
TERMINAL = Place(0)


@dataclass(frozen=True, slots=True)
class Turn:
    """One request and where its answer belongs, whatever the channel it came by.

    `parent` is the turn that this one continues (None: a fresh conversation) and `replaces` the
    turn whose answer it stands in for, after an edit or a retry. A `private` one may only be
    answered at home, and the chat's conversation does not go on behind one that stands `beside` it.
    """

    place: Place
    message: int
    person: int
    question: str
    concise: bool = False
    parent: int | None = None
    replaces: int | None = None
    model: str = ""
    private: bool = False
    beside: bool = False


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
class Chunk:
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
    photo: bool = False
    picture: int | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to a place: new, or in the place of `edits`.

    `delete` takes the message `edits` away. Two or more `files` are an album, with the words under
    the first; an album takes no buttons. `turn` ties the message to the turn it answers, so that
    a reply to it continues from there. What is `private` stays so when it is replied to. `rich` is
    Markdown that Telegram shall set by itself.
    """

    place: Place
    chunk: Chunk = Chunk("")
    buttons: tuple[Button, ...] = ()
    reply_to: int | None = None
    edits: int | None = None
    delete: bool = False
    silent: bool = False
    private: bool = False
    rich: str = ""
    turn: int | None = None
    files: tuple[File, ...] = ()
