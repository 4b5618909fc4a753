"""Pictures that were made: what they were made from, and their original bytes.

The originals are here and not in files of their own, so that a picture, the message that brings it
and what it has cost are stored in one transaction, and a backup is one file. They are kept up to a
limit, the newest first: Telegram makes its photos smaller and gives them back only so.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ..core.images import Image, ImageFormat, ImagePrompt
from ..core.messages import Chat, ModelRef, OutgoingMessage
from .database import Database


@dataclass(frozen=True, slots=True)
class ImageSet:
    """What came of a wish: a picture for each of the seeds, as far as they were made."""

    prompt: ImagePrompt
    seeds: tuple[int, ...]
    ref: ModelRef | None = None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A kept picture without its bytes; `there` says that they can still be sent."""

    number: int
    seed: int | None
    format: ImageFormat
    there: bool


class Images(Database):
    """Paintings, by the turn that they answer."""

    def image_set(self, turn: int) -> tuple[ImageSet, tuple[StoredImage, ...]] | None:
        """Look up what a painting was made from and what is kept of it."""
        found = self._read("SELECT * FROM paintings WHERE turn = ?", turn)
        if not found:
            return None
        row = found[0]
        ref = ModelRef(row["provider"], row["model"]) if row["provider"] else None
        return ImageSet(_wish(row["wish"]), tuple(json.loads(row["seeds"])), ref), self._hung(turn)

    def image_set_at(self, chat: Chat, message: int) -> int | None:
        """Find the turn of the painting that one of the bot's messages shows."""
        found = self._read(
            "SELECT shown.turn FROM shown JOIN paintings USING (turn)"
            " WHERE chat = ? AND message = ?",
            chat.chat_id,
            message,
        )
        return int(found[0]["turn"]) if found else None

    def original(self, turn: int, number: int = 0) -> bytes:
        """Give the bytes of a picture as they came; none if they are no longer kept."""
        found = self._read(
            "SELECT content FROM pictures WHERE turn = ? AND number = ?", turn, number
        )
        return bytes(found[0]["content"] or b"") if found else b""

    def _hung(self, turn: int) -> tuple[StoredImage, ...]:
        found = self._read(
            "SELECT number, seed, kind, content IS NOT NULL OR document_id <> '' AS there"
            " FROM pictures WHERE turn = ? ORDER BY number",
            turn,
        )
        return tuple(
            StoredImage(row["number"], row["seed"], row["kind"], bool(row["there"]))
            for row in found
        )

    def _hang(self, db: sqlite3.Connection, turn: int, painting: ImageSet) -> None:
        ref = painting.ref or ModelRef("", "")
        wish, seeds = json.dumps(asdict(painting.prompt)), json.dumps(painting.seeds)
        db.execute("DELETE FROM pictures WHERE turn = ?", (turn,))
        db.execute(
            "INSERT OR REPLACE INTO paintings VALUES (?, ?, ?, ?, ?)",
            (turn, wish, seeds, ref.provider, ref.model),
        )
        db.executemany(
            "INSERT INTO pictures (turn, number, seed, kind, width, height, content)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (turn, number, each.seed, each.format, each.width, each.height, each.content)
                for number, each in enumerate(painting.images)
            ],
        )

    def _note_files(
        self, db: sqlite3.Connection, outgoing: OutgoingMessage, files: Iterable[str]
    ) -> None:
        """Keep what Telegram calls pictures that were sent, and let go of the oldest originals."""
        named = [
            (name, outgoing.turn_id, file.image_number, file.is_photo)
            for file, name in zip(outgoing.files, files, strict=False)
            if file.image_number is not None
        ]
        for name, turn, number, photo in named:
            column = "photo_id" if photo else "document_id"
            db.execute(
                f"UPDATE pictures SET {column} = ? WHERE turn = ? AND number = ?",  # noqa: S608  our own column names
                (name, turn, number),
            )
        if named:
            self._let_go(db)

    def _let_go(self, db: sqlite3.Connection) -> None:
        """Drop the originals that pass the limit, but none that is still to be sent."""
        db.execute(
            "UPDATE pictures SET content = NULL WHERE (turn, number) IN ("
            " SELECT turn, number FROM ("
            "  SELECT turn, number, sum(length(content)) OVER (ORDER BY turn DESC, number) AS total"
            "  FROM pictures WHERE content IS NOT NULL)"
            " WHERE total > ?)"
            " AND turn NOT IN (SELECT painting FROM files WHERE picture IS NOT NULL)",
            (self._originals_bytes,),
        )


def _wish(packed: str) -> ImagePrompt:
    fields = json.loads(packed)
    for name in ("ratio", "size"):
        fields[name] = tuple(fields[name]) if fields[name] else None
    return ImagePrompt(**fields)
