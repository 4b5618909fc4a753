"""The text of the files that people sent, in chunks that can be searched.

A file belongs to the message it came with. Its text is here so that its next part can be shown, and
a passage found, without fetching and decoding it again.
"""

import sqlite3
from collections.abc import Sequence

from ..core.documents import Chunk, FileInfo
from ..core.messages import Chat
from ..core.word_search import WORD, order_by_relevance, terms_of
from .database import Database

MAX_HITS = 60
# Words so short are in every passage.
MIN_WORD_CHARACTERS = 3


class Documents:
    """Files by chat, message and their number in that message."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(
        self,
        chat: Chat,
        message_id: int,
        number: int,
        *,
        user_id: int,
        info: FileInfo,
        chunks: Sequence[Chunk],
        file_id: str = "",
    ) -> None:
        """Keep a file in the place of the one that was there; `file_id` fetches it again."""
        chat, message_id = self._database.current_place(chat, message_id)
        key = (chat.chat_id, message_id, number)
        with self._database.transaction() as db:
            self._delete(db, "chat_id = ? AND message_id = ? AND number = ?", key)
            db.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(*key, chat.topic_id, user_id, self._database.now(), file_id),
                    *(info.name, info.kind, info.part_name, info.part_count, info.is_cut),
                ),
            )
            db.executemany(
                "INSERT INTO document_chunks"
                " (chat_id, message_id, number, position, first_part, last_part, text)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (*key, position, chunk.first_part, chunk.last_part, chunk.text)
                    for position, chunk in enumerate(chunks)
                ],
            )

    def find(self, chat: Chat, message_id: int, number: int) -> tuple[FileInfo, str] | None:
        """Return what is known of a file, and its `file_id`; None if it is not kept."""
        chat, message_id = self._database.current_place(chat, message_id)
        rows = self._database.read(
            "SELECT * FROM documents WHERE chat_id = ? AND message_id = ? AND number = ?",
            *(chat.chat_id, message_id, number),
        )
        if not rows:
            return None
        row = rows[0]
        info = FileInfo(
            row["name"], row["kind"], row["part_name"], row["part_count"], bool(row["is_cut"])
        )
        return info, row["file_id"]

    def chunks(self, chat: Chat, message_id: int, number: int, start: int = 0) -> list[Chunk]:
        """Return the chunks of a file from a position on."""
        chat, message_id = self._database.current_place(chat, message_id)
        rows = self._database.read(
            "SELECT * FROM document_chunks WHERE chat_id = ? AND message_id = ? AND number = ?"
            " AND position >= ? ORDER BY position",
            *(chat.chat_id, message_id, number, start),
        )
        return [Chunk(row["first_part"], row["last_part"], row["text"]) for row in rows]

    def search(self, chat: Chat, message_id: int, number: int, words: str) -> list[Chunk]:
        """Find the chunks of a file that contain most of the words, the best first."""
        every = terms_of(" ".join(WORD.findall(words)))
        terms = [term for term in every if len(term.text) >= MIN_WORD_CHARACTERS] or every
        chunks = self.chunks(chat, message_id, number)
        best = order_by_relevance([chunk.text for chunk in chunks], terms)
        return [chunks[position] for position in best[:MAX_HITS]]

    def drop(self, where: str, args: tuple[object, ...], *, limit: int) -> int:
        """Delete some of the files that a condition on `documents` names; return how many."""
        found = self._database.read(
            f"SELECT chat_id, message_id, number FROM documents WHERE {where} LIMIT ?",  # noqa: S608  our own names
            *args,
            limit,
        )
        with self._database.transaction() as db:
            for row in found:
                self._delete(db, "chat_id = ? AND message_id = ? AND number = ?", tuple(row))
        return len(found)

    def _delete(self, db: sqlite3.Connection, where: str, args: tuple[object, ...]) -> None:
        for table in ("document_chunks", "documents"):
            db.execute(f"DELETE FROM {table} WHERE {where}", args)  # noqa: S608  our own names
