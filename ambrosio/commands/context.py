"""What commands and buttons are given, and what they return."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..assistant.answers import Assistant
from ..assistant.images import ImageAssistant
from ..assistant.progress import Progress
from ..config.setting_types import StreamMode
from ..core.images import ImageOrder
from ..core.messages import Button, Chat, File, Outgoing, OutgoingMessage, Turn
from ..media.client import MediaClient
from ..providers.openai_compatible import OpenAIProvider
from ..router import SpeechRouter, TranscriptRouter
from ..store import ImageSet, Store, StoredImage, StoredTurn
from ..tools.mcp.servers import McpServers
from .pairing import Pairings


@dataclass(frozen=True, slots=True)
class DisplayDefaults:
    """How answers look in a chat that has chosen nothing else."""

    stream: StreamMode = "draft"
    rich: bool = False
    reasoning: bool = False


class RunningAnswers:
    """The answer that is being written in each chat, so that it can be stopped."""

    def __init__(self) -> None:
        self._by_chat: dict[Chat, Progress] = {}
        # Questions that were edited and then stopped before the new answer had begun.
        self._stop_next: dict[Chat, int] = {}

    def __len__(self) -> int:
        return len(self._by_chat)

    def chats(self) -> list[Chat]:
        """List the chats in which an answer is being written."""
        return [*self._by_chat]

    def get(self, chat: Chat) -> Progress | None:
        """Return the progress of the answer that is being written in a chat."""
        return self._by_chat.get(chat)

    def stop(self, chat: Chat) -> bool:
        """Stop the answer in a chat, and the one to an edit that waits behind it; say if any."""
        progress = self._by_chat.get(chat)
        if progress is None:
            return False
        progress.stop()
        if progress.superseded:
            self._stop_next[chat] = progress.message_id
        return True

    def move(self, old_chat_id: int, new_chat_id: int) -> None:
        """Let the answers of a group be stopped in the supergroup that it has become."""
        for chat in [chat for chat in self._by_chat if chat.chat_id == old_chat_id]:
            self._by_chat[Chat(new_chat_id, chat.topic_id)] = self._by_chat.pop(chat)

    @contextmanager
    def track(self, chat: Chat, progress: Progress) -> Iterator[None]:
        """Register an answer until the block ends."""
        self._by_chat[chat] = progress
        if self._stop_next.pop(chat, None) == progress.message_id:
            progress.stop()
        try:
            yield
        finally:
            for place in [at for at, running in self._by_chat.items() if running is progress]:
                del self._by_chat[place]


@dataclass(slots=True)
class BotStatus:
    """What is known of the process: moments in seconds; counts of strangers and of updates."""

    started_at: float = 0.0
    polled_at: float | None = None
    strangers: int = 0
    updates: int = 0


@dataclass(frozen=True, slots=True)
class BotContext:
    """What every command may use; what changes is in `running`, `pairings` and `status`."""

    store: Store
    assistant: Assistant
    image_assistant: ImageAssistant
    providers: Mapping[str, OpenAIProvider]
    transcripts: TranscriptRouter
    speech: SpeechRouter
    media: MediaClient
    owners: Callable[[], frozenset[int]]
    now: Callable[[], float]
    username: str = ""
    data_dir: Path = Path()
    display: DisplayDefaults = DisplayDefaults()
    running: RunningAnswers = field(default_factory=RunningAnswers)
    pairings: Pairings = field(default_factory=Pairings)
    status: BotStatus = field(default_factory=BotStatus)
    default_zone: str = "UTC"
    mcp: McpServers | None = None
    reminders_changed: asyncio.Event = field(default_factory=asyncio.Event)
    erasures_changed: asyncio.Event = field(default_factory=asyncio.Event)

    def zone(self, user_id: int) -> str:
        """Return a person's time zone: their own choice, else that of the settings."""
        return self.store.facts.zone(user_id) or self.default_zone

    def pressed_turn(self, call: "CommandCall") -> StoredTurn | None:
        """Return the turn that a button acts on; None if it was deleted, or is of another chat.

        Any user can send any data, so this is the only way from a button to a turn. Raises
        `UnreadableButton`.
        """
        stored = self.store.conversations.turn(call.number)
        return stored if stored and stored.turn.chat == call.chat else None

    def pressed_images(
        self, call: "CommandCall"
    ) -> tuple[ImageSet, tuple[StoredImage, ...]] | None:
        """Return the images that a button acts on, as `pressed_turn` does."""
        stored = self.pressed_turn(call)
        return self.store.images.image_set(stored.turn_id) if stored else None

    def may_receive(self, chat: Chat, user_id: int) -> bool:
        """Say whether a person may still use the bot in a chat, for what is sent unasked."""
        people = self.store.people
        known = user_id in self.owners() or any(
            person.user_id == user_id for person in people.all()
        )
        return known and (chat.is_private or chat.chat_id in people.groups())


class UnreadableButton(Exception):
    """The data of a button is none that was ever written: only a modified client sends such."""


def read_number(text: str) -> int:
    """Read an id in the data of a button, or raise `UnreadableButton`."""
    # More digits than any id has do not fit into the database.
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise UnreadableButton
    return int(text)


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command or a pressed button: who gave it, where, and in or under which message.

    `reply_to_id` is the message that a command replies to, `quote` the text of that message.
    """

    chat: Chat
    user_id: int
    message_id: int
    args: str = ""
    reply_to_id: int | None = None
    quote: str = ""

    @property
    def number(self) -> int:
        """The id in the data of a button; raises `UnreadableButton`."""
        return read_number(self.args)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command: a text to send, a turn to answer, or images to generate.

    Attributes:
        text: Markdown; a new message, or an edit of `edit_message_id`.
        turn: is answered by a model, or by all of them to `compare`; the answer replaces
            `replaces_messages`.
        reads_file: the turn is first shown the next part of its `file`.
        reads_message: the message of the turn is read again, since its files were not.
        image_order: is answered with images.
        files: are sent behind the text.
        messages: are sent as they are, last.
        toast: the short text that Telegram shows for a moment after a button is pressed.
        leave_chat_id: a group that the bot leaves.
        reads_turn_id: a turn whose answer is read aloud.
        confirm: changes what must change together with the end of the update, and returns more
            messages.
    """

    text: str = ""
    buttons: tuple[Button, ...] = ()
    edit_message_id: int | None = None
    turn: Turn | None = None
    replaces_messages: tuple[int, ...] = ()
    image_order: ImageOrder | None = None
    files: tuple[File, ...] = ()
    messages: tuple[Outgoing, ...] = ()
    compare: bool = False
    reads_file: bool = False
    reads_message: bool = False
    toast: str = ""
    leave_chat_id: int | None = None
    reads_turn_id: int | None = None
    confirm: Callable[[], Iterable[OutgoingMessage]] = tuple


def is_local_only(context: BotContext, call: CommandCall) -> bool:
    """Say whether the chat, the command or the message that it replies to is local only."""
    messages = [call.message_id] + ([] if call.reply_to_id is None else [call.reply_to_id])
    return context.assistant.is_local_only(call.chat) or any(
        context.store.conversations.is_local_only(call.chat, message_id) for message_id in messages
    )


CommandFunc = Callable[[BotContext, CommandCall], Awaitable[CommandResult]]
