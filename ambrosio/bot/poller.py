"""Taking updates from Telegram into the inbox.

Our own loop over the raw `getUpdates`: a batch is judged by the gate, committed, and only then
acknowledged, by asking for what comes behind it. It parses nothing, so nothing can stop it, and it
knows when it last heard from Telegram.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import telegram
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from ..core.errors import InvalidBotToken, PollingConflict, StoreFailed
from ..store import NewUpdate, Store
from .access import (
    UPDATE_KINDS,
    Access,
    Admitted,
    Dropped,
    Membership,
    PairingAttempt,
    RawUpdate,
    check_access,
)

log = logging.getLogger(__name__)

POLL_SECONDS = 50  # the server's ceiling
READ_SECONDS = 65
FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 30.0
# A server that does not wait must not make us spin.
QUICK_SECONDS = 0.5
MAX_REFUSALS = 5
# Two pollers throw each other out. The one that was there first stays: whoever is thrown out while
# it is new gives up soon, the other holds on for a while.
CONFLICT_SECONDS = 3.0
NEW_SECONDS = 60.0
MAX_CONFLICTS_NEW = 3
MAX_CONFLICTS_OLD = 100

URGENT = "!"


class Poller:
    """The loop, and what it knows of itself."""

    def __init__(
        self,
        bot: telegram.Bot,
        store: Store,
        *,
        access: Callable[[], Access],
        on_stored: Callable[[Sequence[NewUpdate]], None],
        on_access_event: Callable[[PairingAttempt | Membership], Awaitable[None]],
        on_poll: Callable[[], None],
        on_dropped: Callable[[str], None],
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take what the loop reports to.

        Args:
            bot: asks Telegram.
            store: keeps the inbox.
            access: who is let in at the moment.
            kept: is told of every batch that is safe.
            aside: sees to pairing links and groups, before the batch is acknowledged.
            heard: is told of every completed getUpdates.
            dropped: is told why an update went no further.
            now: tells the time.
            sleep: waits.
        """
        self._bot, self._store = bot, store
        self._access, self._kept, self._aside = access, on_stored, on_access_event
        self._heard, self._dropped = on_poll, on_dropped
        self._now, self._sleep = now, sleep
        self._conflicts = self._refusals = 0

    async def run(self) -> None:
        """Poll until cancelled, or raise `InvalidBotToken` or `PollingConflict`."""
        offset = self._store.offset(self._bot.id)
        started_at, pause = self._now(), FIRST_PAUSE_SECONDS
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
                after = exc.retry_after
                await self._sleep(after if isinstance(after, int) else after.total_seconds())
            except (TelegramError, StoreFailed) as exc:
                log.warning("no updates: %s; again in %.0f s", type(exc).__name__, pause)
                await self._sleep(pause)
                pause = min(pause * 2, MAX_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS
                self._conflicts = self._refusals = 0
                if not batch and self._now() - asked_at < QUICK_SECONDS:
                    await self._sleep(FIRST_PAUSE_SECONDS)

    async def _ask(self, offset: int | None) -> list[RawUpdate]:
        found = await self._bot.do_api_request(
            "getUpdates",
            {
                "offset": offset,
                "timeout": POLL_SECONDS,
                # It sticks at the server until it is changed, so it goes with every call.
                "allowed_updates": list(UPDATE_KINDS),
            },
            read_timeout=READ_SECONDS,
        )
        if not isinstance(found, list):
            raise TelegramError("getUpdates gave no list")
        self._heard()
        return [update for update in found if isinstance(update, dict) and "update_id" in update]

    async def _store_batch(self, batch: list[RawUpdate], offset: int | None) -> int | None:
        """Commit a batch and give the offset behind it."""
        if not batch:
            return offset
        access, received = self._access(), []
        for update in batch:
            verdict = check_access(update, access)
            if isinstance(verdict, Admitted):
                received.append(_new_update(update, verdict))
            elif isinstance(verdict, Dropped):
                self._dropped(verdict.reason)
            else:
                await self._aside(verdict)
                access = self._access()
        # Not the highest number: after a quiet week Telegram starts again from a random one.
        behind = int(batch[-1]["update_id"]) + 1
        self._store.receive(self._bot.id, behind, received)
        self._kept(received)
        return behind

    def _conflict_pause(self, exc: Conflict | InvalidToken, *, new: bool) -> float:
        """Say how long to wait, or raise when it makes no sense any more."""
        if isinstance(exc, InvalidToken):
            self._refusals += 1
            if self._refusals >= MAX_REFUSALS:
                raise InvalidBotToken from exc
            return FIRST_PAUSE_SECONDS * self._refusals
        self._conflicts += 1
        log.warning("somebody else polls with this bot's token")
        if self._conflicts >= (MAX_CONFLICTS_NEW if new else MAX_CONFLICTS_OLD):
            raise PollingConflict from exc
        return CONFLICT_SECONDS


def _new_update(update: RawUpdate, verdict: Admitted) -> NewUpdate:
    lane = f"{verdict.chat.chat_id}:{verdict.chat.topic_id}"
    return NewUpdate(
        update_id=int(update["update_id"]),
        lane=f"{URGENT}{lane}" if verdict.urgent else lane,
        chat=verdict.chat,
        message_id=verdict.message_id,
        body=_json(update),
    )


def _json(update: Any) -> str:
    # ASCII, so that half a surrogate pair from a broken client cannot hurt the database.
    return json.dumps(update)
