"""Pictures that were made: what they were made from, and their original bytes.

The originals are here and not in files of their own, so that a picture, the message that brings it
and what it has cost are stored in one transaction, and a backup is one file. They are kept up to a
limit, the newest first: Telegram makes its photos smaller and gives them back only so.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ..core.images import Kind, Picture, Wish
from ..core.messages import ModelRef, Outgoing, Place
from .database import Database


@dataclass(frozen=True, slots=True)
class Painting:
    """What came of a wish: a picture for each of the seeds, as far as they were made."""

    wish: Wish
    seeds: tuple[int, ...]
    ref: ModelRef | None = None
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Hung:
    """A kept picture without its bytes; `there` says that they can still be sent."""

    number: int
    seed: int | None
    kind: Kind
    there: bool


class Gallery(Database):
    """Paintings, by the turn that they answer."""

    def painting(self, turn: int) -> tuple[Painting, tuple[Hung, ...]] | None:
        """Look up what a painting was made from and what is kept of it."""
        found = self._read("SELECT * FROM paintings WHERE turn = ?", turn)
        if not found:
            return None
        row = found[0]
        ref = ModelRef(row["provider"], row["model"]) if row["provider"] else None
        return Painting(_wish(row["wish"]), tuple(json.loads(row["seeds"])), ref), self._hung(turn)

    def painting_shown(self, place: Place, message: int) -> int | None:
        """Find the turn of the painting that one of the bot's messages shows."""
        found = self._read(
            "SELECT shown.turn FROM shown JOIN paintings USING (turn)"
            " WHERE chat = ? AND message = ?",
            place.chat,
            message,
        )
        return int(found[0]["turn"]) if found else None

    def original(self, turn: int, number: int = 0) -> bytes:
        """Give the bytes of a picture as they came; none if they are no longer kept."""
        found = self._read(
            "SELECT content FROM pictures WHERE turn = ? AND number = ?", turn, number
        )
        return bytes(found[0]["content"] or b"") if found else b""

    def _hung(self, turn: int) -> tuple[Hung, ...]:
        found = self._read(
            "SELECT number, seed, kind, content IS NOT NULL OR document_id <> '' AS there"
            " FROM pictures WHERE turn = ? ORDER BY number",
            turn,
        )
        return tuple(
            Hung(row["number"], row["seed"], row["kind"], bool(row["there"])) for row in found
        )

    def _hang(self, db: sqlite3.Connection, turn: int, painting: Painting) -> None:
        ref = painting.ref or ModelRef("", "")
        wish, seeds = json.dumps(asdict(painting.wish)), json.dumps(painting.seeds)
        db.execute("DELETE FROM pictures WHERE turn = ?", (turn,))
        db.execute(
            "INSERT OR REPLACE INTO paintings VALUES (?, ?, ?, ?, ?)",
            (turn, wish, seeds, ref.provider, ref.model),
        )
        db.executemany(
            "INSERT INTO pictures (turn, number, seed, kind, width, height, content)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (turn, number, each.seed, each.kind, each.width, each.height, each.content)
                for number, each in enumerate(painting.pictures)
            ],
        )

    def _note_files(self, db: sqlite3.Connection, outgoing: Outgoing, files: Iterable[str]) -> None:
        """Keep what Telegram calls pictures that were sent, and let go of the oldest originals."""
        named = [
            (name, outgoing.turn, file.picture, file.photo)
            for file, name in zip(outgoing.files, files, strict=False)
            if file.picture is not None
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


def _wish(packed: str) -> Wish:
    fields = json.loads(packed)
    for name in ("ratio", "size"):
        fields[name] = tuple(fields[name]) if fields[name] else None
    return Wish(**fields)
