"""The updates that wait for the bot, and Telegram's rule for when they are forgotten.

Short polls in a quick row are not stretched to three seconds as Telegram stretches them.
"""

import asyncio
from typing import Any

from .. import Json
from .errors import BotApiError, bad
from .events import EventBus

MAX_POLL_SECONDS = 50
FIRST_ID = 1000
# An offset this far beyond the newest update is taken for one of an earlier numbering.
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
        """Queue an update and return its number, or None if the bot did not ask for its kind."""
        wanted = kind not in OPT_IN_KINDS if self.allowed is None else kind in self.allowed
        return self.inject({kind: body}) if wanted else None

    def inject(self, update: Json) -> int:
        """Queue an update as it is, sound or not; it is given a number unless it has one."""
        number = int(update.get("update_id", self.next_id))
        self.next_id = max(self.next_id, number + 1)
        self.pending.append({"update_id": number, **update})
        self._wake_polls()
        self._events.publish("update", update=self.pending[-1])
        return number

    def renumber(self, next_id: int) -> None:
        """Go on from another number, as Telegram does after a week without updates."""
        self.next_id = next_id

    def close(self) -> None:
        """Let every poll go with what there is."""
        self._closed = True
        self._wake_polls()

    def set_webhook(self, url: str, *, drop_pending: bool) -> None:
        """Set the address for updates, or none; polls under way are ended by a new address."""
        self.webhook = url
        if drop_pending:
            self.pending.clear()
        if url:
            self._poll_error = BotApiError(409, "Conflict: terminated by setWebhook request")
            self._poll = object()
            self._wake_polls()

    async def get(self, params: Json) -> list[Json]:
        """Serve getUpdates: confirm, then wait for something to serve."""
        if self.webhook:
            raise BotApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        mine = self._begin_poll()
        if (allowed := params.get("allowed_updates")) is not None:
            self.allowed = set(allowed) or None
        limit = min(max(int(params.get("limit", 100)), 1), 100)
        timeout = min(int(params.get("timeout", 0)), MAX_POLL_SECONDS)
        if timeout < 0:
            raise bad("timeout must be non-negative")
        self._confirm(int(params.get("offset", 0)))
        await self._wait(mine, timeout)
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
            self.pending = [each for each in self.pending if each["update_id"] >= offset]

    async def _wait(self, mine: object, timeout: float) -> None:  # noqa: ASYNC109 - Telegram's name
        try:
            async with asyncio.timeout(timeout):
                while not self.pending and not self._closed:
                    await self._wake.wait()
                    self._check_current(mine)
        except TimeoutError:
            pass
        self._check_current(mine)

    def _check_current(self, mine: object) -> None:
        if mine is not self._poll and self._poll_error is not None:
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
