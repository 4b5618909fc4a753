"""Everything that must outlive the process: one SQLite file, and a folder of pictures beside it.

Start here: `Store` has a component for each noun, and what changes in several of them at once is a
method of its own, one transaction. Imports only `core`; decides nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Self

from ..core.messages import Chat, Delete, Outgoing
from ..core.sound import Transcript
from .archive import Archive, ConversationTurn
from .chats import Chats, ChatState, ProviderLine, ProviderVisits
from .conversations import Conversations, StoredTurn, TurnResult
from .database import Database
from .documents import Documents
from .erasing import Erasing, Erasure
from .facts import Fact, Facts
from .images import Images, ImageSet, StoredImage
from .inbox import Inbox, InboxItem, Lane, NewUpdate
from .known_message_ids import KnownMessageIds, SearchRange
from .ledger import Ledger, UsageSummary
from .mcp_tools import AllowedTool, McpTools
from .outbox import Outbox
from .people import People, Person
from .pictures import Pictures, folder_of
from .proposed_calls import ProposedCalls, WaitingCall
from .reminders import Reminder, Reminders
from .tool_rounds import ToolUses, ToolVisits
from .transcripts import RecordingKey, Transcripts
from .turn_search import SearchHit, TurnSearch

__all__ = [
    "AllowedTool",
    "ChatState",
    "ConversationTurn",
    "Erasure",
    "Fact",
    "ImageSet",
    "InboxItem",
    "Lane",
    "NewUpdate",
    "Person",
    "ProviderLine",
    "ProviderVisits",
    "RecordingKey",
    "Reminder",
    "SearchHit",
    "SearchRange",
    "Store",
    "StoredImage",
    "StoredTurn",
    "ToolVisits",
    "TurnResult",
    "UsageSummary",
    "WaitingCall",
]

ORIGINALS_BYTES = 500 * 1024 * 1024


class Store:
    """The database; `with` opens and closes it.

    Every method may raise `StoreFailed` or `NotStorable`.

    Args:
        path: the file, or `:memory:`.
        now: tells the time in seconds.
        originals_bytes: how many bytes of original images are kept.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        now: Callable[[], float],
        originals_bytes: int = ORIGINALS_BYTES,
    ) -> None:
        self._path = path
        self.database = Database(path, now=now)
        self.inbox = Inbox(self.database)
        self.outbox = Outbox(self.database)
        self.known_message_ids = KnownMessageIds(self.database)
        self.chats = Chats(self.database)
        self.conversations = Conversations(self.database)
        self.images = Images(self.database, originals_bytes=originals_bytes)
        self.people = People(self.database)
        self.ledger = Ledger(self.database)
        self.pictures = Pictures(self.database, folder_of(path))
        self.documents = Documents(self.database)
        self.turn_search = TurnSearch(self.database)
        self.archive = Archive(self.database, self.pictures)
        self.erasing = Erasing(self.database, self.pictures, self.documents)
        self.reminders = Reminders(self.database)
        self.facts = Facts(self.database)
        self.transcripts = Transcripts(self.database)
        self.tool_uses = ToolUses(self.database)
        self.mcp_tools = McpTools(self.database)
        self.proposed_calls = ProposedCalls(self.database)

    def __enter__(self) -> Self:
        """Open the file and bring its tables up to date."""
        self.database.open()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.database.close()

    def receive(
        self,
        bot_id: int,
        offset: int,
        updates: Iterable[NewUpdate],
        seen: Iterable[tuple[Chat, int]] = (),
    ) -> list[NewUpdate]:
        """Store a batch, see `Inbox.receive`, and note all messages that Telegram has told of."""
        with self.database.transaction():
            if self.inbox.offset(bot_id) is None:
                # The ids that are known are those of another bot.
                self.known_message_ids.forget()
            stored = self.inbox.receive(bot_id, offset, updates)
            for update in stored:
                self.known_message_ids.note_newest(update.chat, update.message_id)
            self.known_message_ids.note_seen(seen)
        return stored

    def finish(
        self,
        item: InboxItem | None,
        replies: Iterable[Outgoing] = (),
        result: TurnResult | None = None,
        image_set: ImageSet | None = None,
        *,
        keeps_message: bool = False,
        confirm: Callable[[], Iterable[Outgoing]] = tuple,
    ) -> int | None:
        """Close an update with all its results and return the turn's id, if there is a turn.

        The outbox, the history and the inbox change together or not at all, so that a crash at any
        moment neither loses an answer nor asks for it twice. `keeps_message` keeps the message of
        the turn as it was received, to be read again. `confirm` stores what else it has led to, and
        returns the messages that say so.
        """
        with self.database.transaction():
            replies = [*replies, *confirm()]
            turn_id = self.conversations.save(result) if result else None
            if result and turn_id is not None:
                self.proposed_calls.tie(result.turn, turn_id)
                self.tool_uses.end_changes(result.turn.chat, result.turn.message_id)
            if image_set and turn_id is not None:
                self.images.save(turn_id, image_set)
            self.outbox.enqueue(*replies, turn_id=turn_id)
            if image_set:
                self.images.drop_old_originals()
            if item:
                kept = item.parts or ((item,) if keeps_message else ())
                if turn_id is not None and kept:
                    bodies = {part.message_id: part.body for part in kept}
                    self.conversations.keep_parts(item.chat, item.message_id, bodies)
                self.inbox.mark_done(item)
        return turn_id

    def erase(
        self,
        erasure: Erasure,
        *,
        pause: Callable[[float], None] = lambda _seconds: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Erasure | None:
        """Erase something to the last byte, see `Erasing.erase`; made for a thread."""
        with self.database.another() as database:
            pictures = Pictures(database, folder_of(self._path))
            erasing = Erasing(database, pictures, Documents(database))
            return erasing.erase(erasure, pause=pause, stopped=stopped)

    def close_erasure(self, erasure: Erasure, messages: Iterable[Outgoing]) -> None:
        """Note that something is erased, together with the messages that say so."""
        with self.database.transaction():
            self.erasing.close(erasure)
            self.outbox.enqueue(*messages)

    def current_chat(self, chat: Chat) -> Chat:
        """Return the chat itself, or the supergroup that it has become."""
        return self.database.current_place(chat)[0]

    def put_back(self, item: InboxItem, replies: Iterable[Outgoing] = ()) -> None:
        """Let an update wait again, since what has come after it belongs to it."""
        with self.database.transaction():
            self.outbox.enqueue(*replies)
            self.inbox.release(item)

    def move_chat(self, old_chat_id: int, new_chat_id: int) -> None:
        """Let a group go on under the id that it has as a supergroup, with all that is kept of it.

        Whatever has a `chat_id` moves: history, settings, privacy, permission, what waits in the
        inbox and the outbox. Its messages keep their numbers, made negative. What is stored later
        under the old id follows. Doing it again changes nothing.
        """
        with self.database.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO moved_chats VALUES (?, ?)", (old_chat_id, new_chat_id)
            )
            # What it replies to, edits or deletes stayed behind.
            db.execute(
                "DELETE FROM outbox WHERE chat_id = ?"
                " AND json_extract(body, '$.delete_message_id') IS NOT NULL",
                (old_chat_id,),
            )
            db.execute(
                "UPDATE outbox SET body = json_remove(body, '$.reply_to_id', '$.edit_message_id')"
                " WHERE chat_id = ?",
                (old_chat_id,),
            )
            db.execute(
                "UPDATE chats SET local_only = 1 WHERE chat_id = ? AND EXISTS"
                " (SELECT 1 FROM chats WHERE chat_id = ? AND local_only)",
                (new_chat_id, old_chat_id),
            )
            for table, message_columns in self._tables_with_chats().items():
                changes = ["chat_id = ?", *(f"{name} = -abs({name})" for name in message_columns)]
                # Where the supergroup has a row already, that one is newer.
                db.execute(
                    f"UPDATE OR IGNORE {table} SET {', '.join(changes)} WHERE chat_id = ?",  # noqa: S608  our own names
                    (new_chat_id, old_chat_id),
                )
                db.execute(f"DELETE FROM {table} WHERE chat_id = ?", (old_chat_id,))  # noqa: S608

    def _tables_with_chats(self) -> dict[str, list[str]]:
        """Map each table that has a `chat_id` to its columns that hold message ids."""
        rows = self.database.read(
            "SELECT tables.name AS table_name, columns.name AS column_name"
            " FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns"
            " WHERE tables.type = 'table'"
        )
        columns: dict[str, list[str]] = {}
        for row in rows:
            columns.setdefault(row["table_name"], []).append(row["column_name"])
        return {
            table: [name for name in names if name.endswith("message_id")]
            for table, names in columns.items()
            if "chat_id" in names
        }

    def send_due(
        self, now: float, write: Callable[[Reminder], Outgoing | None], *, limit: int = 100
    ) -> list[Chat]:
        """Move the reminders that are due into the outbox; return the chats that got one.

        The message and the reminder's next moment are one transaction, so that a crash neither
        loses a reminder nor sends it twice. `write` makes the message; where it returns None the
        reminder is deleted.
        """
        chats = dict[Chat, None]()
        with self.database.transaction():
            for reminder in self.reminders.due(now, limit):
                message = write(reminder)
                if message is None:
                    self.reminders.delete(reminder.reminder_id)
                    continue
                self.outbox.enqueue(message)
                chats[reminder.chat] = None
                self.reminders.advance(reminder, now)
        return list(chats)

    def keep_transcripts(
        self, heard: Mapping[RecordingKey, Transcript], messages: Iterable[Outgoing]
    ) -> None:
        """Keep what was heard in recordings, together with the messages that show it."""
        with self.database.transaction():
            for key, transcript in heard.items():
                self.transcripts.keep(key, transcript)
            self.outbox.enqueue(*messages)

    def correct_transcript(
        self, chat: Chat, message_id: int, text: str, messages: Iterable[Outgoing]
    ) -> None:
        """Put what a person says they have said in the place of what was heard."""
        with self.database.transaction():
            self.transcripts.correct(chat, message_id, text)
            self.outbox.enqueue(*messages)

    def dead_letter(self, item: InboxItem, error: str, replies: Iterable[Outgoing] = ()) -> None:
        """Give an update up for good and say so with `replies`."""
        with self.database.transaction():
            self.inbox.mark_dead(item, error)
            self.outbox.enqueue(*replies)

    def notify_once(self, name: str, messages: Iterable[Outgoing]) -> bool:
        """Enqueue messages, unless that was done before under the same name; say whether."""
        with self.database.transaction() as db:
            done = db.execute("INSERT OR IGNORE INTO notices VALUES (?)", (name,))
            if done.rowcount:
                self.outbox.enqueue(*messages)
        return bool(done.rowcount)

    def switch_off_tools(
        self, server: str, names: Iterable[str], messages: Iterable[Outgoing]
    ) -> bool:
        """Switch tools of an MCP server off and say so, unless they are off; say whether."""
        with self.database.transaction():
            is_news = self.mcp_tools.switch_off(server, names)
            if is_news:
                self.outbox.enqueue(*messages)
        return is_news

    def admit(self, person: Person, replies: Iterable[Outgoing] = ()) -> None:
        """Let a user in, and welcome them with `replies`."""
        with self.database.transaction():
            self.people.add(person)
            self.outbox.enqueue(*replies)

    def record_draft(self, item: InboxItem, message_id: int) -> None:
        """Note a message that must be deleted once the answer is there, or is now if it is.

        It shows local-only text too, and a user may reply to it while it is there.
        """
        with self.database.transaction():
            self.known_message_ids.note_sent(item.chat, message_id)
            if not self.inbox.record_draft(item, message_id):
                self.outbox.enqueue(Delete(item.chat, message_id))
            if self.conversations.is_local_only(item.chat, item.message_id):
                self.conversations.mark_local_only(item.chat, message_id)

    def record_sent(
        self,
        outbox_id: int,
        message: Outgoing,
        message_ids: Iterable[int] = (),
        file_ids: Iterable[str] = (),
    ) -> None:
        """Take a message out of the outbox; `message_ids` and `file_ids` are Telegram's."""
        with self.database.transaction():
            self.outbox.remove(outbox_id)
            if isinstance(message, Delete):
                self.conversations.remove_answer_message(message.chat, message.message_id)
                return
            self.images.record_file_ids(message, file_ids)
            for message_id in message_ids:
                self.known_message_ids.note_sent(message.chat, message_id)
                self.conversations.add_answer_message(message, message_id)
                if message.recording_message_id is not None:
                    self.transcripts.record_shown(
                        message.chat,
                        message_id,
                        message.recording_message_id,
                        is_prompt=message.asks_for_reply,
                    )
