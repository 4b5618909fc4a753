"""How providers are doing, which of them rest, and how they come back by themselves."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..core.provider_errors import (
    BadRequest,
    CannotSee,
    Hung,
    InvalidKey,
    Loading,
    MalformedToolCall,
    ModelNotFound,
    NoText,
    NotRunning,
    OutOfCredit,
    OverBudget,
    Overloaded,
    ProviderError,
    ServerError,
    Unreachable,
    WrongAddress,
)
from ..providers.warmup import LOADING_PAUSE_SECONDS
from .circuit_breaker import REST_SECONDS, CircuitBreaker

log = logging.getLogger(__name__)

# Only the owner can fix these, so asking again soon is no use.
PERMANENT = (InvalidKey, OutOfCredit, ModelNotFound, WrongAddress)
PERMANENT_REST_SECONDS = 300.0
# Mostly over a moment later.
TRANSIENT = (Unreachable, Overloaded, ServerError, NoText)
TRANSIENT_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 10.0
LOADING_ROUNDS = 150
PROBE_PAUSE_SECONDS = 20.0
# These say nothing about the health of the provider.
IGNORED = (BadRequest, CannotSee, Loading, MalformedToolCall, NotRunning, OverBudget)


class HasId(Protocol):
    """A model that a provider says it serves."""

    @property
    def id(self) -> str:
        """What it is asked for by."""
        ...


class HealthProbe(Protocol):
    """What can be asked for its health, free of charge."""

    async def health(self) -> None:
        """Check, without spending money, that it can be asked, or raise `ProviderError`."""
        ...

    async def models(self) -> Sequence[HasId]:
        """List what it serves, or raise `ProviderError`."""
        ...


@dataclass(slots=True)
class ProviderHealth:
    """How a provider has been doing; shown by /status.

    `owner_told` says that the owner knows of a failure that only they can fix.
    """

    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    first_word_seconds: float | None = None
    cause: ProviderError | None = None
    owner_told: bool = False
    under_way: int = 0
    # How often it failed since the start, by the kind of failure.
    failure_counts: Counter[str] = field(default_factory=Counter)

    @property
    def failure(self) -> str:
        """What went wrong when it was last asked."""
        return str(self.cause or "")

    @property
    def askable(self) -> bool:
        """Whether a probe can tell that the rest is over: it cannot tell about credit or limits."""
        cause = self.cause
        silent = isinstance(cause, InvalidKey | OutOfCredit | BadRequest)
        limited = cause is not None and cause.retry_after_seconds is not None
        return self.breaker.open_until is not None and not silent and not limited

    def on_failure(self, exc: ProviderError, *, now: float) -> None:
        """Note a failure, and let the provider rest if that says something about its health."""
        self.cause = exc
        self.failure_counts[type(exc).__name__] += 1
        if isinstance(exc, IGNORED):
            return
        self.breaker.on_failure(now, rest_seconds=_rest_seconds(exc))

    def on_recovery(self) -> None:
        """End the rest."""
        self.breaker.on_success()
        self.cause = None

    def on_success(self) -> None:
        """Note an answer: earlier failures no longer count."""
        self.on_recovery()
        self.owner_told = False


class HealthMonitor:
    """Notes the providers' failures, and probes those that rest."""

    def __init__(
        self,
        providers: Mapping[str, HealthProbe],
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.providers: Mapping[str, ProviderHealth] = {
            name: ProviderHealth() for name in providers
        }
        # Failures that only the owner can fix, each once.
        self.alarms: asyncio.Queue[ProviderError] = asyncio.Queue()
        self._providers = providers
        self._now, self._sleep = now, sleep
        self._resting = asyncio.Event()

    def on_failure(self, health: ProviderHealth, exc: ProviderError, *, chosen: str = "") -> None:
        """Note a failure, tell the owner if only they can fix it, and watch who rests.

        A model that only one chat has `chosen` may be gone without the provider being ill.
        """
        if chosen and isinstance(exc, ModelNotFound):
            return
        health.on_failure(exc, now=self._now())
        if isinstance(exc, PERMANENT) and not health.owner_told:
            health.owner_told = True
            self.alarms.put_nowait(exc)
        if health.askable:
            self._resting.set()

    async def watch(self) -> None:
        """Probe the resting providers until cancelled, so that they come back by themselves."""
        while True:
            await self._resting.wait()
            await self._sleep(PROBE_PAUSE_SECONDS)
            await self.probe()

    async def probe(self) -> None:
        """Probe the resting providers once, and end the rest of those that are well."""
        self._resting.clear()
        for name, health in self.providers.items():
            if not health.askable:
                continue
            try:
                await _check(self._providers[name], health.cause)
            except ProviderError as exc:
                log.debug("still resting: %s", exc.log_text)
                self._resting.set()
            else:
                log.info("%s is back", name)
                health.on_recovery()


def _rest_seconds(exc: ProviderError) -> float | None:
    """Return how long a provider rests after one failure; None if it takes several."""
    if isinstance(exc, PERMANENT):
        return PERMANENT_REST_SECONDS
    # Nobody else should wait for it; a probe ends the rest as soon as it responds again.
    return REST_SECONDS if isinstance(exc, Hung) else exc.retry_after_seconds


async def _check(provider: HealthProbe, cause: ProviderError | None) -> None:
    """Return if a provider is well again, or raise the reason why not."""
    if isinstance(cause, ModelNotFound):
        if cause.model not in {model.id for model in await provider.models()}:
            raise cause
    else:
        await provider.health()


def retry_pause(causes: Iterable[ProviderError], rounds: int, loads: int = 0) -> float | None:
    """Return the seconds until every provider is asked once more; None if not at all.

    Args:
        causes: why each of them failed.
        rounds: how many times all of them have failed.
        loads: how many of those because a model was loading. A server that has just come up may
            fail once more.
    """
    causes = list(causes)
    if any(isinstance(cause, Loading) for cause in causes):
        return LOADING_PAUSE_SECONDS if rounds <= LOADING_ROUNDS else None
    transient = [cause for cause in causes if isinstance(cause, TRANSIENT)]
    if not transient or rounds - loads > 1 + bool(loads):
        return None
    shortest = min(cause.retry_after_seconds or TRANSIENT_PAUSE_SECONDS for cause in transient)
    return shortest if shortest <= MAX_PAUSE_SECONDS else None
