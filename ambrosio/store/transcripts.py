"""What was heard in the recordings of a chat, until its turns are forgotten.

Kept as soon as it is there: a crash before the answer does not have it paid for again.
"""

from dataclasses import dataclass

from ..core.messages import Chat, ModelRef
from ..core.sound import Transcript
from .database import Database, chat_key

# The number of the whole; the pieces of a recording that was cut count from 0.
WHOLE = -1


@dataclass(frozen=True, slots=True)
class RecordingKey:
    """One recording of a message; `file_id` is Telegram's that never changes."""

    chat: Chat
    message_id: int
    user_id: int
    file_id: str


@dataclass(frozen=True, slots=True)
class ShownTranscript:
    """A message of the bot that shows a transcript, or (`is_prompt`) asks for the right one."""

    message_id: int
    is_prompt: bool


class Transcripts:
    """Transcripts by message and recording, and the messages that show them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, key: RecordingKey) -> Transcript | None:
        """Return the whole transcript of a recording."""
        rows = self._database.read(
            "SELECT text, provider, model FROM transcripts WHERE chat_id = ? AND message_id = ?"
            " AND file_id = ? AND number = ?",
            key.chat.chat_id,
            key.message_id,
            key.file_id,
            WHOLE,
        )
        if not rows:
            return None
        ref = ModelRef(rows[0]["provider"], rows[0]["model"]) if rows[0]["provider"] else None
        return Transcript(rows[0]["text"], ref)

    def find_piece(self, key: RecordingKey, ref: ModelRef, number: int) -> str | None:
        """Return what a provider has heard in a piece of a recording."""
        rows = self._database.read(
            "SELECT text FROM transcripts WHERE chat_id = ? AND message_id = ? AND file_id = ?"
            " AND number = ? AND provider = ? AND model = ?",
            key.chat.chat_id,
            key.message_id,
            key.file_id,
            number,
            ref.provider,
            ref.model,
        )
        return str(rows[0]["text"]) if rows else None

    def keep(self, key: RecordingKey, transcript: Transcript) -> None:
        """Keep the whole transcript in the place of its pieces."""
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM transcripts WHERE chat_id = ? AND message_id = ? AND file_id = ?",
                (key.chat.chat_id, key.message_id, key.file_id),
            )
            self._insert(key, transcript, WHOLE)

    def keep_piece(self, key: RecordingKey, transcript: Transcript, number: int) -> None:
        """Keep what was heard in a piece."""
        with self._database.transaction():
            self._insert(key, transcript, number)

    def _insert(self, key: RecordingKey, transcript: Transcript, number: int) -> None:
        ref = transcript.ref or ModelRef("", "")
        with self._database.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO transcripts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *chat_key(key.chat),
                    key.message_id,
                    key.user_id,
                    key.file_id,
                    number,
                    ref.provider,
                    ref.model,
                    transcript.text,
                    self._database.now(),
                ),
            )

    def correct(self, chat: Chat, message_id: int, text: str) -> None:
        """Change what was heard in the recordings of a message; all of it is in the first then."""
        with self._database.transaction() as db:
            here = (chat.chat_id, message_id)
            db.execute(
                "UPDATE transcripts SET text = '' WHERE chat_id = ? AND message_id = ?", here
            )
            db.execute(
                "UPDATE transcripts SET text = ?1 WHERE chat_id = ?2 AND message_id = ?3"
                " AND file_id = (SELECT min(file_id) FROM transcripts"
                " WHERE chat_id = ?2 AND message_id = ?3)",
                (text, *here),
            )

    # --- correcting -------------------------------------------------------------------------------

    def speaker(self, chat: Chat, message_id: int) -> int | None:
        """Return whose recording a message is; None if nothing was heard in it."""
        rows = self._database.read(
            "SELECT user_id FROM transcripts WHERE chat_id = ? AND message_id = ? LIMIT 1",
            chat.chat_id,
            message_id,
        )
        return int(rows[0]["user_id"]) if rows else None

    def record_shown(
        self, chat: Chat, message_id: int, recording_message_id: int, *, is_prompt: bool
    ) -> None:
        """Note that a message shows a transcript, or asks for the right one."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO transcript_messages VALUES (?, ?, ?, ?, ?)",
                (*chat_key(chat), message_id, recording_message_id, is_prompt),
            )

    def asked_by(self, chat: Chat, message_id: int) -> int | None:
        """Return the recording whose right text a message asks for; None if it asks for none."""
        rows = self._database.read(
            "SELECT recording_message_id FROM transcript_messages"
            " WHERE chat_id = ? AND message_id = ? AND is_prompt",
            chat.chat_id,
            message_id,
        )
        return int(rows[0]["recording_message_id"]) if rows else None

    def shown(self, chat: Chat, recording_message_id: int) -> list[ShownTranscript]:
        """List the messages that show the transcript of a recording or ask for it."""
        rows = self._database.read(
            "SELECT message_id, is_prompt FROM transcript_messages"
            " WHERE chat_id = ? AND recording_message_id = ? ORDER BY message_id",
            chat.chat_id,
            recording_message_id,
        )
        return [ShownTranscript(row["message_id"], bool(row["is_prompt"])) for row in rows]
