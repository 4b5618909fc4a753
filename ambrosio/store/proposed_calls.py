"""Calls of tools that wait for a person's tap, exactly as they would be made."""

from dataclasses import dataclass

from ..core.messages import Chat, Turn
from ..core.tools import ProposedCall
from .database import Database, chat_key


@dataclass(frozen=True, slots=True)
class WaitingCall:
    """A call that was proposed in a turn; only `user_id` may agree, in this chat.

    `begun` counts how often it was begun to be made, if it may change something.
    """

    proposal_id: int
    chat: Chat
    user_id: int
    turn_id: int
    call: ProposedCall
    local_only: bool = False
    begun: int = 0


class ProposedCalls:
    """What was proposed and neither agreed to nor declined yet; deleted with its turn."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, turn: Turn, call: ProposedCall) -> int:
        """Keep a call of a turn that is about to be stored, and return its id."""
        chat, message_id = self._database.current_place(turn.chat, turn.message_id)
        with self._database.transaction() as db:
            done = db.execute(
                "INSERT INTO proposed_calls (chat_id, topic_id, message_id, user_id, tool,"
                " arguments, question, shown, label, local_only)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *chat_key(chat),
                    message_id,
                    turn.user_id,
                    call.name,
                    call.arguments,
                    call.question,
                    call.shown,
                    call.label,
                    turn.local_only,
                ),
            )
        return int(done.lastrowid or 0)

    def tie(self, turn: Turn, turn_id: int) -> None:
        """Note the id of the turn whose calls were added; those of its older answer are gone."""
        chat, message_id = self._database.current_place(turn.chat, turn.message_id)
        with self._database.transaction() as db:
            db.execute("DELETE FROM proposed_calls WHERE turn_id = ?", (turn_id,))
            db.execute(
                "UPDATE proposed_calls SET turn_id = ?"
                " WHERE turn_id IS NULL AND chat_id = ? AND message_id = ?",
                (turn_id, chat.chat_id, message_id),
            )

    def get(self, proposal_id: int) -> WaitingCall | None:
        """Return a call that still waits."""
        rows = self._database.read(
            "SELECT * FROM proposed_calls WHERE id = ? AND turn_id IS NOT NULL", proposal_id
        )
        if not rows:
            return None
        row = rows[0]
        return WaitingCall(
            proposal_id,
            Chat(row["chat_id"], row["topic_id"]),
            row["user_id"],
            row["turn_id"],
            ProposedCall(
                row["tool"], row["arguments"], row["question"], row["shown"], row["label"]
            ),
            bool(row["local_only"]),
            row["begun"],
        )

    def begin(self, proposal_id: int) -> None:
        """Note, before it happens, that a call is being made which may change something."""
        with self._database.transaction() as db:
            db.execute("UPDATE proposed_calls SET begun = begun + 1 WHERE id = ?", (proposal_id,))

    def delete(self, proposal_id: int) -> None:
        """Let a call wait no longer."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM proposed_calls WHERE id = ?", (proposal_id,))
