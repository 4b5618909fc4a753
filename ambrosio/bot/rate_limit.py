"""How many calls Telegram accepts, and when.

Pure, with a clock passed in, which may be set. Telegram's documented limits
(core.telegram.org/bots/faq): about one message a second in a chat with short bursts, twenty a
minute in a group, thirty a second in all; edits count like messages. Drafts and chat actions are
not documented; they have limits of their own here, and go only where messages leave room. A flood
wait in one chat does not slow another.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

SendKind = Literal["send", "preview", "hint"]

# Previews leave this much to the answer itself, which then never waits for its own preview.
RESERVE = 2.0
# All chats together. Calls may reach Telegram closer to each other than they left here, so the
# window is a little longer than its second.
MAX_IN_WINDOW = 30
WINDOW_SECONDS = 1.03
# What may go out while others' answers wait: previews that are edits, and drafts and chat actions.
MAX_PREVIEWS_IN_WINDOW = 20
# A wait shorter than this is a rounding error: around today's Unix time, floats are 0.24 µs apart.
ROUNDING = 1e-6


@dataclass(slots=True)
class TokenBucket:
    """Holds up to `capacity` calls and refills by `per_second`."""

    capacity: float
    per_second: float
    level: float = field(init=False)
    at: float | None = None

    def __post_init__(self) -> None:
        self.level = self.capacity

    def wait_seconds(self, now: float, *, reserve: float = 0.0, count: int = 1) -> float:
        """Say how long until `count` calls fit and `reserve` is left."""
        self._refill(now)
        missing = min(count, self.capacity) + reserve - self.level
        return missing / self.per_second if missing > ROUNDING else 0.0

    def take(self, now: float) -> None:
        """Count a call; it may go below zero, which the next ones wait for."""
        self._refill(now)
        self.level -= 1

    def _refill(self, now: float) -> None:
        if self.at is not None:
            gained = max(0.0, now - self.at) * self.per_second
            self.level = min(self.capacity, self.level + gained)
        self.at = now


class SlidingWindow:
    """The calls of the last `seconds`, at any moment."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._calls: deque[float] = deque()

    def wait_seconds(self, now: float, limit: int) -> float:
        """Say how long until fewer than `limit` calls are in it."""
        if self._calls and self._calls[-1] > now:
            # The clock was set back.
            self._calls.clear()
        while self._calls and self._calls[0] + self._seconds <= now + ROUNDING:
            self._calls.popleft()
        if len(self._calls) < limit:
            return 0.0
        return self._calls[-limit] + self._seconds - now

    def add(self, now: float) -> None:
        """Count a call."""
        self._calls.append(now)


@dataclass(slots=True)
class _ChatLimits:
    """One chat's budgets and the end of its flood wait."""

    messages: TokenBucket
    hints: TokenBucket
    minute: TokenBucket | None
    quiet_until: float = 0.0
    quiet_seconds: float = 0.0

    def quiet(self, now: float) -> float:
        """Return what is left of the flood wait; more than all of it means a clock set back."""
        left = self.quiet_until - now
        return left if left <= self.quiet_seconds + ROUNDING else 0.0


class RateLimiter:
    """Says when the next call to a chat may go.

    `send` is a message that must arrive, `preview` an edit that may be left out, `hint` a draft or
    a chat action.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._messages, self._calls = SlidingWindow(WINDOW_SECONDS), SlidingWindow(WINDOW_SECONDS)
        self._chats: dict[int, _ChatLimits] = {}

    def wait_seconds(self, chat: int, kind: SendKind, count: int = 1) -> float:
        """Say how long a call that counts as `count` has to wait; 0 means that it may go now."""
        now, pace = self._now(), self._limits(chat)
        reserve = 0.0 if kind == "send" else RESERVE
        window = self._messages if kind == "send" else self._calls
        limit = MAX_IN_WINDOW if kind == "send" else MAX_PREVIEWS_IN_WINDOW
        waits = [pace.quiet(now), window.wait_seconds(now, limit - count + 1)]
        if kind == "hint":
            waits.append(pace.hints.wait_seconds(now))
        else:
            waits.append(pace.messages.wait_seconds(now, reserve=reserve, count=count))
            if pace.minute:
                waits.append(pace.minute.wait_seconds(now, reserve=reserve, count=count))
        return max(0.0, *waits)

    def spend(self, chat: int, kind: SendKind, count: int = 1) -> None:
        """Count a call that is being made as `count` calls."""
        for _ in range(count):
            self._spend_one(chat, kind)

    def _spend_one(self, chat: int, kind: SendKind) -> None:
        now, pace = self._now(), self._limits(chat)
        self._calls.add(now)
        if kind == "hint":
            pace.hints.take(now)
            return
        self._messages.add(now)
        pace.messages.take(now)
        if pace.minute:
            pace.minute.take(now)

    def on_flood(self, chat: int, seconds: float) -> None:
        """Note a 429: nothing goes to this chat before it is over, since that would prolong it."""
        pace = self._limits(chat)
        pace.quiet_seconds = max(pace.quiet(self._now()), seconds)
        pace.quiet_until = self._now() + pace.quiet_seconds

    def _limits(self, chat: int) -> _ChatLimits:
        if chat not in self._chats:
            # Telegram gives groups negative numbers. A full bucket and what flows into it make up
            # what a window can see: 20 in a minute.
            minute = TokenBucket(8, 12 / 60) if chat < 0 else None
            self._chats[chat] = _ChatLimits(TokenBucket(4, 1), TokenBucket(10, 3), minute)
        return self._chats[chat]
