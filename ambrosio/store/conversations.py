"""Who asked what, what was answered, and how one turn follows another."""

import sqlite3
from dataclasses import dataclass

from ..context import Exchange
from ..messages import ModelRef, Place, Turn
from .database import Database, key


@dataclass(frozen=True, slots=True)
class PlaceState:
    """What a chat or topic is set to, and the turn that its conversation has reached."""

    head: int | None = None
    vv: bool = False
    model: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn as it was asked; `answer` is None when it failed."""

    id: int
    turn: Turn
    answer: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What comes out of a turn, to be kept; `text` is None when it failed."""

    turn: Turn
    text: str | None
    start: int | None = None
    ref: ModelRef | None = None


class Conversations(Database):
    """A tree of turns: each knows the one it continues."""

    def place(self, place: Place) -> PlaceState:
        """Look up what a place is set to."""
        found = self._read("SELECT * FROM places WHERE chat = ? AND topic = ?", *key(place))
        if not found:
            return PlaceState()
        return PlaceState(found[0]["head"], bool(found[0]["vv"]), found[0]["model"])

    def set_place(self, place: Place, state: PlaceState) -> None:
        """Change what a place is set to."""
        with self._writing() as db:
            self._set_place(db, place, state)

    def go_to(self, place: Place, turn: int) -> None:
        """Let a place's conversation go on from a turn."""
        with self._writing() as db:
            db.execute(
                "UPDATE places SET head = ? WHERE chat = ? AND topic = ?", (turn, *key(place))
            )

    def history(self, parent: int | None) -> tuple[Exchange, ...]:
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
            Exchange(row["id"], row["question"], row["answer"], bool(row["concise"]))
            for row in found
        )

    def turn(self, number: int) -> Asked | None:
        """Look a turn up by its id."""
        found = self._read("SELECT * FROM turns WHERE id = ?", number)
        return _asked(found[0]) if found else None

    def turn_of(self, place: Place, message: int) -> Asked | None:
        """Find the turn of a message: the question itself, or one of the answer's messages."""
        found = self._read(
            "SELECT * FROM turns WHERE chat = ? AND message = ? UNION ALL"
            " SELECT turns.* FROM shown JOIN turns ON turns.id = shown.turn"
            " WHERE shown.chat = ? AND shown.message = ? ORDER BY id DESC LIMIT 1",
            *(place.chat, message) * 2,
        )
        return _asked(found[0]) if found else None

    def shown(self, turn: int) -> list[int]:
        """List the bot's messages that show a turn's answer, in order."""
        found = self._read("SELECT message FROM shown WHERE turn = ? ORDER BY message", turn)
        return [row["message"] for row in found]

    def _keep(self, db: sqlite3.Connection, answered: Answered) -> int:
        turn, ref = answered.turn, answered.ref or ModelRef("", "")
        fields: dict[str, object] = {
            "chat": turn.place.chat,
            "topic": turn.place.topic,
            "message": turn.message,
            "person": turn.person,
            "question": turn.question,
            "concise": turn.concise,
            "parent": turn.parent,
            "start": answered.start,
            "answer": answered.text,
            "provider": ref.provider,
            "model": ref.model,
            "at": self._now(),
        }
        if turn.replaces is None:
            names, marks = ", ".join(fields), ", ".join("?" * len(fields))
            done = db.execute(f"INSERT INTO turns ({names}) VALUES ({marks})", [*fields.values()])  # noqa: S608  our own column names
            number = int(done.lastrowid or 0)
            fresh = True
        else:
            number = turn.replaces
            old = db.execute("SELECT answer FROM turns WHERE id = ?", (number,)).fetchone()
            fresh = old is not None and old["answer"] is None
            pairs = ", ".join(f"{name} = ?" for name in fields)
            # A failed second try leaves the answer that was there.
            if fresh or answered.text is not None:
                db.execute(f"UPDATE turns SET {pairs} WHERE id = ?", [*fields.values(), number])  # noqa: S608  our own column names
        if fresh and answered.text is not None:
            db.execute(
                "INSERT INTO places (chat, topic, head) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET head = excluded.head",
                (*key(turn.place), number),
            )
        return number

    def _set_place(self, db: sqlite3.Connection, place: Place, state: PlaceState) -> None:
        db.execute(
            "INSERT OR REPLACE INTO places (chat, topic, head, vv, model) VALUES (?, ?, ?, ?, ?)",
            (*key(place), state.head, state.vv, state.model),
        )


def _asked(row: sqlite3.Row) -> Asked:
    turn = Turn(
        place=Place(row["chat"], row["topic"]),
        message=row["message"],
        person=row["person"],
        question=row["question"],
        concise=bool(row["concise"]),
        parent=row["parent"],
    )
    return Asked(row["id"], turn, row["answer"])
