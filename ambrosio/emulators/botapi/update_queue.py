"""The updates waiting for the bot, and Telegram's rules for confirming them.

Unlike Telegram, it does not slow down short polls in quick succession.
"""

import asyncio
from typing import Any

from .. import Json
from .errors import BotApiError, bad
from .events import EventBus

MAX_POLL_SECONDS = 50
FIRST_ID = 1000
# An offset further than this beyond the newest update belongs to an earlier numbering.
OFFSET_SLACK = 10
OPT_IN_KINDS = {"chat_member", "message_reaction", "message_reaction_count"}


class UpdateQueue:
    """The queue between Telegram and the bot."""

    def __init__(self, events: EventBus) -> None:
        self._events = events
        self._wake = asyncio.Event()
        self._poll = object()
        self._poll_error: BotApiError | None = None
        self._closed = False
        self.next_id = FIRST_ID
        self.pending: list[Json] = []
        self.allowed: set[str] | None = None
        self.webhook = ""

    def add(self, kind: str, body: Json) -> int | None:
        """Queue an update and return its id, or None if the bot did not ask for its kind."""
        wanted = kind not in OPT_IN_KINDS if self.allowed is None else kind in self.allowed
        return self.inject({kind: body}) if wanted else None

    def inject(self, update: Json) -> int:
        """Queue a raw update, valid or not, and return its id; it gets one unless it has one."""
        update_id = int(update.get("update_id", self.next_id))
        self.next_id = max(self.next_id, update_id + 1)
        self.pending.append({"update_id": update_id, **update})
        self._wake_polls()
        self._events.publish("update", update=self.pending[-1])
        return update_id

    def renumber(self, next_id: int) -> None:
        """Continue from another id, as Telegram does after a week without updates."""
        self.next_id = next_id

    def close(self) -> None:
        """End all polls with the updates there are."""
        self._closed = True
        self._wake_polls()

    def set_webhook(self, url: str, *, drop_pending: bool) -> None:
        """Set or remove the webhook URL; setting one ends running polls."""
        self.webhook = url
        if drop_pending:
            self.pending.clear()
        if url:
            self._poll_error = BotApiError(409, "Conflict: terminated by setWebhook request")
            self._poll = object()
            self._wake_polls()

    async def get(self, params: Json) -> list[Json]:
        """Answer getUpdates: confirm older updates, then wait for new ones."""
        if self.webhook:
            raise BotApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        poll = self._begin_poll()
        if (allowed := params.get("allowed_updates")) is not None:
            self.allowed = set(allowed) or None
        limit = min(max(int(params.get("limit", 100)), 1), 100)
        timeout = min(int(params.get("timeout", 0)), MAX_POLL_SECONDS)
        if timeout < 0:
            raise bad("timeout must be non-negative")
        self._confirm(int(params.get("offset", 0)))
        await self._wait(poll, timeout)
        return self.pending[:limit]

    def _begin_poll(self) -> object:
        self._poll_error = BotApiError(
            409,
            "Conflict: terminated by other getUpdates request; "
            "make sure that only one bot instance is running",
        )
        self._poll = object()
        self._wake_polls()
        return self._poll

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            self.pending = self.pending[offset:]
        elif 0 < offset <= self.next_id + OFFSET_SLACK:
            self.pending = [u for u in self.pending if u["update_id"] >= offset]

    async def _wait(self, poll: object, timeout: float) -> None:  # noqa: ASYNC109 - Telegram's name
        try:
            async with asyncio.timeout(timeout):
                while not self.pending and not self._closed:
                    await self._wake.wait()
                    self._check_current(poll)
        except TimeoutError:
            pass
        self._check_current(poll)

    def _check_current(self, poll: object) -> None:
        if poll is not self._poll and self._poll_error is not None:
            raise self._poll_error

    def _wake_polls(self) -> None:
        self._wake.set()
        self._wake = asyncio.Event()


def webhook_info(updates: UpdateQueue) -> dict[str, Any]:
    """Answer getWebhookInfo."""
    return {
        "url": updates.webhook,
        "has_custom_certificate": False,
        "pending_update_count": len(updates.pending),
    }
