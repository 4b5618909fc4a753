"""How many calls Telegram accepts, and when.

Pure, with a clock passed in. Telegram's documented limits (core.telegram.org/bots/faq): about one
message a second in a chat with short bursts, twenty a minute in a group, thirty a second in all;
edits count like messages. Drafts and chat actions are not documented; they have limits of their own
here and share the total. A flood wait in one chat does not slow another.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

SendKind = Literal["send", "preview", "hint"]

# Previews leave this much to the answer itself, which then never waits for its own preview.
RESERVE = 2.0
# A wait shorter than this is a rounding error.
ROUNDING = 1e-9


@dataclass(slots=True)
class TokenBucket:
    """Holds up to `capacity` calls and refills by `per_second`."""

    capacity: float
    per_second: float
    level: float = field(init=False)
    at: float | None = None

    def __post_init__(self) -> None:
        self.level = self.capacity

    def wait_seconds(self, now: float, *, reserve: float = 0.0) -> float:
        """Say how long until one call fits and `reserve` is left."""
        self._refill(now)
        missing = 1 + reserve - self.level
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


@dataclass(slots=True)
class _ChatLimits:
    """One chat's budgets and the end of its flood wait."""

    messages: TokenBucket
    hints: TokenBucket
    minute: TokenBucket | None
    quiet_until: float = 0.0


class RateLimiter:
    """Says when the next call to a chat may go.

    `send` is a message that must arrive, `preview` an edit that may be left out, `hint` a draft or
    a chat action.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        # A full bucket and what flows into it make up what a window can see: 30 in a second here,
        # 20 in a minute below.
        self._all = TokenBucket(12, 18)
        self._chats: dict[int, _ChatLimits] = {}

    def wait_seconds(self, chat: int, kind: SendKind) -> float:
        """Say how long a call has to wait; 0 means that it may go now."""
        now, pace = self._now(), self._limits(chat)
        reserve = 0.0 if kind == "send" else RESERVE
        waits = [pace.quiet_until - now, self._all.wait_seconds(now, reserve=reserve)]
        if kind == "hint":
            waits.append(pace.hints.wait_seconds(now))
        else:
            waits.append(pace.messages.wait_seconds(now, reserve=reserve))
            if pace.minute:
                waits.append(pace.minute.wait_seconds(now, reserve=reserve))
        return max(0.0, *waits)

    def spend(self, chat: int, kind: SendKind) -> None:
        """Count a call that is being made."""
        now, pace = self._now(), self._limits(chat)
        self._all.take(now)
        if kind == "hint":
            pace.hints.take(now)
            return
        pace.messages.take(now)
        if pace.minute:
            pace.minute.take(now)

    def on_flood(self, chat: int, seconds: float) -> None:
        """Note a 429: nothing goes to this chat before it is over, since that would prolong it."""
        pace = self._limits(chat)
        pace.quiet_until = max(pace.quiet_until, self._now() + seconds)

    def _limits(self, chat: int) -> _ChatLimits:
        if chat not in self._chats:
            # Telegram gives groups negative numbers.
            minute = TokenBucket(8, 12 / 60) if chat < 0 else None
            self._chats[chat] = _ChatLimits(TokenBucket(4, 1), TokenBucket(10, 3), minute)
        return self._chats[chat]
