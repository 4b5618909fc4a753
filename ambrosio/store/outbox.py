"""Messages that are owed to somebody, until Telegram has them."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ..core.messages import Button, Chunk, Entity, File, Outgoing, Place
from .database import key
from .images import Gallery


class Outbox(Gallery):
    """What is still to be delivered, in order for each place."""

    def _enqueue(
        self, db: sqlite3.Connection, replies: Iterable[Outgoing], turn: int | None = None
    ) -> None:
        for reply in replies:
            body = json.dumps(_packed(reply, turn))
            done = db.execute(
                "INSERT INTO outbox (chat, topic, body, at) VALUES (?, ?, ?, ?)",
                (*key(reply.place), body, self._now()),
            )
            painting = reply.turn if turn is None else turn
            db.executemany(
                "INSERT INTO files (outbox, name, photo, content, painting, picture)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (done.lastrowid, each.name, each.photo, each.content, painting, each.picture)
                    for each in reply.files
                ],
            )

    def enqueue(self, *replies: Outgoing) -> None:
        """Put messages into the outbox that belong to no update."""
        with self._writing() as db:
            self._enqueue(db, replies)

    def undelivered(self) -> list[Place]:
        """List the places for which messages wait."""
        found = self._read("SELECT DISTINCT chat, topic FROM outbox ORDER BY id")
        return [Place(row["chat"], row["topic"]) for row in found]

    def next_out(self, place: Place) -> tuple[int, Outgoing, int] | None:
        """Give a place's oldest message with its id and how often it may have been sent already."""
        found = self._read(
            "SELECT * FROM outbox WHERE chat = ? AND topic = ? ORDER BY id LIMIT 1", *key(place)
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
        return row["id"], _unpacked(json.loads(row["body"]), place, files), row["tries"]

    def sending(self, number: int, tries: int) -> None:
        """Note, before it happens, that a message may have been sent so many times."""
        with self._writing() as db:
            db.execute("UPDATE outbox SET tries = ? WHERE id = ?", (tries, number))

    def sent(
        self,
        number: int,
        outgoing: Outgoing,
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
                    (outgoing.place.chat, outgoing.edits),
                )
            for each in messages:
                there = outgoing.place.chat, each, outgoing.turn
                if outgoing.turn is not None:
                    db.execute("INSERT OR REPLACE INTO shown VALUES (?, ?, ?)", there)
                db.execute(
                    "INSERT OR IGNORE INTO secrets SELECT ?1, ?2"
                    " WHERE ?4 OR EXISTS (SELECT 1 FROM turns WHERE id = ?3 AND private)",
                    (*there, outgoing.private),
                )


def _packed(reply: Outgoing, turn: int | None) -> dict[str, Any]:
    """Make JSON of a message; files go into a table of their own, and `turn` where it belongs."""
    packed = {
        name: value
        for name, value in asdict(reply).items()
        if name not in {"place", "files"} and value
    }
    if turn is not None:
        packed["turn"] = turn
        packed["buttons"] = [
            {**asdict(button), "data": button.data.replace("{turn}", str(turn))}
            for button in reply.buttons
        ]
    return packed


def _file(row: sqlite3.Row) -> File:
    return File(
        name=row["name"],
        content=row["bytes"],
        photo=bool(row["photo"]),
        picture=row["picture"],
        # A photo that went out before was made smaller by Telegram, so only documents are reused.
        id="" if row["photo"] else row["document_id"] or "",
    )


def _unpacked(packed: dict[str, Any], place: Place, files: Iterable[sqlite3.Row]) -> Outgoing:
    chunk = packed.pop("chunk", {"text": ""})
    return Outgoing(
        place=place,
        chunk=Chunk(chunk["text"], tuple(Entity(**each) for each in chunk.get("entities", ()))),
        buttons=tuple(Button(**each) for each in packed.pop("buttons", ())),
        files=tuple(_file(row) for row in files),
        **packed,
    )
