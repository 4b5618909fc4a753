"""How long to wait before the next try: twice as long each time, up to a limit.

Pure: it waits for nothing itself.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Pauses that double from `first_seconds` to `max_seconds`; `reset` after a success."""

    first_seconds: float
    max_seconds: float
    _next_seconds: float = 0.0

    def next_seconds(self) -> float:
        """Return the pause before the next try, and double the one after it."""
        pause = self._next_seconds or self.first_seconds
        self._next_seconds = min(pause * 2, self.max_seconds)
        return pause

    def reset(self) -> None:
        """Start from the first pause again."""
        self._next_seconds = 0.0
