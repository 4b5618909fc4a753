"""Who asked what, what was answered, and how one turn follows another."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..core.context_window import PastTurn
from ..core.messages import Chat, ModelRef, Turn
from .database import Database, chat_key

ProviderLine = Literal["always", "auto", "never"]


@dataclass(frozen=True, slots=True)
class ChatState:
    """What a chat or topic is set to, and the turn that its conversation has reached.

    None leaves it to the settings.
    """

    latest_turn_id: int | None = None
    vv: bool = False
    model: str = ""
    local_only: bool | None = None
    provider_line: ProviderLine = "auto"
    rich: bool | None = None


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A turn as it was asked; `answer` is None when it failed."""

    turn_id: int
    turn: Turn
    answer: str | None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What comes out of a turn, to be kept; `text` is None when it failed."""

    turn: Turn
    text: str | None
    first_turn_id: int | None = None
    ref: ModelRef | None = None


@dataclass(frozen=True, slots=True)
class ProviderVisits:
    """How often a provider was asked here, and when for the last time."""

    provider: str
    requests: int
    last_at: float


class Conversations(Database):
    """A tree of turns: each knows the one it continues."""

    def chat_state(self, chat: Chat) -> ChatState:
        """Look up what a place is set to."""
        found = self._read("SELECT * FROM places WHERE chat = ? AND topic = ?", *chat_key(chat))
        if not found:
            return ChatState()
        row = found[0]
        return ChatState(
            latest_turn_id=row["head"],
            vv=bool(row["vv"]),
            model=row["model"],
            local_only=None if row["private"] is None else bool(row["private"]),
            provider_line=row["via"],
            rich=None if row["rich"] is None else bool(row["rich"]),
        )

    def set_chat_state(self, chat: Chat, state: ChatState) -> None:
        """Change what a place is set to."""
        with self._writing() as db:
            self._set_chat_state(db, chat, state)

    def continue_from(self, chat: Chat, turn: int) -> None:
        """Let a place's conversation go on from a turn."""
        with self._writing() as db:
            db.execute(
                "UPDATE places SET head = ? WHERE chat = ? AND topic = ?", (turn, *chat_key(chat))
            )

    def history(self, parent: int | None) -> tuple[PastTurn, ...]:
        """Give the answered turns that lead to `parent`, itself included, oldest first."""
        found = self._read(
            "WITH RECURSIVE goal (id) AS (SELECT coalesce(start, id) FROM turns WHERE id = ?),"
            " chain AS ("
            "  SELECT turns.*, 0 AS depth FROM turns WHERE id = ?"
            "  UNION ALL SELECT turns.*, depth + 1 FROM turns JOIN chain ON turns.id = chain.parent"
            "  WHERE chain.id NOT IN goal)"
            " SELECT * FROM chain WHERE answer IS NOT NULL ORDER BY depth DESC",
            *(parent, parent),
        )
        return tuple(
            PastTurn(
                turn_id=row["id"],
                question=row["question"],
                answer=row["answer"],
                concise=bool(row["concise"]),
                local_only=bool(row["private"]),
            )
            for row in found
        )

    def turn(self, number: int) -> StoredTurn | None:
        """Look a turn up by its id."""
        found = self._read("SELECT * FROM turns WHERE id = ?", number)
        return _stored_turn(found[0]) if found else None

    def turn_of(self, chat: Chat, message: int) -> StoredTurn | None:
        """Find the turn of a message: the question itself, or one of the answer's messages."""
        found = self._read(
            "SELECT * FROM turns WHERE chat = ? AND message = ? UNION ALL"
            " SELECT turns.* FROM shown JOIN turns ON turns.id = shown.turn"
            " WHERE shown.chat = ? AND shown.message = ? ORDER BY id DESC LIMIT 1",
            *(chat.chat_id, message) * 2,
        )
        return _stored_turn(found[0]) if found else None

    def turns_of(self, chat: Chat, message: int) -> list[StoredTurn]:
        """List the turns of which a message is the question, oldest first."""
        found = self._read(
            "SELECT * FROM turns WHERE chat = ? AND message = ? ORDER BY id", chat.chat_id, message
        )
        return [_stored_turn(row) for row in found]

    def shown_message_ids(self, turn: int) -> list[int]:
        """List the bot's messages that show a turn's answer, in order."""
        found = self._read("SELECT message FROM shown WHERE turn = ? ORDER BY message", turn)
        return [row["message"] for row in found]

    def mark_local_only(self, chat: Chat, message: int) -> None:
        """Note, before anybody is asked, that what a message says is private for ever."""
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (chat.chat_id, message))

    def is_local_only(self, chat: Chat, message: int) -> bool:
        """Say whether a message is private: a question, or a part of its answer."""
        found = self._read(
            "SELECT 1 FROM secrets WHERE chat = ? AND message = ?", chat.chat_id, message
        )
        return bool(found)

    def record_request(self, chat: Chat, provider: str) -> None:
        """Note, before it happens, that a provider is shown what is said here."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO asked VALUES (?, ?, ?, '', 1, ?)"
                " ON CONFLICT DO UPDATE SET times = times + 1, at = excluded.at",
                (*chat_key(chat), provider, self._now()),
            )

    def visits(self, chat: Chat) -> list[ProviderVisits]:
        """List who was asked what is said here, those asked last first."""
        found = self._read(
            "SELECT provider, sum(times) AS times, max(at) AS at FROM asked"
            " WHERE chat = ? AND topic = ? GROUP BY provider ORDER BY max(at) DESC",
            *chat_key(chat),
        )
        return [ProviderVisits(row["provider"], row["times"], row["at"]) for row in found]

    def answered_by(self, chat: Chat) -> ModelRef | None:
        """Tell who gave the newest answer in a place."""
        found = self._read(
            "SELECT provider, model FROM turns WHERE chat = ? AND topic = ? AND answer IS NOT NULL"
            " AND provider != '' ORDER BY at DESC LIMIT 1",
            *chat_key(chat),
        )
        return ModelRef(found[0]["provider"], found[0]["model"]) if found else None

    def _save_turn(self, db: sqlite3.Connection, answered: TurnResult) -> int:
        turn, ref = answered.turn, answered.ref or ModelRef("", "")
        fields: dict[str, object] = {
            "chat": turn.chat.chat_id,
            "topic": turn.chat.topic_id,
            "message": turn.message_id,
            "person": turn.user_id,
            "question": turn.question,
            "concise": turn.concise,
            "parent": turn.parent_id,
            "start": answered.first_turn_id,
            "answer": answered.text,
            "provider": ref.provider,
            "model": ref.model,
            "at": self._now(),
            "private": turn.local_only,
        }
        number, fresh = _write_turn(db, turn.replaces_id, fields)
        if fresh and answered.text is not None and not turn.detached:
            db.execute(
                "INSERT INTO places (chat, topic, head) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET head = excluded.head",
                (*chat_key(turn.chat), number),
            )
        return number

    def _set_chat_state(self, db: sqlite3.Connection, chat: Chat, state: ChatState) -> None:
        fields = {
            "head": state.latest_turn_id,
            "vv": state.vv,
            "model": state.model,
            "private": state.local_only,
            "via": state.provider_line,
            "rich": state.rich,
        }
        names, marks = ", ".join(fields), ", ".join("?" * len(fields))
        db.execute(
            f"INSERT OR REPLACE INTO places (chat, topic, {names}) VALUES (?, ?, {marks})",  # noqa: S608  our own column names
            (*chat_key(chat), *fields.values()),
        )


def _write_turn(
    db: sqlite3.Connection, replaces: int | None, fields: Mapping[str, object]
) -> tuple[int, bool]:
    """Write a turn, or over an older one; give its number, and whether it had no answer before."""
    if replaces is None:
        names, marks = ", ".join(fields), ", ".join("?" * len(fields))
        done = db.execute(f"INSERT INTO turns ({names}) VALUES ({marks})", [*fields.values()])  # noqa: S608  our own column names
        return int(done.lastrowid or 0), True
    old = db.execute("SELECT answer FROM turns WHERE id = ?", (replaces,)).fetchone()
    fresh = old is not None and old["answer"] is None
    # A failed second try leaves the answer that was there.
    if fresh or fields["answer"] is not None:
        pairs = ", ".join(f"{name} = ?" for name in fields)
        db.execute(f"UPDATE turns SET {pairs} WHERE id = ?", [*fields.values(), replaces])  # noqa: S608  our own column names
    return replaces, fresh


def _stored_turn(row: sqlite3.Row) -> StoredTurn:
    turn = Turn(
        chat=Chat(row["chat"], row["topic"]),
        message_id=row["message"],
        user_id=row["person"],
        question=row["question"],
        concise=bool(row["concise"]),
        parent_id=row["parent"],
        local_only=bool(row["private"]),
    )
    return StoredTurn(row["id"], turn, row["answer"], row["provider"])
