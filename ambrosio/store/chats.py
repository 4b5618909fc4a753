"""What each chat or topic is set to, its latest turn, and who was sent what from it."""

from dataclasses import asdict, dataclass
from typing import Literal

from ..core.messages import Chat
from .database import Database

ProviderLine = Literal["always", "auto", "never"]


@dataclass(frozen=True, slots=True)
class ChatState:
    """What a chat or topic is set to, and the latest turn of its conversation.

    `local_only` and `rich` are None where the settings decide. With `voice`, a voice note is also
    answered with one.
    """

    latest_turn_id: int | None = None
    vv: bool = False
    model: str = ""
    local_only: bool | None = None
    provider_line: ProviderLine = "auto"
    rich: bool | None = None
    voice: bool = False


@dataclass(frozen=True, slots=True)
class ProviderVisits:
    """How often a provider was sent something from a chat, and when last (seconds)."""

    provider: str
    requests: int
    last_at: float


class Chats:
    """The settings of chats, and the providers that have seen them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, chat: Chat) -> ChatState:
        """Return what a chat is set to."""
        rows = self._database.read(
            "SELECT * FROM chats WHERE chat_id = ? AND topic_id = ?",
            *self._database.current_key(chat),
        )
        if not rows:
            return ChatState()
        row = rows[0]
        return ChatState(
            latest_turn_id=row["latest_turn_id"],
            vv=bool(row["vv"]),
            model=row["model"],
            local_only=None if row["local_only"] is None else bool(row["local_only"]),
            provider_line=row["provider_line"],
            rich=None if row["rich"] is None else bool(row["rich"]),
            voice=bool(row["voice"]),
        )

    def set_state(self, chat: Chat, state: ChatState) -> None:
        """Change what a chat is set to."""
        fields = asdict(state)
        names, marks = ", ".join(fields), ", ".join("?" * len(fields))
        with self._database.transaction() as db:
            db.execute(
                f"INSERT OR REPLACE INTO chats (chat_id, topic_id, {names})"  # noqa: S608  our own column names
                f" VALUES (?, ?, {marks})",
                (*self._database.current_key(chat), *fields.values()),
            )

    def continue_from(self, chat: Chat, turn_id: int | None) -> None:
        """Let a chat's conversation go on from a turn; None starts a new one."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE chats SET latest_turn_id = ? WHERE chat_id = ? AND topic_id = ?",
                (turn_id, *self._database.current_key(chat)),
            )

    def record_request(self, chat: Chat, provider: str) -> None:
        """Note, before it happens, that a provider is sent something from this chat."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO requests VALUES (?, ?, ?, 1, ?)"
                " ON CONFLICT DO UPDATE SET count = count + 1, last_at = excluded.last_at",
                (*self._database.current_key(chat), provider, self._database.now()),
            )

    def visits(self, chat: Chat) -> list[ProviderVisits]:
        """List the providers that were sent something from this chat, the latest first."""
        rows = self._database.read(
            "SELECT provider, count, last_at FROM requests"
            " WHERE chat_id = ? AND topic_id = ? ORDER BY last_at DESC",
            *self._database.current_key(chat),
        )
        return [ProviderVisits(row["provider"], row["count"], row["last_at"]) for row in rows]
