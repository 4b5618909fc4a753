"""Telegram's flood limits, as far as they are known.

Documented: 1 message a second per chat (short bursts are allowed), 20 a minute per group and 30 a
second overall; edits count as messages. Our assumptions, as Telegram does not say: a burst is five
messages; drafts and chat actions have their own budget, four a second per chat with a burst of
twenty; each call during a penalty extends it by five seconds.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from .errors import BotApiError

MESSAGES = {
    "sendMessage",
    "sendRichMessage",
    "sendPhoto",
    "sendDocument",
    "sendVoice",
    "sendMediaGroup",
    "editMessageText",
    "editMessageCaption",
    "editMessageReplyMarkup",
}
TYPING = {"sendMessageDraft", "sendRichMessageDraft", "sendChatAction"}
PENALTY_SECONDS = 5.0


@dataclass
class FloodBucket:
    """A token bucket: `size` calls at once, then `per_second`."""

    size: float
    per_second: float
    level: float
    at: float

    def wait(self, now: float, cost: int) -> float:
        """Return the seconds until the call fits; 0 if it does now."""
        self.level = min(self.size, self.level + (now - self.at) * self.per_second)
        self.at = now
        # An album may cost more than the bucket holds; then a full bucket is enough.
        missing = min(cost, self.size) - self.level
        return max(0.0, missing / self.per_second)


class FloodLimits:
    """The budgets of all chats; off until `enabled` is set."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: dict[tuple[str, int], FloodBucket] = {}
        self._penalties: dict[tuple[bool, int], float] = defaultdict(float)
        self.enabled = False

    def check(self, method: str, chat_id: int, cost: int = 1) -> None:
        """Charge the call to the budgets, or raise `BotApiError` with the seconds to wait."""
        typing = method in TYPING
        if not self.enabled or not (typing or method in MESSAGES):
            return
        now, key = self._now(), (typing, chat_id)
        if now < self._penalties[key]:
            self._refuse(key, self._penalties[key] + PENALTY_SECONDS)
        buckets = self._typing(chat_id, now) if typing else self._messages(chat_id, now)
        if (wait := max(bucket.wait(now, cost) for bucket in buckets)) > 0:
            self._refuse(key, now + max(1.0, wait))
        for bucket in buckets:
            bucket.level -= cost

    def _refuse(self, key: tuple[bool, int], until: float) -> None:
        self._penalties[key] = until
        seconds = math.ceil(until - self._now())
        raise BotApiError(429, f"Too Many Requests: retry after {seconds}", seconds)

    def _messages(self, chat_id: int, now: float) -> list[FloodBucket]:
        buckets = [self._bucket("all", 0, 30, 30, now)]
        if chat_id < 0:
            return [*buckets, self._bucket("group", chat_id, 20, 20 / 60, now)]
        return [*buckets, self._bucket("chat", chat_id, 5, 1, now)]

    def _typing(self, chat_id: int, now: float) -> list[FloodBucket]:
        return [self._bucket("typing", chat_id, 20, 4, now)]

    def _bucket(
        self, name: str, chat_id: int, size: float, per_second: float, now: float
    ) -> FloodBucket:
        fresh = FloodBucket(size, per_second, size, now)
        return self._buckets.setdefault((name, chat_id), fresh)
