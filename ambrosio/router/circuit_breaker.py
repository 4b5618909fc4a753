"""A circuit breaker: a provider that keeps failing rests, so that no request waits for it.

Pure, with the time passed in. Three failures in a row open it; when the rest is over one request is
let through as a probe, and each failed probe doubles the rest, up to a quarter of an hour. A server
that asks for a longer rest is asked again after that.
"""

from dataclasses import dataclass

MAX_FAILURES = 3
REST_SECONDS = 30.0
MAX_REST_SECONDS = 900.0


@dataclass(slots=True)
class CircuitBreaker:
    """Whether one provider may be asked at the moment. Times are in seconds."""

    failures: int = 0
    rest_seconds: float = REST_SECONDS
    open_until: float | None = None
    probing: bool = False

    def closed(self, now: float) -> bool:
        """Say whether it may be asked: healthy, or as the one probe after a rest."""
        return not self.resting_seconds(now) and not self.probing

    def resting_seconds(self, now: float) -> float:
        """Return what is left of its rest; more than the longest means that the clock was set."""
        rest = self.open_until - now if self.open_until is not None else 0.0
        return rest if 0 < rest <= MAX_REST_SECONDS else 0.0

    def on_request(self, now: float) -> None:
        """Note a request; after a rest it is the probe, and the only one until it ends."""
        self.probing = self.open_until is not None and not self.resting_seconds(now)

    def on_failure(self, now: float, *, rest_seconds: float | None = None) -> None:
        """Note a failure; with `rest_seconds`, which the server asked for, it opens at once."""
        self.failures += 1
        if rest_seconds is not None:
            self.open_until = now + min(rest_seconds, MAX_REST_SECONDS)
        elif self.probing or self.failures >= MAX_FAILURES:
            self.open_until = now + self.rest_seconds
            self.rest_seconds = min(self.rest_seconds * 2, MAX_REST_SECONDS)
        self.probing = False

    def on_success(self) -> None:
        """Note an answer: earlier failures no longer count."""
        self.failures, self.rest_seconds, self.open_until = 0, REST_SECONDS, None
        self.probing = False

    def on_abandon(self) -> None:
        """Note that a request was given up before its outcome was known."""
        self.probing = False
