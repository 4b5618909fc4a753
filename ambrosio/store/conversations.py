"""Who asked what, what was answered, and how one turn follows another."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..core.attachments import FilePlace
from ..core.context_window import PastTurn
from ..core.messages import Chat, ModelRef, OutgoingMessage, Turn
from ..core.tools import ToolRound
from .database import Database, chat_key
from .pictures import pack_pictures, unpack_pictures
from .tool_rounds import pack_rounds, unpack_rounds


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A turn as it was asked; `answer` is None when it failed."""

    turn_id: int
    turn: Turn
    answer: str | None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class TurnResult:
    """The result of a turn, to be stored; `text` is None when it failed.

    `first_turn_id` is the oldest turn that the model was shown, `rounds` is what it called.
    `read_outside` says that what strangers wrote was in the conversation by then.
    """

    turn: Turn
    text: str | None
    first_turn_id: int | None = None
    ref: ModelRef | None = None
    rounds: tuple[ToolRound, ...] = ()
    read_outside: bool = False


class Conversations:
    """A tree of turns: each knows the one it continues."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def history(self, turn_id: int | None) -> tuple[PastTurn, ...]:
        """Return the answered turns that lead to `turn_id`, itself included, oldest first."""
        rows = self._database.read(
            "WITH RECURSIVE oldest (id) AS"
            " (SELECT coalesce(first_turn_id, id) FROM turns WHERE id = ?),"
            " chain AS ("
            "  SELECT turns.*, 0 AS depth FROM turns WHERE id = ?"
            "  UNION ALL SELECT turns.*, depth + 1"
            "  FROM turns JOIN chain ON turns.id = chain.parent_id"
            "  WHERE chain.id NOT IN oldest)"
            " SELECT * FROM chain WHERE answer IS NOT NULL ORDER BY depth DESC",
            turn_id,
            turn_id,
        )
        return tuple(
            PastTurn(
                turn_id=row["id"],
                question=row["question"],
                answer=row["answer"],
                concise=bool(row["concise"]),
                local_only=bool(row["local_only"]),
                note=row["note"],
                fact_ids=tuple(map(int, row["fact_ids"].split())),
                tool_names=tuple(row["tool_names"].split()),
                rounds=unpack_rounds(row["tool_rounds"]),
                from_outside=bool(row["from_outside"]),
                read_outside=bool(row["read_outside"]),
                pictures=unpack_pictures(row["pictures"]),
                preface=row["preface"],
            )
            for row in rows
        )

    def turn(self, turn_id: int) -> StoredTurn | None:
        """Return a turn, or None if it was deleted."""
        rows = self._database.read("SELECT * FROM turns WHERE id = ?", turn_id)
        return _stored_turn(rows[0]) if rows else None

    def seconds_since(self, turn_id: int) -> float:
        """Return how long ago a turn was asked; 0 if it was deleted."""
        rows = self._database.read("SELECT at FROM turns WHERE id = ?", turn_id)
        return float(self._database.now() - rows[0]["at"]) if rows else 0.0

    def turn_before(self, chat: Chat, turn_id: int, *, local_only: bool) -> int | None:
        """Return the newest answered turn of a chat before another; local ones if `local_only`."""
        rows = self._database.read(
            "SELECT id FROM turns WHERE chat_id = ? AND topic_id = ? AND id < ?"
            " AND answer IS NOT NULL AND local_only <= ? ORDER BY id DESC LIMIT 1",
            *chat_key(chat),
            turn_id,
            local_only,
        )
        return int(rows[0]["id"]) if rows else None

    def turn_of(self, chat: Chat, message_id: int) -> StoredTurn | None:
        """Find the turn of a message: of the question itself, or of a message of the answer."""
        chat, message_id = self._database.current_place(chat, message_id)
        rows = self._database.read(
            "SELECT * FROM turns WHERE chat_id = ? AND message_id = ? UNION ALL"
            " SELECT turns.* FROM answer_messages JOIN turns ON turns.id = turn_id"
            " WHERE answer_messages.chat_id = ? AND answer_messages.message_id = ?"
            " ORDER BY id DESC LIMIT 1",
            *(chat.chat_id, message_id) * 2,
        )
        return _stored_turn(rows[0]) if rows else None

    def turns_of(self, chat: Chat, message_id: int) -> list[StoredTurn]:
        """List the turns whose question is a message, oldest first."""
        chat, message_id = self._database.current_place(chat, message_id)
        rows = self._database.read(
            "SELECT * FROM turns WHERE chat_id = ? AND message_id = ? ORDER BY id",
            chat.chat_id,
            message_id,
        )
        return [_stored_turn(row) for row in rows]

    def latest_questions(self, chat: Chat, limit: int = 500) -> list[str]:
        """List what was asked last in a chat, oldest first, with "vv" where it was said."""
        rows = self._database.read(
            "SELECT question, concise FROM turns WHERE chat_id = ? AND topic_id = ?"
            " ORDER BY id DESC LIMIT ?",
            *chat_key(chat),
            limit,
        )
        return [f"vv {row['question']}" if row["concise"] else row["question"] for row in rows][
            ::-1
        ]

    def answered_by(self, chat: Chat) -> ModelRef | None:
        """Return who gave the newest answer in a chat."""
        rows = self._database.read(
            "SELECT provider, model FROM turns WHERE chat_id = ? AND topic_id = ?"
            " AND answer IS NOT NULL AND provider != '' ORDER BY at DESC LIMIT 1",
            *self._database.current_key(chat),
        )
        return ModelRef(rows[0]["provider"], rows[0]["model"]) if rows else None

    def save(self, result: TurnResult) -> int:
        """Store a turn and return its id; a new answer becomes the chat's latest turn.

        A turn that replaces another is written over it, unless it failed where the other did not.
        """
        turn, ref = result.turn, result.ref or ModelRef("", "")
        chat, message_id = self._database.current_place(turn.chat, turn.message_id)
        fields: dict[str, object] = {
            "chat_id": chat.chat_id,
            "topic_id": chat.topic_id,
            "message_id": message_id,
            "user_id": turn.user_id,
            "question": turn.question,
            "concise": turn.concise,
            "parent_id": turn.parent_id,
            "first_turn_id": result.first_turn_id,
            "answer": result.text,
            "provider": ref.provider,
            "model": ref.model,
            "at": self._database.now(),
            "local_only": turn.local_only,
            "note": turn.note,
            "fact_ids": " ".join(map(str, turn.fact_ids)),
            "tool_names": " ".join(turn.tool_names),
            "tool_rounds": pack_rounds(result.rounds),
            "from_outside": turn.from_outside,
            "read_outside": result.read_outside or turn.from_outside,
            "pictures": pack_pictures(turn.pictures),
            "preface": turn.preface,
            "file": json.dumps(asdict(turn.file)) if turn.file else "",
        }
        with self._database.transaction() as db:
            turn_id, had_no_answer = _write_turn(db, turn.replaces_id, fields)
            if had_no_answer and result.text is not None and not turn.detached:
                db.execute(
                    "INSERT INTO chats (chat_id, topic_id, latest_turn_id) VALUES (?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET latest_turn_id = excluded.latest_turn_id",
                    (*chat_key(chat), turn_id),
                )
        return turn_id

    def has_other_speakers(self, chat: Chat, user_id: int) -> bool:
        """Say whether anyone else has spoken with the bot in a chat."""
        rows = self._database.read(
            "SELECT 1 FROM turns WHERE chat_id = ? AND topic_id = ? AND user_id <> ? LIMIT 1",
            *self._database.current_key(chat),
            user_id,
        )
        return bool(rows)

    # --- the question's messages ------------------------------------------------------------------

    def keep_parts(self, chat: Chat, main_message_id: int, parts: Mapping[int, str]) -> None:
        """Keep the messages that a question came in, by their ids, as received."""
        with self._database.transaction() as db:
            for message_id, body in parts.items():
                place, main_id = self._database.current_place(chat, main_message_id)
                part_id = self._database.current_place(chat, message_id)[1]
                db.execute(
                    "INSERT OR REPLACE INTO question_parts VALUES (?, ?, ?, ?)",
                    (place.chat_id, part_id, main_id, body),
                )

    def parts(self, chat: Chat, message_id: int) -> tuple[int, dict[int, str]]:
        """Return the messages of the question that a message is a part of, and its main one."""
        chat, message_id = self._database.current_place(chat, message_id)
        rows = self._database.read(
            "SELECT * FROM question_parts WHERE chat_id = ?1 AND main_message_id = ("
            " SELECT main_message_id FROM question_parts WHERE chat_id = ?1 AND message_id = ?2)"
            " ORDER BY abs(message_id)",
            chat.chat_id,
            message_id,
        )
        main_id = rows[0]["main_message_id"] if rows else message_id
        return main_id, {row["message_id"]: row["body"] for row in rows}

    # --- the answer's messages --------------------------------------------------------------------

    def answer_message_ids(self, turn_id: int) -> list[int]:
        """List the bot's messages that show a turn's answer, in order."""
        rows = self._database.read(
            "SELECT message_id FROM answer_messages WHERE turn_id = ? AND message_id > 0"
            " ORDER BY message_id",
            turn_id,
        )
        return [row["message_id"] for row in rows]

    def add_answer_message(self, message: OutgoingMessage, message_id: int) -> None:
        """Note that Telegram has a message, which turn it belongs to, and whether it is local."""
        chat, message_id = self._database.current_place(message.chat, message_id)
        chat_id, turn_id = chat.chat_id, message.turn_id
        with self._database.transaction() as db:
            if turn_id is not None:
                db.execute(
                    "INSERT OR REPLACE INTO answer_messages VALUES (?, ?, ?, ?)",
                    (chat_id, message_id, turn_id, message.searches_file),
                )
            db.execute(
                "INSERT OR IGNORE INTO local_only_messages SELECT ?, ?"
                " WHERE ? OR EXISTS (SELECT 1 FROM turns WHERE id = ? AND local_only)",
                (chat_id, message_id, message.local_only, turn_id),
            )

    def searched_turn(self, chat: Chat, message_id: int) -> int | None:
        """Return the turn in whose file a reply to this message is to be searched for."""
        chat, message_id = self._database.current_place(chat, message_id)
        rows = self._database.read(
            "SELECT turn_id FROM answer_messages WHERE chat_id = ? AND message_id = ? AND searches",
            chat.chat_id,
            message_id,
        )
        return int(rows[0]["turn_id"]) if rows else None

    def remove_answer_message(self, chat: Chat, message_id: int) -> None:
        """Note that a message is gone from the chat."""
        chat, message_id = self._database.current_place(chat, message_id)
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM answer_messages WHERE chat_id = ? AND message_id = ?",
                (chat.chat_id, message_id),
            )

    # --- privacy ----------------------------------------------------------------------------------

    def mark_local_only(self, chat: Chat, message_id: int) -> None:
        """Note, before any model is asked, that a message's text must never leave the machine."""
        chat, message_id = self._database.current_place(chat, message_id)
        with self._database.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO local_only_messages VALUES (?, ?)",
                (chat.chat_id, message_id),
            )

    def is_local_only(self, chat: Chat, message_id: int) -> bool:
        """Say whether a message is local only: a question, or a part of its answer."""
        chat, message_id = self._database.current_place(chat, message_id)
        rows = self._database.read(
            "SELECT 1 FROM local_only_messages WHERE chat_id = ? AND message_id = ?",
            chat.chat_id,
            message_id,
        )
        return bool(rows)


