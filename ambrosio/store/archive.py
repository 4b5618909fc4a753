"""Exporting and backing up what is stored."""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import StoreFailed
from ..core.messages import Chat, PicturePart
from .database import Database
from .pictures import Pictures, folder_of, unpack_pictures


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """A turn with all that an export shows; `answer` is None when it failed."""

    turn_id: int
    chat: Chat
    message_id: int
    at: float
    question: str
    answer: str | None
    provider: str
    model: str
    pictures: tuple[PicturePart, ...] = ()
    preface: str = ""


class Archive:
    """Exports and backs up."""

    def __init__(self, database: Database, pictures: Pictures) -> None:
        self._database, self._pictures = database, pictures

    def conversation(self, turn_id: int | None) -> list[ConversationTurn]:
        """Return the turns that lead to `turn_id`, itself included, oldest first."""
        rows = self._database.read(
            "WITH RECURSIVE chain AS ("
            " SELECT turns.*, 0 AS depth FROM turns WHERE id = ?"
            " UNION ALL SELECT turns.*, depth + 1"
            " FROM turns JOIN chain ON turns.id = chain.parent_id)"
            " SELECT * FROM chain ORDER BY depth DESC",
            turn_id,
        )
        return [
            ConversationTurn(
                turn_id=row["id"],
                chat=Chat(row["chat_id"], row["topic_id"]),
                message_id=row["message_id"],
                at=row["at"],
                question=row["question"],
                answer=row["answer"],
                provider=row["provider"],
                model=row["model"],
                pictures=unpack_pictures(row["pictures"]),
                preface=row["preface"],
            )
            for row in rows
        ]

    def backup(self, path: Path) -> None:
        """Copy the database, as it is at one moment, into a new file, or raise `StoreFailed`.

        The pictures go into a folder beside it.
        """
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as exc:
            raise StoreFailed(f"{path}: {exc.strerror}") from exc
        try:
            copy = sqlite3.connect(path)
            try:
                self._database.connection.backup(copy)
            finally:
                copy.close()
            if folder := folder_of(path):
                self._pictures.copy_to(folder, self._pictures.used())
        except (sqlite3.Error, OSError) as exc:
            path.unlink()
            raise StoreFailed(str(exc)) from exc
