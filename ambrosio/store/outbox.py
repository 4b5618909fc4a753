"""Messages that are to be sent, until Telegram has them."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from ..core.messages import (
    Button,
    Chat,
    Delete,
    Entity,
    File,
    FormattedText,
    Outgoing,
    OutgoingMessage,
)
from .database import Database, chat_key
from .known_message_ids import newest_known


class Outbox:
    """What is still to be delivered, in order for each chat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(self, *messages: Outgoing, turn_id: int | None = None) -> None:
        """Append messages; with `turn_id` they belong to that turn instead of their own."""
        with self._database.transaction() as db:
            for queued in messages:
                if (message := self._at_current_place(queued)) is None:
                    continue
                body = json.dumps(_pack(message, turn_id))
                done = db.execute(
                    "INSERT INTO outbox (chat_id, topic_id, body, queued_at) VALUES (?, ?, ?, ?)",
                    (*chat_key(message.chat), body, self._database.now()),
                )
                if isinstance(message, Delete):
                    continue
                owner = message.turn_id if turn_id is None else turn_id
                db.executemany(
                    "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        (
                            done.lastrowid,
                            file.name,
                            file.is_photo,
                            file.is_voice,
                            file.content,
                            owner,
                            file.image_number,
                        )
                        for file in message.files
                    ],
                )

    def _at_current_place(self, message: Outgoing) -> Outgoing | None:
        """Address a message to the supergroup that its group has become; None if it is void.

        What it replies to, edits or deletes stayed behind, as do all messages from before.
        """
        chat, _ = self._database.current_place(message.chat)
        if isinstance(message, Delete):
            return message if chat == message.chat and message.message_id >= 0 else None
        if chat == message.chat and not _is_old(message.edit_message_id):
            return replace(message, reply_to_id=None) if _is_old(message.reply_to_id) else message
        return replace(message, chat=chat, reply_to_id=None, edit_message_id=None)

    def undelivered(self) -> list[Chat]:
        """List the chats for which messages wait."""
        rows = self._database.read("SELECT DISTINCT chat_id, topic_id FROM outbox ORDER BY id")
        return [Chat(row["chat_id"], row["topic_id"]) for row in rows]

    def waiting(self) -> int:
        """Count the messages that Telegram does not have yet."""
        return int(self._database.read("SELECT count(*) AS count FROM outbox")[0]["count"])

    def next_message(self, chat: Chat) -> tuple[int, Outgoing, int] | None:
        """Return a chat's oldest message: its outbox id, itself, and how often it was tried."""
        rows = self._database.read(
            "SELECT * FROM outbox WHERE chat_id = ? AND topic_id = ? ORDER BY id LIMIT 1",
            *chat_key(chat),
        )
        if not rows:
            return None
        files = self._database.read(
            "SELECT files.*, coalesce(images.content, files.content) AS bytes, document_id"
            " FROM files LEFT JOIN images"
            " ON images.turn_id = files.turn_id AND images.number = files.image_number"
            " WHERE outbox_id = ? ORDER BY files.rowid",
            rows[0]["id"],
        )
        message = _unpack(json.loads(rows[0]["body"]), chat, files)
        return rows[0]["id"], message, rows[0]["tries"]

    def record_try(self, outbox_id: int, tries: int) -> None:
        """Note, before it happens, that a message may have been sent `tries` times.

        At the first try the newest message id that is known is noted with it. At another one,
        copies that nobody knows of may be in the chat, and hide others that are on their way.
        """
        with self._database.transaction() as db:
            row = db.execute(
                "SELECT chat_id, tries FROM outbox WHERE id = ?", (outbox_id,)
            ).fetchone()
            if 0 < row["tries"] < tries:
                db.execute(
                    "UPDATE outbox SET after_message_id = NULL"
                    " WHERE tries > 0 AND id <> ? AND chat_id = ?",
                    (outbox_id, row["chat_id"]),
                )
            db.execute(
                "UPDATE outbox SET tries = ?, after_message_id ="
                " iif(tries > 0, after_message_id, ?) WHERE id = ?",
                (tries, newest_known(db, row["chat_id"]), outbox_id),
            )

    def substitute(self, outbox_id: int, message: OutgoingMessage) -> None:
        """Let another message, without files, wait in the place of one, as if never tried."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM files WHERE outbox_id = ?", (outbox_id,))
            body = json.dumps(_pack(message, None))
            db.execute("UPDATE outbox SET body = ?, tries = 0 WHERE id = ?", (body, outbox_id))

    def remove(self, outbox_id: int) -> None:
        """Take a message out, with its files."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM outbox WHERE id = ?", (outbox_id,))


def _is_old(message_id: int | None) -> bool:
    """Say whether a message is from before its group became a supergroup."""
    return message_id is not None and message_id < 0


def _pack(message: Outgoing, turn_id: int | None) -> dict[str, Any]:
    """Make JSON of a message; its files go into a table of their own."""
    if isinstance(message, Delete):
        return {"delete_message_id": message.message_id}
    packed = {
        name: value
        for name, value in asdict(message).items()
        if name not in {"chat", "files"} and value
    }
    return packed if turn_id is None else {**packed, "turn_id": turn_id}


def _unpack(packed: dict[str, Any], chat: Chat, files: Iterable[sqlite3.Row]) -> Outgoing:
    if "delete_message_id" in packed:
        return Delete(chat, packed["delete_message_id"])
    content = packed.pop("content", {"text": ""})
    entities = tuple(Entity(**entity) for entity in content.get("entities", ()))
    return OutgoingMessage(
        chat=chat,
        content=FormattedText(content["text"], entities),
        buttons=tuple(Button(**button) for button in packed.pop("buttons", ())),
        files=tuple(_file(row) for row in files),
        **packed,
    )


def _file(row: sqlite3.Row) -> File:
    return File(
        name=row["name"],
        content=row["bytes"],
        is_photo=bool(row["is_photo"]),
        is_voice=bool(row["is_voice"]),
        image_number=row["image_number"],
        # Telegram made the photo smaller when it was sent before, so only documents are reused.
        file_id="" if row["is_photo"] else row["document_id"] or "",
    )
