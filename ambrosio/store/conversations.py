"""Who asked what, what was answered, and how one turn follows another."""

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from ..core.context_window import Exchange
from ..core.messages import ModelRef, Place, Turn
from .database import Database, key

Via = Literal["always", "auto", "never"]


@dataclass(frozen=True, slots=True)
class PlaceState:
    """What a chat or topic is set to, and the turn that its conversation has reached.

    None leaves it to the settings.
    """

    head: int | None = None
    vv: bool = False
    model: str = ""
    private: bool | None = None
    via: Via = "auto"
    rich: bool | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn as it was asked; `answer` is None when it failed."""

    id: int
    turn: Turn
    answer: str | None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What comes out of a turn, to be kept; `text` is None when it failed."""

    turn: Turn
    text: str | None
    start: int | None = None
    ref: ModelRef | None = None


@dataclass(frozen=True, slots=True)
class Visits:
    """How often a provider was asked here, and when for the last time."""

    provider: str
    times: int
    at: float


class Conversations(Database):
    """A tree of turns: each knows the one it continues."""

    def place(self, place: Place) -> PlaceState:
        """Look up what a place is set to."""
        found = self._read("SELECT * FROM places WHERE chat = ? AND topic = ?", *key(place))
        if not found:
            return PlaceState()
        row = found[0]
        return PlaceState(
            head=row["head"],
            vv=bool(row["vv"]),
            model=row["model"],
            private=None if row["private"] is None else bool(row["private"]),
            via=row["via"],
            rich=None if row["rich"] is None else bool(row["rich"]),
        )

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
            Exchange(
                turn=row["id"],
                question=row["question"],
                answer=row["answer"],
                concise=bool(row["concise"]),
                private=bool(row["private"]),
            )
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

    def turns_of(self, place: Place, message: int) -> list[Asked]:
        """List the turns of which a message is the question, oldest first."""
        found = self._read(
            "SELECT * FROM turns WHERE chat = ? AND message = ? ORDER BY id", place.chat, message
        )
        return [_asked(row) for row in found]

    def shown(self, turn: int) -> list[int]:
        """List the bot's messages that show a turn's answer, in order."""
        found = self._read("SELECT message FROM shown WHERE turn = ? ORDER BY message", turn)
        return [row["message"] for row in found]

    def keep_home(self, place: Place, message: int) -> None:
        """Note, before anybody is asked, that what a message says is private for ever."""
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (place.chat, message))

    def stays_home(self, place: Place, message: int) -> bool:
        """Say whether a message is private: a question, or a part of its answer."""
        found = self._read(
            "SELECT 1 FROM secrets WHERE chat = ? AND message = ?", place.chat, message
        )
        return bool(found)

    def went(self, place: Place, provider: str) -> None:
        """Note, before it happens, that a provider is shown what is said here."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO asked VALUES (?, ?, ?, '', 1, ?)"
                " ON CONFLICT DO UPDATE SET times = times + 1, at = excluded.at",
                (*key(place), provider, self._now()),
            )

    def visits(self, place: Place) -> list[Visits]:
        """List who was asked what is said here, those asked last first."""
        found = self._read(
            "SELECT provider, sum(times) AS times, max(at) AS at FROM asked"
            " WHERE chat = ? AND topic = ? GROUP BY provider ORDER BY max(at) DESC",
            *key(place),
        )
        return [Visits(row["provider"], row["times"], row["at"]) for row in found]

    def answered_by(self, place: Place) -> ModelRef | None:
        """Tell who gave the newest answer in a place."""
        found = self._read(
            "SELECT provider, model FROM turns WHERE chat = ? AND topic = ? AND answer IS NOT NULL"
            " AND provider != '' ORDER BY at DESC LIMIT 1",
            *key(place),
        )
        return ModelRef(found[0]["provider"], found[0]["model"]) if found else None

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
            "private": turn.private,
        }
        number, fresh = _written(db, turn.replaces, fields)
        if fresh and answered.text is not None and not turn.beside:
            db.execute(
                "INSERT INTO places (chat, topic, head) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET head = excluded.head",
                (*key(turn.place), number),
            )
        return number

    def _set_place(self, db: sqlite3.Connection, place: Place, state: PlaceState) -> None:
        fields = asdict(state)
        names, marks = ", ".join(fields), ", ".join("?" * len(fields))
        db.execute(
            f"INSERT OR REPLACE INTO places (chat, topic, {names}) VALUES (?, ?, {marks})",  # noqa: S608  our own column names
            (*key(place), *fields.values()),
        )


def _written(
    db: sqlite3.Connection, replaces: int | None, fields: Mapping[str, object]
) -> tuple[int, bool]:
    """Write a turn, or over an older one; give its number, and whether it had no answer before."""
    if replaces is None:
        names, marks = ", ".join(fields), ", ".join("?" * len(fields))
        done = db.execute(f"INSERT INTO turns ({names}) VALUES ({marks})", [*fields.values()])  # noqa: S608  our own column names
        return int(done.lastrowid or 0), True
    old = db.execute("SELECT answer FROM turns WHERE id = ?", (replaces,)).fetchone()
    fresh = old is not None and old["answer"] is None
    # A failed second try leaves the answer that was there.
    if fresh or fields["answer"] is not None:
        pairs = ", ".join(f"{name} = ?" for name in fields)
        db.execute(f"UPDATE turns SET {pairs} WHERE id = ?", [*fields.values(), replaces])  # noqa: S608  our own column names
    return replaces, fresh


def _asked(row: sqlite3.Row) -> Asked:
    turn = Turn(
        place=Place(row["chat"], row["topic"]),
        message=row["message"],
        person=row["person"],
        question=row["question"],
        concise=bool(row["concise"]),
        parent=row["parent"],
        private=bool(row["private"]),
    )
    return Asked(row["id"], turn, row["answer"], row["provider"])
