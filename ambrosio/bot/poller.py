"""Taking updates from Telegram into the inbox.

Our own loop over the raw `getUpdates`: a batch is checked by `access`, committed, and only then
acknowledged, by asking for what comes behind it. It parses no update, so no update can stop it.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence

import telegram
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from ..core.backoff import Backoff
from ..core.errors import InvalidBotToken, PollingConflict, StoreFailed
from ..core.messages import Chat
from ..store import Lane, NewUpdate, Store
from . import message_text, ptb
from .access import (
    FOREIGN_CHAT,
    NOT_ADDRESSED,
    UPDATE_KINDS,
    Access,
    AccessEvent,
    Admitted,
    Dropped,
    RawUpdate,
    Verdict,
    admit_part,
    check_access,
)
from .message_parts import MessagePart, joins, read_part

log = logging.getLogger(__name__)

POLL_SECONDS = 50  # the server's ceiling
READ_SECONDS = 65
FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 30.0
# A server that does not wait must not make us spin.
QUICK_SECONDS = 0.5
MAX_REFUSALS = 5
# Two pollers interrupt each other. The one that was there first stays: a new one gives up soon, an
# old one holds on for a while.
CONFLICT_SECONDS = 3.0
# So many messages of one user may wait in a chat: more than a long paste or a day offline makes.
MAX_WAITING = 200
NEW_SECONDS = 60.0
MAX_CONFLICTS_NEW = 3
MAX_CONFLICTS_OLD = 100


class Poller:
    """The polling loop."""

    def __init__(
        self,
        bot: telegram.Bot,
        store: Store,
        *,
        access: Callable[[], Access],
        on_stored: Callable[[Sequence[NewUpdate]], None],
        on_access_event: Callable[[AccessEvent], Awaitable[None]],
        knows_group: Callable[[RawUpdate], Awaitable[bool]],
        on_poll: Callable[[], None],
        on_dropped: Callable[[str], None],
        on_flood: Callable[[Chat], None],
        on_disk: Callable[[], Awaitable[None]],
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare the loop.

        Args:
            bot: asks Telegram.
            store: keeps the inbox.
            access: returns who is let in at the moment.
            on_stored: called with every batch once it is committed.
            on_access_event: handles pairing links and groups, before the batch is acknowledged.
            knows_group: says whether an unknown chat is a group of ours under a new id.
            on_poll: called after every completed getUpdates.
            on_dropped: called with the reason why an update was dropped.
            on_flood: called with the chat of a user for whom too much waits already.
            on_disk: waits until what was stored would survive a power cut.
            now: tells the time.
            sleep: waits.
        """
        self._bot, self._store = bot, store
        self._access, self._on_stored, self._on_access_event = access, on_stored, on_access_event
        self._knows_group = knows_group
        self._last_parts: dict[tuple[Chat, int], MessagePart] = {}
        self._on_poll, self._on_dropped, self._on_disk = on_poll, on_dropped, on_disk
        self._on_flood = on_flood
        self._now, self._sleep = now, sleep
        self._conflicts = self._refusals = 0

    async def run(self) -> None:
        """Poll until cancelled, or raise `InvalidBotToken` or `PollingConflict`."""
        offset = self._store.inbox.offset(self._bot.id)
        started_at, backoff = self._now(), Backoff(FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS)
        while True:
            try:
                asked_at = self._now()
                batch = await self._ask(offset)
                offset = await self._store_batch(batch, offset)
            except (Conflict, InvalidToken) as exc:
                await self._sleep(
                    self._conflict_pause(exc, new=self._now() < started_at + NEW_SECONDS)
                )
            except RetryAfter as exc:
                await self._sleep(ptb.retry_after_seconds(exc))
            except (TelegramError, StoreFailed) as exc:
                pause = backoff.next_seconds()
                reason = ptb.reason(exc) if isinstance(exc, TelegramError) else exc
                log.warning("no updates: %s; again in %.0f s", reason, pause)
                await self._sleep(pause)
            else:
                backoff.reset()
                self._conflicts = self._refusals = 0
                if not batch and self._now() - asked_at < QUICK_SECONDS:
                    await self._sleep(FIRST_PAUSE_SECONDS)

    async def _ask(self, offset: int | None) -> list[RawUpdate]:
        updates = await self._bot.do_api_request(
            "getUpdates",
            {
                "offset": offset,
                "timeout": POLL_SECONDS,
                # It sticks at the server until it is changed, so it goes with every call.
                "allowed_updates": list(UPDATE_KINDS),
            },
            read_timeout=READ_SECONDS,
        )
        if not isinstance(updates, list):
            raise TelegramError("getUpdates gave no list")
        self._on_poll()
        return [update for update in updates if isinstance(update, dict) and "update_id" in update]

    async def _store_batch(self, batch: list[RawUpdate], offset: int | None) -> int | None:
        """Bring a batch to the disk and return the offset behind it."""
        if not batch:
            return offset
        verdicts = [(update, await self._check(update)) for update in batch]
        received = []
        for update, verdict in self._with_unaddressed_parts(verdicts):
            if isinstance(verdict, Admitted):
                received.append(_new_update(update, verdict))
            elif isinstance(verdict, Dropped):
                self._on_dropped(verdict.reason)
        # Not the highest number: after a quiet week Telegram starts again from a random one.
        behind = int(batch[-1]["update_id"]) + 1
        received = self._without_flood(received)
        seen = seen_messages(batch)
        self._on_stored(self._store.receive(self._bot.id, behind, received, seen))
        await self._on_disk()
        return behind

    def _without_flood(self, received: list[NewUpdate]) -> list[NewUpdate]:
        """Leave out what users send for whom too much waits already; they are told once."""
        waiting: dict[tuple[Lane, int], int] = {}
        kept = []
        for new in received:
            key = new.lane, new.user_id
            if key not in waiting:
                waiting[key] = self._store.inbox.waiting_of(*key)
            if waiting[key] < MAX_WAITING:
                waiting[key] += 1
                kept.append(new)
            else:
                self._on_dropped("too many waiting")
                self._on_flood(new.chat)
        return kept

    async def _check(self, update: RawUpdate) -> Verdict:
        """Check an update; what it changes about access holds for those behind it."""
        verdict = check_access(update, self._access())
        if verdict == FOREIGN_CHAT and await self._knows_group(update):
            verdict = check_access(update, self._access())
        if not isinstance(verdict, Admitted | Dropped):
            await self._on_access_event(verdict)
        return verdict

    def _with_unaddressed_parts(
        self, verdicts: list[tuple[RawUpdate, Verdict]]
    ) -> list[tuple[RawUpdate, Verdict]]:
        """Admit what does not address the bot by itself but belongs to a message that does.

        In a group only one part of an album or a long paste names the bot, and of a forward with a
        comment the comment.
        """
        result, next_part = [], None
        for update, verdict in reversed(verdicts):
            part = read_part(update)
            admitted = verdict
            if part and next_part and verdict == NOT_ADDRESSED and joins(part, next_part):
                admitted = admit_part(update)
            next_part = part if isinstance(admitted, Admitted) else None
            result.append((update, admitted))
        result.reverse()
        for position, (update, verdict) in enumerate(result):
            if (part := read_part(update)) is None or part.edited:
                continue
            if verdict == NOT_ADDRESSED:
                admitted = admit_part(update)
                before = self._last_parts.get((admitted.chat, admitted.user_id))
                if before and joins(before, part):
                    result[position] = (update, admitted)
            if isinstance(last := result[position][1], Admitted) and last.chat.chat_id < 0:
                self._last_parts[last.chat, last.user_id] = part
        return result

    def _conflict_pause(self, exc: Conflict | InvalidToken, *, new: bool) -> float:
        """Return how many seconds to wait, or raise when trying again is pointless."""
        if isinstance(exc, InvalidToken):
            self._refusals += 1
            if self._refusals >= MAX_REFUSALS:
                raise InvalidBotToken from exc
            return FIRST_PAUSE_SECONDS * self._refusals
        self._conflicts += 1
        log.warning("another process polls with this bot's token")
        if self._conflicts >= (MAX_CONFLICTS_NEW if new else MAX_CONFLICTS_OLD):
            raise PollingConflict from exc
        return CONFLICT_SECONDS


def seen_messages(batch: Sequence[RawUpdate]) -> list[tuple[Chat, int]]:
    """List the messages that updates tell of, also those of strangers, with their chats."""
    bodies = []
    for update in batch:
        press = update.get("callback_query")
        pressed = press.get("message") if isinstance(press, dict) else None
        bodies += [update.get("message"), update.get("edited_message"), pressed]
    return [
        (Chat(chat_id), message_id)
        for body in bodies
        if isinstance(body, dict)
        and isinstance(chat := body.get("chat"), dict)
        and isinstance(chat_id := chat.get("id"), int)
        and isinstance(message_id := body.get("message_id"), int)
    ]


def _new_update(update: RawUpdate, verdict: Admitted) -> NewUpdate:
    message = update.get("message") or update.get("edited_message")
    return NewUpdate(
        update_id=int(update["update_id"]),
        chat=verdict.chat,
        message_id=verdict.message_id,
        # ASCII, so that half a surrogate pair from a broken client cannot hurt the database.
        body=json.dumps(update),
        urgent=verdict.urgent,
        user_id=verdict.user_id,
        digest=message_text.digest(message) if message else "",
        edited="edited_message" in update,
    )
