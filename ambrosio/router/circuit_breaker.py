"""Resting a provider that fails, so that nobody waits for it again and again.

Pure, with the time handed in: three failures in a row open it, one probe is let through when the
rest is over, and each failed probe makes the rest longer, up to a quarter of an hour. No server can
ask for more than that: then it is asked whether it still means it.
"""

from dataclasses import dataclass

MAX_FAILURES = 3
REST_SECONDS = 30.0
MAX_REST_SECONDS = 900.0


@dataclass(slots=True)
class CircuitBreaker:
    """Whether one provider may be asked just now."""

    failures: int = 0
    rest_seconds: float = REST_SECONDS
    open_until: float | None = None
    probing: bool = False

    def closed(self, now: float) -> bool:
        """Say whether it may be asked: in health, or as the one probe after a rest."""
        return not self.resting_seconds(now) and not self.probing

    def resting_seconds(self, now: float) -> float:
        """Tell how long its rest still takes; one beyond the longest is a clock that was set."""
        rest = self.open_until - now if self.open_until is not None else 0.0
        return rest if 0 < rest <= MAX_REST_SECONDS else 0.0

    def on_request(self, now: float) -> None:
        """Note that it is being asked; after a rest nobody else asks until that is over."""
        self.probing = self.open_until is not None and not self.resting_seconds(now)

    def on_failure(self, now: float, *, rest_seconds: float | None = None) -> None:
        """Note a failure; `rest_seconds` is what it asked for, and opens at once."""
        self.failures += 1
        if rest_seconds is not None:
            self.open_until = now + min(rest_seconds, MAX_REST_SECONDS)
        elif self.probing or self.failures >= MAX_FAILURES:
            self.open_until = now + self.rest_seconds
            self.rest_seconds = min(self.rest_seconds * 2, MAX_REST_SECONDS)
        self.probing = False

    def on_success(self) -> None:
        """Note that it has answered: all is forgotten."""
        self.failures, self.rest_seconds, self.open_until = 0, REST_SECONDS, None
        self.probing = False

    def on_abandon(self) -> None:
        """Note that it was asked and nobody waited for the outcome."""
        self.probing = False
