"""What commands and buttons are given, and what they give back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..assistant.answers import Assistant
from ..assistant.images import ImageAssistant
from ..assistant.progress import Progress
from ..config.settings import StreamMode
from ..core.images import ImageOrder
from ..core.messages import Button, Chat, File, OutgoingMessage, Turn
from ..providers.openai_compatible import OpenAIProvider
from ..store import Store
from .pairing import Pairing


@dataclass(frozen=True, slots=True)
class DisplayDefaults:
    """How answers look in a chat that has chosen nothing else."""

    stream: StreamMode = "draft"
    rich: bool = False
    reasoning: bool = False


@dataclass(slots=True)
class BotContext:
    """What commands work with."""

    store: Store
    assistant: Assistant
    image_assistant: ImageAssistant
    providers: Mapping[str, OpenAIProvider]
    owners: Callable[[], frozenset[int]]
    now: Callable[[], float]
    display: DisplayDefaults = DisplayDefaults()
    folder: Path = Path()
    username: str = ""
    started_at: float = 0.0
    polled_at: float | None = None
    strangers: int = 0
    running: dict[Chat, Progress] = field(default_factory=dict)
    pairings: list[Pairing] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command or a button, and who gave it where; `message` is the one it stands in or under.

    `replied_to` is the message that a command replies to, `quote` what is said there.
    """

    chat: Chat
    user_id: int
    message_id: int
    args: str = ""
    reply_to_id: int | None = None
    quote: str = ""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What comes of it: Markdown to say (or to put in place of `edits`), or a turn to be answered.

    Everybody who may answers the turn if it `compares`; else its answer takes the place of the
    messages that are `shown`. An `order` is a turn that pictures answer,
    `files` follow the words, and `sends` goes out as it is. `toast` is the short word that Telegram
    shows for a moment over the chat after a button, and `leaves` a group that the bot is to go out
    of.
    """

    text: str = ""
    buttons: tuple[Button, ...] = ()
    edit_message_id: int | None = None
    turn: Turn | None = None
    replaces_messages: tuple[int, ...] = ()
    image_order: ImageOrder | None = None
    files: tuple[File, ...] = ()
    messages: tuple[OutgoingMessage, ...] = ()
    compare: bool = False
    toast: str = ""
    leave_chat_id: int | None = None


CommandFunc = Callable[[BotContext, CommandCall], Awaitable[CommandResult]]
