"""TODO docstring."""

import hmac
from collections import Counter
from dataclasses import dataclass, field

# --- pairing --------------------------------------------------------------------------------------

PAIRING_SECONDS = 600
GUESSES_OF_ONE = 5
GUESSES_OF_ALL = 50


@dataclass(slots=True)
class Pairing:
    """A one-time code that lets the first person who opens it in: ten minutes, few guesses."""

    code: str
    opened_at: float
    owner: bool = False
    used: bool = False
    guesses: Counter[int] = field(default_factory=Counter)

    def live(self, *, now: float) -> bool:
        """Say whether it can still be opened."""
        spent = self.guesses.total() >= GUESSES_OF_ALL
        return not self.used and not spent and now < self.opened_at + PAIRING_SECONDS

    def open(self, code: str, *, person: int, now: float) -> bool:
        """Take a guess; True once, for the right code in time."""
        if not self.live(now=now) or self.guesses[person] >= GUESSES_OF_ONE:
            return False
        self.used = hmac.compare_digest(code.encode(), self.code.encode())
        if not self.used:
            self.guesses[person] += 1
        return self.used
