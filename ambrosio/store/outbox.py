"""Messages that are owed to somebody, until Telegram has them."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ..core.messages import Button, Chat, Entity, File, FormattedText, OutgoingMessage
from .database import chat_key
from .images import Images


class Outbox(Images):
    """What is still to be delivered, in order for each place."""

    def _enqueue(
        self, db: sqlite3.Connection, replies: Iterable[OutgoingMessage], turn: int | None = None
    ) -> None:
        for reply in replies:
            body = json.dumps(_pack(reply, turn))
            done = db.execute(
                "INSERT INTO outbox (chat, topic, body, at) VALUES (?, ?, ?, ?)",
                (*chat_key(reply.chat), body, self._now()),
            )
            painting = reply.turn_id if turn is None else turn
            db.executemany(
                "INSERT INTO files (outbox, name, photo, content, painting, picture)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        done.lastrowid,
                        each.name,
                        each.is_photo,
                        each.content,
                        painting,
                        each.image_number,
                    )
                    for each in reply.files
                ],
            )

    def enqueue(self, *replies: OutgoingMessage) -> None:
        """Put messages into the outbox that belong to no update."""
        with self._writing() as db:
            self._enqueue(db, replies)

    def undelivered(self) -> list[Chat]:
        """List the places for which messages wait."""
        found = self._read("SELECT DISTINCT chat, topic FROM outbox ORDER BY id")
        return [Chat(row["chat"], row["topic"]) for row in found]

    def next_out(self, chat: Chat) -> tuple[int, OutgoingMessage, int] | None:
        """Give a place's oldest message with its id and how often it may have been sent already."""
        found = self._read(
            "SELECT * FROM outbox WHERE chat = ? AND topic = ? ORDER BY id LIMIT 1", *chat_key(chat)
        )
        if not found:
            return None
        row = found[0]
        files = self._read(
            "SELECT files.*, coalesce(pictures.content, files.content) AS bytes, document_id"
            " FROM files LEFT JOIN pictures"
            " ON pictures.turn = files.painting AND pictures.number = files.picture"
            " WHERE outbox = ? ORDER BY files.rowid",
            row["id"],
        )
        return row["id"], _unpack(json.loads(row["body"]), chat, files), row["tries"]

    def sending(self, number: int, tries: int) -> None:
        """Note, before it happens, that a message may have been sent so many times."""
        with self._writing() as db:
            db.execute("UPDATE outbox SET tries = ? WHERE id = ?", (tries, number))

    def sent(
        self,
        number: int,
        outgoing: OutgoingMessage,
        messages: Iterable[int] = (),
        files: Iterable[str] = (),
    ) -> None:
        """Take a message out of the outbox; `messages` and `files` are what Telegram calls it."""
        with self._writing() as db:
            db.execute("DELETE FROM outbox WHERE id = ?", (number,))
            self._note_files(db, outgoing, files)
            if outgoing.delete:
                db.execute(
                    "DELETE FROM shown WHERE chat = ? AND message = ?",
                    (outgoing.chat.chat_id, outgoing.edit_message_id),
                )
            for each in messages:
                there = outgoing.chat.chat_id, each, outgoing.turn_id
                if outgoing.turn_id is not None:
                    db.execute("INSERT OR REPLACE INTO shown VALUES (?, ?, ?)", there)
                db.execute(
                    "INSERT OR IGNORE INTO secrets SELECT ?1, ?2"
                    " WHERE ?4 OR EXISTS (SELECT 1 FROM turns WHERE id = ?3 AND private)",
                    (*there, outgoing.local_only),
                )


def _pack(reply: OutgoingMessage, turn: int | None) -> dict[str, Any]:
    """Make JSON of a message; files go into a table of their own, and `turn` where it belongs."""
    packed = {
        name: value
        for name, value in asdict(reply).items()
        if name not in {"chat", "files"} and value
    }
    if turn is not None:
        packed["turn_id"] = turn
        packed["buttons"] = [
            {**asdict(button), "data": button.data.replace("{turn}", str(turn))}
            for button in reply.buttons
        ]
    return packed


def _file(row: sqlite3.Row) -> File:
    return File(
        name=row["name"],
        content=row["bytes"],
        is_photo=bool(row["photo"]),
        image_number=row["picture"],
        # A photo that went out before was made smaller by Telegram, so only documents are reused.
        file_id="" if row["photo"] else row["document_id"] or "",
    )


def _unpack(packed: dict[str, Any], chat: Chat, files: Iterable[sqlite3.Row]) -> OutgoingMessage:
    content = packed.pop("content", {"text": ""})
    return OutgoingMessage(
        chat=chat,
        content=FormattedText(
            content["text"], tuple(Entity(**each) for each in content.get("entities", ()))
        ),
        buttons=tuple(Button(**each) for each in packed.pop("buttons", ())),
        files=tuple(_file(row) for row in files),
        **packed,
    )
