"""What models called while they answered: kept with the turn, and counted by chat."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ..core.messages import TERMINAL, Chat
from ..core.tools import Source, ToolCall, ToolResult, ToolRound
from .database import Database, chat_key


def pack_rounds(rounds: Iterable[ToolRound]) -> str:
    """Write the calls of a turn as JSON."""
    packed = [
        {
            "text": one.text,
            "calls": [[call.call_id, call.name, call.arguments] for call in one.calls],
            "results": [
                [
                    result.content,
                    result.line,
                    result.from_outside,
                    [[source.title, source.url] for source in result.sources],
                ]
                for result in one.results
            ],
        }
        for one in rounds
    ]
    return json.dumps(packed, ensure_ascii=False)


def unpack_rounds(packed: str) -> tuple[ToolRound, ...]:
    """Read the calls of a turn; what was done for them is not kept."""
    return tuple(
        ToolRound(
            tuple(ToolCall(*call) for call in one["calls"]),
            tuple(
                ToolResult(
                    content, line, from_outside, tuple(Source(*source) for source in sources)
                )
                for content, line, from_outside, sources in one["results"]
            ),
            one["text"],
        )
        for one in json.loads(packed)
    )


@dataclass(frozen=True, slots=True)
class ToolVisits:
    """How often a tool was used in a chat, and when last; `destination` got its arguments."""

    tool: str
    destination: str
    uses: int
    last_at: float


class ToolUses:
    """How often each tool was used in each chat; no words."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, chat: Chat, tool: str, destination: str = "") -> None:
        """Note, before it happens, that a tool is used in a chat."""
        place = self._database.current_place(chat)[0]
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO tool_uses VALUES (?, ?, ?, ?, 1, ?)"
                " ON CONFLICT DO UPDATE SET count = count + 1, last_at = excluded.last_at",
                (*chat_key(place), tool, destination, self._database.now()),
            )

    def begin_change(self, chat: Chat, message_id: int) -> None:
        """Note, before it happens, that something may be changed elsewhere for a message."""
        if chat == TERMINAL:
            # Nothing that is typed there runs again.
            return
        place, message_id = self._database.current_place(chat, message_id)
        with self._database.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO begun_changes VALUES (?, ?)", (place.chat_id, message_id)
            )

    def has_begun_change(self, chat: Chat, message_id: int) -> bool:
        """Say whether an attempt at a message's turn was cut off after it had begun a change."""
        place, message_id = self._database.current_place(chat, message_id)
        rows = self._database.read(
            "SELECT 1 FROM begun_changes WHERE chat_id = ? AND message_id = ?",
            place.chat_id,
            message_id,
        )
        return bool(rows)

    def end_changes(self, chat: Chat, message_id: int) -> None:
        """Note that a message's turn is stored: what it has changed is known."""
        place, message_id = self._database.current_place(chat, message_id)
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM begun_changes WHERE chat_id = ? AND message_id = ?",
                (place.chat_id, message_id),
            )

    def all(self, chat: Chat) -> list[ToolVisits]:
        """List the tools that were used in a chat, the latest first."""
        rows = self._database.read(
            "SELECT * FROM tool_uses WHERE chat_id = ? AND topic_id = ? ORDER BY last_at DESC",
            *self._database.current_key(chat),
        )
        return [
            ToolVisits(row["tool"], row["destination"], row["count"], row["last_at"])
            for row in rows
        ]
