"""What commands and buttons are given, and what they give back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..assistant.answers import Assistant
from ..assistant.images import Order, Studio
from ..assistant.progress import Progress
from ..config.settings import Stream
from ..core.messages import Button, File, Outgoing, Place, Turn
from ..providers.openai_compatible import OpenAIProvider
from ..store import Store
from .pairing import Pairing


@dataclass(frozen=True, slots=True)
class Looks:
    """How answers look in a chat that has chosen nothing else."""

    stream: Stream = "draft"
    rich: bool = False
    reasoning: bool = False


@dataclass(slots=True)
class Desk:
    """What commands work with."""

    store: Store
    assistant: Assistant
    studio: Studio
    providers: Mapping[str, OpenAIProvider]
    owners: Callable[[], frozenset[int]]
    now: Callable[[], float]
    looks: Looks = Looks()
    folder: Path = Path()
    username: str = ""
    started_at: float = 0.0
    polled_at: float | None = None
    strangers: int = 0
    running: dict[Place, Progress] = field(default_factory=dict)
    pairings: list[Pairing] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Call:
    """A command or a button, and who gave it where; `message` is the one it stands in or under.

    `replied_to` is the message that a command replies to, `quote` what is said there.
    """

    place: Place
    person: int
    message: int
    args: str = ""
    replied_to: int | None = None
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What comes of it: Markdown to say (or to put in place of `edits`), or a turn to be answered.

    Everybody who may answers the turn if it `compares`; else its answer takes the place of the
    messages that are `shown`. An `order` is a turn that pictures answer,
    `files` follow the words, and `sends` goes out as it is. `toast` is the short word that Telegram
    shows for a moment over the chat after a button, and `leaves` a group that the bot is to go out
    of.
    """

    text: str = ""
    buttons: tuple[Button, ...] = ()
    edits: int | None = None
    turn: Turn | None = None
    shown: tuple[int, ...] = ()
    order: Order | None = None
    files: tuple[File, ...] = ()
    sends: tuple[Outgoing, ...] = ()
    compares: bool = False
    toast: str = ""
    leaves: int | None = None


Run = Callable[[Desk, Call], Awaitable[Reply]]
