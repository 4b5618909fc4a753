"""Pairing codes: links that let one user in, for ten minutes and against few guesses."""

import hmac
import secrets
from collections import Counter
from dataclasses import dataclass, field

PAIRING_SECONDS = 600
MAX_GUESSES_PER_USER = 5
MAX_GUESSES = 50


@dataclass(slots=True)
class Pairing:
    """A one-time code that lets in the first user who opens its link."""

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


class Pairings:
    """The codes that were made since the start."""

    def __init__(self) -> None:
        self._pairings: list[Pairing] = []

    def create(self, now: float, *, for_owner: bool = False) -> Pairing:
        """Make a new code; one for an owner replaces the last one for an owner."""
        if for_owner:
            self._pairings = [pairing for pairing in self._pairings if not pairing.for_owner]
        pairing = Pairing(secrets.token_urlsafe(16), now, for_owner=for_owner)
        self._pairings.append(pairing)
        return pairing

    def open(self, code: str, *, user_id: int, now: float) -> Pairing | None:
        """Return the pairing that a code opens, and use it up."""
        for pairing in self._pairings:
            if pairing.open(code, user_id=user_id, now=now):
                return pairing
        return None
