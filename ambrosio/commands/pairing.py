"""TODO docstring."""

import hmac
from collections import Counter
from dataclasses import dataclass, field

# --- pairing --------------------------------------------------------------------------------------

PAIRING_SECONDS = 600
MAX_GUESSES_PER_USER = 5
MAX_GUESSES = 50


@dataclass(slots=True)
class Pairing:
    """A one-time code that lets the first person who opens it in: ten minutes, few guesses."""

    code: str
    opened_at: float
    for_owner: bool = False
    used: bool = False
    guesses: Counter[int] = field(default_factory=Counter)

    def is_live(self, *, now: float) -> bool:
        """Say whether it can still be opened."""
        spent = self.guesses.total() >= MAX_GUESSES
        return not self.used and not spent and now < self.opened_at + PAIRING_SECONDS

    def open(self, code: str, *, user_id: int, now: float) -> bool:
        """Take a guess; True once, for the right code in time."""
        if not self.is_live(now=now) or self.guesses[user_id] >= MAX_GUESSES_PER_USER:
            return False
        self.used = hmac.compare_digest(code.encode(), self.code.encode())
        if not self.used:
            self.guesses[user_id] += 1
        return self.used