def _write_turn(
    db: sqlite3.Connection, replaces_id: int | None, fields: Mapping[str, object]
) -> tuple[int, bool]:
    """Write a turn, or over an older one; return its id and whether it had no answer before."""
    if replaces_id is None:
        names, marks = ", ".join(fields), ", ".join("?" * len(fields))
        done = db.execute(f"INSERT INTO turns ({names}) VALUES ({marks})", [*fields.values()])  # noqa: S608  our own column names
        return int(done.lastrowid or 0), True
    old = db.execute("SELECT answer FROM turns WHERE id = ?", (replaces_id,)).fetchone()
    had_no_answer = old is not None and old["answer"] is None
    # A failed second try leaves the answer that was there.
    if had_no_answer or fields["answer"] is not None:
        pairs = ", ".join(f"{name} = ?" for name in fields)
        db.execute(f"UPDATE turns SET {pairs} WHERE id = ?", [*fields.values(), replaces_id])  # noqa: S608  our own column names
    return replaces_id, had_no_answer


def _stored_turn(row: sqlite3.Row) -> StoredTurn:
    turn = Turn(
        chat=Chat(row["chat_id"], row["topic_id"]),
        message_id=row["message_id"],
        user_id=row["user_id"],
        question=row["question"],
        concise=bool(row["concise"]),
        parent_id=row["parent_id"],
        local_only=bool(row["local_only"]),
        pictures=unpack_pictures(row["pictures"]),
        preface=row["preface"],
        file=FilePlace(**json.loads(row["file"])) if row["file"] else None,
        from_outside=bool(row["from_outside"]),
    )
    return StoredTurn(row["id"], turn, row["answer"], row["provider"])
