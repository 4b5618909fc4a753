"""Users who paired with the bot, and the groups that an owner has added it to."""

from collections.abc import Mapping
from dataclasses import dataclass

from .database import Database


@dataclass(frozen=True, slots=True)
class Person:
    """A user who was let in by a pairing link."""

    user_id: int
    name: str
    is_owner: bool


class People:
    """Guests, owners who were paired, and groups."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Person]:
        """List the users who paired, owners first, then by name."""
        rows = self._database.read("SELECT * FROM people ORDER BY is_owner DESC, name")
        return [Person(row["user_id"], row["name"], bool(row["is_owner"])) for row in rows]

    def owners(self) -> frozenset[int]:
        """Return the ids of the owners who paired; those from the settings are not among them."""
        return frozenset(person.user_id for person in self.all() if person.is_owner)

    def add(self, person: Person) -> None:
        """Let a user in, or update the name."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO people VALUES (?, ?, ?)",
                (person.user_id, person.name, person.is_owner),
            )

    def remove(self, user_id: int) -> None:
        """Let a user in no longer."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM people WHERE user_id = ?", (user_id,))

    def groups(self) -> Mapping[int, str]:
        """Map the ids of the groups that an owner has added the bot to, to their titles."""
        rows = self._database.read("SELECT * FROM groups")
        return {row["chat_id"]: row["title"] for row in rows}

    def set_group(self, chat_id: int, title: str | None) -> None:
        """Remember a group, or forget it when the title is None."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM groups WHERE chat_id = ?", (chat_id,))
            if title is not None:
                db.execute("INSERT INTO groups VALUES (?, ?)", (chat_id, title))
