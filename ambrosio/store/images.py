"""Generated images: what they were made from, and their original bytes.

The originals are in the database and not in files of their own, so that an image, the message that
brings it and its cost are stored in one transaction, and a backup is one file. They are kept up to
a limit, the newest first: what Telegram gives back of a photo is smaller.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ..core.images import Image, ImageFormat, ImagePrompt
from ..core.messages import Chat, ModelRef, OutgoingMessage
from .database import Database


@dataclass(frozen=True, slots=True)
class ImageSet:
    """The result of a prompt: an image for each of the seeds, as far as they were made."""

    prompt: ImagePrompt
    seeds: tuple[int, ...]
    ref: ModelRef | None = None
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image without its bytes; `available` says that they can still be sent."""

    number: int
    seed: int | None
    format: ImageFormat
    available: bool


class Images:
    """Image sets, by the turn that they answer."""

    def __init__(self, database: Database, *, originals_bytes: int) -> None:
        self._database = database
        self._originals_bytes = originals_bytes

    def image_set(self, turn_id: int) -> tuple[ImageSet, tuple[StoredImage, ...]] | None:
        """Return what a turn's images were made from and what is kept of them."""
        rows = self._database.read("SELECT * FROM image_sets WHERE turn_id = ?", turn_id)
        if not rows:
            return None
        row = rows[0]
        ref = ModelRef(row["provider"], row["model"]) if row["provider"] else None
        image_set = ImageSet(_unpack_prompt(row["prompt"]), tuple(json.loads(row["seeds"])), ref)
        stored = self._database.read(
            "SELECT number, seed, format, content IS NOT NULL OR document_id <> '' AS available"
            " FROM images WHERE turn_id = ? ORDER BY number",
            turn_id,
        )
        return image_set, tuple(
            StoredImage(row["number"], row["seed"], row["format"], bool(row["available"]))
            for row in stored
        )

    def turn_id_at(self, chat: Chat, message_id: int) -> int | None:
        """Find the turn whose images one of the bot's messages shows."""
        rows = self._database.read(
            "SELECT turn_id FROM answer_messages JOIN image_sets USING (turn_id)"
            " WHERE chat_id = ? AND message_id = ?",
            chat.chat_id,
            message_id,
        )
        return int(rows[0]["turn_id"]) if rows else None

    def original(self, turn_id: int, number: int = 0) -> bytes:
        """Return an image's bytes as the server sent them; empty if they are no longer kept."""
        rows = self._database.read(
            "SELECT content FROM images WHERE turn_id = ? AND number = ?", turn_id, number
        )
        return bytes(rows[0]["content"] or b"") if rows else b""

    def save(self, turn_id: int, image_set: ImageSet) -> None:
        """Store a turn's images in the place of those it had."""
        ref = image_set.ref or ModelRef("", "")
        prompt, seeds = json.dumps(asdict(image_set.prompt)), json.dumps(image_set.seeds)
        with self._database.transaction() as db:
            db.execute("DELETE FROM images WHERE turn_id = ?", (turn_id,))
            db.execute(
                "INSERT OR REPLACE INTO image_sets VALUES (?, ?, ?, ?, ?)",
                (turn_id, prompt, seeds, ref.provider, ref.model),
            )
            db.executemany(
                "INSERT INTO images (turn_id, number, seed, format, width, height, content)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        turn_id,
                        number,
                        image.seed,
                        image.format,
                        image.width,
                        image.height,
                        image.content,
                    )
                    for number, image in enumerate(image_set.images)
                ],
            )

    def record_file_ids(self, message: OutgoingMessage, file_ids: Iterable[str]) -> None:
        """Note Telegram's ids of the documents it has, and drop the oldest originals."""
        sent = [
            (file_id, message.turn_id, file.image_number, file.is_photo)
            for file, file_id in zip(message.files, file_ids, strict=False)
            if file.image_number is not None
        ]
        if not sent:
            return
        with self._database.transaction() as db:
            db.executemany(
                "UPDATE images SET document_id = ? WHERE turn_id = ? AND number = ?",
                [(file_id, turn, number) for file_id, turn, number, photo in sent if not photo],
            )
            self.drop_old_originals()

    def drop_old_originals(self) -> None:
        """Drop the originals that exceed the limit, but none that is still to be sent."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE images SET content = NULL WHERE (turn_id, number) IN ("
                " SELECT turn_id, number FROM (SELECT turn_id, number,"
                "  sum(length(content)) OVER (ORDER BY turn_id DESC, number) AS total"
                "  FROM images WHERE content IS NOT NULL)"
                " WHERE total > ?)"
                " AND turn_id NOT IN (SELECT turn_id FROM files WHERE image_number IS NOT NULL)",
                (self._originals_bytes,),
            )


def _unpack_prompt(packed: str) -> ImagePrompt:
    fields = json.loads(packed)
    for name in ("ratio", "size"):
        fields[name] = tuple(fields[name]) if fields[name] else None
    return ImagePrompt(**fields)
