"""What each person asked to be remembered, and their time zone."""

from collections.abc import Iterable
from dataclasses import dataclass

from .database import Database

MAX_SUGGESTIONS = 20


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to remember; a `local_only` one was said in private mode."""

    fact_id: int
    text: str
    local_only: bool = False
    message_id: int = 0


class Facts:
    """A short list of facts for each person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, user_id: int) -> list[Fact]:
        """List a person's facts in their order."""
        rows = self._database.read(
            "SELECT * FROM facts WHERE user_id = ? AND NOT suggested ORDER BY place, id", user_id
        )
        return [
            Fact(row["id"], row["text"], bool(row["local_only"]), row["message_id"]) for row in rows
        ]

    def chosen(self, user_id: int, fact_ids: Iterable[int], *, local_only: bool) -> list[Fact]:
        """List those of a person's facts that a conversation began with and that are still there.

        Without `local_only`, nothing that was said in private mode is among them.
        """
        wanted = set(fact_ids)
        return [
            fact
            for fact in self.all(user_id)
            if fact.fact_id in wanted and (local_only or not fact.local_only)
        ]

    def add(self, user_id: int, text: str, *, message_id: int, local_only: bool) -> int:
        """Store a fact and return its id; one of the same message is replaced."""
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM facts WHERE user_id = ? AND message_id = ? AND NOT suggested",
                (user_id, message_id),
            )
            done = db.execute(
                "INSERT INTO facts (user_id, place, message_id, text, local_only) SELECT ?1,"
                " 1 + coalesce((SELECT max(place) FROM facts WHERE user_id = ?1), 0), ?2, ?3, ?4",
                (user_id, message_id, text, local_only),
            )
        return int(done.lastrowid or 0)

    def suggest(self, user_id: int, text: str, *, message_id: int, local_only: bool) -> int:
        """Keep a fact that a model suggests until the person agrees, and return its id.

        Only the newest are kept, and of a message only one with the same text.
        """
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM facts WHERE user_id = ?1 AND suggested AND ("
                " (message_id = ?2 AND text = ?3) OR id NOT IN (SELECT id FROM facts"
                " WHERE user_id = ?1 AND suggested ORDER BY id DESC LIMIT ?4))",
                (user_id, message_id, text, MAX_SUGGESTIONS - 1),
            )
            done = db.execute(
                "INSERT INTO facts (user_id, place, message_id, text, local_only, suggested)"
                " VALUES (?, 0, ?, ?, ?, 1)",
                (user_id, message_id, text, local_only),
            )
        return int(done.lastrowid or 0)

    def suggestion(self, user_id: int, fact_id: int) -> Fact | None:
        """Return a fact that was suggested and not agreed to yet."""
        rows = self._database.read(
            "SELECT * FROM facts WHERE id = ? AND user_id = ? AND suggested", fact_id, user_id
        )
        return (
            Fact(fact_id, rows[0]["text"], bool(rows[0]["local_only"]), rows[0]["message_id"])
            if rows
            else None
        )

    def accept(self, user_id: int, fact_id: int) -> None:
        """Remember what was suggested, behind all other facts."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE facts SET suggested = 0, place ="
                " 1 + coalesce((SELECT max(place) FROM facts WHERE user_id = ?1), 0)"
                " WHERE id = ?2 AND user_id = ?1",
                (user_id, fact_id),
            )

    def replace(self, user_id: int, fact_id: int, text: str, *, local_only: bool) -> None:
        """Put another text in the place of a fact, under a new id; private stays private."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO facts (user_id, place, message_id, text, local_only)"
                " SELECT user_id, place, message_id, ?, local_only OR ? FROM facts"
                " WHERE id = ? AND user_id = ?",
                (text, local_only, fact_id, user_id),
            )
            db.execute("DELETE FROM facts WHERE id = ? AND user_id = ?", (fact_id, user_id))

    def delete(self, user_id: int, fact_id: int) -> bool:
        """Delete a fact of a person; say whether it was there."""
        with self._database.transaction() as db:
            done = db.execute("DELETE FROM facts WHERE id = ? AND user_id = ?", (fact_id, user_id))
        return bool(done.rowcount)

    def zone(self, user_id: int) -> str | None:
        """Return the time zone that a person confirmed or chose."""
        rows = self._database.read("SELECT zone FROM zones WHERE user_id = ?", user_id)
        return str(rows[0]["zone"]) if rows else None

    def set_zone(self, user_id: int, zone: str) -> None:
        """Note a person's time zone."""
        with self._database.transaction() as db:
            db.execute("INSERT OR REPLACE INTO zones VALUES (?, ?)", (user_id, zone))
