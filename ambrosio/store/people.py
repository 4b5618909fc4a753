"""Who was let in, and the groups that an owner has put the bot into."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..core.messages import OutgoingMessage
from .outbox import Outbox


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was let in by a pairing link."""

    user_id: int
    name: str
    is_owner: bool


class People(Outbox):
    """Guests, owners who were paired, and groups."""

    def people(self) -> list[Person]:
        """List who was let in by a pairing link."""
        found = self._read("SELECT * FROM people ORDER BY owner DESC, name")
        return [Person(row["id"], row["name"], bool(row["owner"])) for row in found]

    def owners(self) -> frozenset[int]:
        """List the owners who were paired; those from the settings are not among them."""
        return frozenset(person.user_id for person in self.people() if person.is_owner)

    def admit(self, person: Person, replies: Iterable[OutgoingMessage] = ()) -> None:
        """Let somebody in."""
        with self._writing() as db:
            db.execute(
                "INSERT OR REPLACE INTO people VALUES (?, ?, ?)",
                (person.user_id, person.name, person.is_owner),
            )
            self._enqueue(db, replies)

    def dismiss(self, person: int) -> None:
        """Let somebody in no longer."""
        with self._writing() as db:
            db.execute("DELETE FROM people WHERE id = ?", (person,))

    def groups(self) -> Mapping[int, str]:
        """List the groups that an owner has put the bot into, with their titles."""
        return {row["id"]: row["title"] for row in self._read("SELECT * FROM groups")}

    def set_group(self, group: int, title: str | None) -> None:
        """Remember a group, or forget it when there is no title."""
        with self._writing() as db:
            db.execute("DELETE FROM groups WHERE id = ?", (group,))
            if title is not None:
                db.execute("INSERT INTO groups VALUES (?, ?)", (group, title))
