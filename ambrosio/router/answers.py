"""Which provider answers, and which one is next.

It moves on before the first word; an answer that breaks after it is started afresh by the next
provider and never spliced.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace

from ..core.context_window import ModelProfile
from ..core.errors import AmbrosioError, BudgetSpent, NoProvider
from ..core.messages import Delta, StatusNote, StreamEvent
from ..core.provider_errors import (
    AllProvidersFailed,
    BadRequest,
    CannotSee,
    Loading,
    LocalOnlyFailed,
    ProviderError,
    ServerError,
)
from .budget import Budget
from .call import ProviderCall, Target
from .groups import share_work
from .health import HealthMonitor, retry_pause
from .hedging import race
from .request import CompletionRequest, ExpenseSink, Provider
from .sight import LOCAL_SIDE, REMOTE_SIDE, UNREAD, Viewers, find_viewers, offer_viewer

log = logging.getLogger(__name__)

# So often a long request is refused, for no reason that is understood, before less of it is sent.
REFUSALS = 2
# A provider and one of its models; "" is the provider's own.
Choice = tuple[str, str]


class Router:
    """Asks one provider after the other until one answers.

    Args:
        providers: by name.
        route: names in order of preference; unknown ones are passed over.
        now: the clock.
        fast_route: the order for concise requests, if it is another.
        budget: what may be spent; without one there is no ceiling.
        patience_seconds: after so long the next provider is asked as well; 0 is never.
        groups: the groups of providers that share their work, by name.
        sleep: waits.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        route: tuple[str, ...],
        *,
        now: Callable[[], float],
        fast_route: tuple[str, ...] = (),
        budget: Budget | None = None,
        patience_seconds: float = 0,
        groups: Mapping[str, str] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.providers = providers
        self._groups = groups or {}
        self.health = HealthMonitor(providers, now=now, sleep=sleep)
        self.budget = budget or Budget(now=now)
        self._route = tuple(name for name in dict.fromkeys(route) if name in providers)
        self._fast_route = tuple(name for name in dict.fromkeys(fast_route) if name in providers)
        self._patience_seconds = patience_seconds
        self._now, self._sleep = now, sleep

    def only(self, provider: Provider) -> "Router":
        """Return a router that asks one provider and no other, out of the same budget."""
        return Router(
            {provider.name: provider},
            (provider.name,),
            now=self._now,
            budget=self.budget,
            sleep=self._sleep,
        )

    def route(self, *, concise: bool = False, model: str = "") -> tuple[Choice, ...]:
        """Return the order for a question, before privacy, budget and health are looked at."""
        name, _, chosen = model.partition("/")
        order = self._fast_route if concise and self._fast_route else self._route
        first = ((name, chosen),) if name in self.providers else ()
        return (*first, *((other, "") for other in order if not first or other != name))

    async def allowed_providers(self, request: CompletionRequest) -> tuple[Choice, ...]:
        """List who may be asked, in order."""
        allowed = await self._allowed(request)
        return tuple((target.provider.name, target.model) for target in allowed.targets)

    async def picture_side(self, request: CompletionRequest) -> int:
        """Return how many pixels a side of a picture should have for whoever looks at it first.

        Raises `NobodySees` if nobody who may be asked takes pictures.
        """
        viewers = await self._allowed(replace(request, pictures=request.pictures or (UNREAD,)))
        is_local = bool(viewers.targets) and viewers.targets[0].provider.local
        return LOCAL_SIDE if is_local else REMOTE_SIDE

    async def profile(self, request: CompletionRequest) -> ModelProfile:
        """Return how whoever is asked first is asked; a guess if they cannot be reached."""
        with suppress(NoProvider, ProviderError):
            for target in self.awake([*(await self._allowed(request)).targets], request):
                return await target.provider.profile(target.model)
        return ModelProfile()

    async def offer_viewer(self, request: CompletionRequest) -> str:
        """Name a model that takes pictures, at a provider that may be asked; "" if none is known.

        It is named `provider/model`, as a chat's choice is.
        """
        return await offer_viewer((await self._allowed(replace(request, pictures=()))).targets)

    def why_nobody(self, request: CompletionRequest) -> AmbrosioError:
        """Return the reason why no provider may be asked."""
        if request.is_local_only:
            return LocalOnlyFailed([])
        return BudgetSpent() if self.order(request) else NoProvider()

    async def stream(
        self, request: CompletionRequest, *, report: ExpenseSink | None = None
    ) -> AsyncGenerator[StreamEvent]:
        """Ask until a provider answers.

        Each call that was made, however it ended, is in the ledger and is told to `report`.

        Raises:
            NoProvider: none may be asked; `BudgetSpent` if only for want of money, `NobodySees` if
                none of them sees the question's pictures.
            AllProvidersFailed: `LocalOnlyFailed` if only local ones could be asked.
        """
        attempts = _Attempts(request)
        while True:
            request = attempts.request
            in_turn = _Round(self, request, await self._allowed(request), report)
            while (call := in_turn.next_call()) is not None:
                with in_turn.noting_failure():
                    async with aclosing(call) as events:
                        async for event in events:
                            in_turn.note(event)
                            yield event
                    return
            long = await self._is_long(request, in_turn.unexplained())
            seconds = attempts.pause_after(in_turn, shortens=long)
            for note in in_turn.loading_notes():
                yield note
            await self._sleep(seconds)

    def call(
        self,
        target: Target,
        request: CompletionRequest,
        skipped: tuple[str, ...],
        report: ExpenseSink | None,
    ) -> AsyncGenerator[StreamEvent]:
        """Ask one provider; the stream is the caller's to close."""
        return ProviderCall(
            target,
            request,
            skipped,
            budget=self.budget,
            monitor=self.health,
            report=report,
            now=self._now,
        ).events()

    def hedged(
        self,
        target: Target,
        first: AsyncGenerator[StreamEvent],
        second: Callable[[], AsyncGenerator[StreamEvent] | None],
        on_failure: Callable[[ProviderError], None],
    ) -> AsyncGenerator[StreamEvent]:
        """Let `second` race with `first` if a local provider is slow and hedging is on."""
        if not self._patience_seconds or not target.provider.local:
            return first
        return race(first, second, patience_seconds=self._patience_seconds, on_failure=on_failure)

    def order(self, request: CompletionRequest) -> tuple[Choice, ...]:
        """Return the route of a request."""
        return self.route(concise=request.concise, model=request.model)

    def awake(self, targets: list[Target], request: CompletionRequest) -> list[Target]:
        """Leave out those that rest, unless all do, and share the work within each group."""
        now = self._now()
        by_name = {
            target.provider.name: target
            for target in [t for t in targets if t.health.breaker.closed(now)] or targets
        }
        # What a chat has chosen comes first, however busy it is.
        chosen = request.model.partition("/")[0]
        groups = {name: group for name, group in self._groups.items() if name != chosen}
        under_way = {name: target.health.under_way for name, target in by_name.items()}
        names = share_work([*by_name], groups, under_way, request.chat_key)
        return [by_name[name] for name in names]

    def are_equal(self, one: str, other: str) -> bool:
        """Say whether two providers share their work."""
        return bool(self._groups.get(one)) and self._groups.get(one) == self._groups.get(other)

    async def _allowed(self, request: CompletionRequest) -> Viewers:
        """List who may be asked, in order: the one place where that is decided."""
        order = self.order(request)
        if request.single_provider:
            order = order[:1]
        targets = [await self._target(name, model, request) for name, model in order]
        allowed = self.budget.allowed_providers(
            [target.candidate() for target in targets],
            user_id=request.user_id,
            local_only=request.is_local_only,
        )
        targets = [target for target in targets if target.provider.name in allowed]
        return await find_viewers(request, targets, self.providers)

    async def _is_long(self, request: CompletionRequest, refused_by: Collection[str]) -> bool:
        """Say whether a request with history fills more than half the window of one of these."""
        if not request.history or request.halved:
            return False
        for name, model in self.order(request):
            if name not in refused_by:
                continue
            with suppress(ProviderError):
                profile = await self.providers[name].profile(model)
                if request.context(profile).tokens > profile.window // 2:
                    return True
        return False

    async def _target(self, name: str, model: str, request: CompletionRequest) -> Target:
        """Prepare a provider; of a paid one the context tells what it may cost."""
        provider = self.providers[name]
        target = Target(provider, model, self.health.providers[name])
        if provider.pricing(model).free or (request.is_local_only and not provider.local):
            return target
        try:
            if request.has_pictures:
                # Pictures count as well, and only now is it known whether they are sent.
                await provider.sees(model)
            profile = await provider.profile(model)
        except ProviderError:
            # The call fails in the same way, and looks at the price again before it is made.
            return target
        return Target(provider, model, target.health, request.context(profile))


class _Round:
    """Every allowed provider once, in order."""

    def __init__(
        self,
        router: Router,
        request: CompletionRequest,
        allowed: Viewers,
        report: ExpenseSink | None,
    ) -> None:
        if not allowed.targets:
            raise router.why_nobody(request)
        self._router, self._request, self._report = router, request, report
        self._allowed = {target.provider.name for target in allowed.targets}
        self._blind = allowed.blind
        self._targets = iter(router.awake([*allowed.targets], request))
        self._text: list[str] = []
        self.causes: list[ProviderError] = []
        self.partial = ""

    def next_call(self) -> AsyncGenerator[StreamEvent] | None:
        """Ask the next provider, and the one after it too if a local one is slow to answer."""
        target = next(self._targets, None)
        if target is None:
            return None
        skipped = self._skipped_before(target)
        first = self._call(target, skipped)
        if self._request.is_local_only:
            return first

        def second() -> AsyncGenerator[StreamEvent] | None:
            other = next(self._targets, None)
            slow = f"{target.provider.name} is slow"
            return self._call(other, (*skipped, slow)) if other else None

        return self._router.hedged(target, first, second, self.causes.append)

    def note(self, event: StreamEvent) -> None:
        """Keep what a provider has said so far, in case that no other one answers."""
        if isinstance(event, Delta):
            self._text.append(event.text)

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Swallow the failure of a call, and note it."""
        self._text.clear()
        try:
            yield
        except ProviderError as exc:
            level = logging.DEBUG if isinstance(exc, Loading) else logging.WARNING
            log.log(level, "%s", exc.log_text)
            self.causes.append(exc)
            self.partial = "".join(self._text) or self.partial

    def unexplained(self) -> list[str]:
        """Name those that have refused the request for a reason that nobody understands.

        A server that the length is too much for does not always say so.
        """
        if self.partial:
            return []
        return [
            cause.provider
            for cause in self.causes
            if type(cause) is ServerError or (type(cause) is BadRequest and not cause.parameter)
        ]

    def loading_notes(self) -> list[StatusNote]:
        """Return a note for each provider that is still loading its model."""
        return [StatusNote(cause.note) for cause in self.causes if isinstance(cause, Loading)]

    def _call(self, target: Target, skipped: tuple[str, ...]) -> AsyncGenerator[StreamEvent]:
        return self._router.call(target, self._request, skipped, self._report)

    def _skipped_before(self, target: Target) -> tuple[str, ...]:
        """Say of each provider before a target why it did not answer, a clause each."""
        failed = {cause.provider: str(cause) for cause in self.causes}
        local_only = self._request.is_local_only
        forbidden = "is not asked in private" if local_only else "has reached its budget"
        clauses = []
        for name, _ in self._router.order(self._request):
            if name == target.provider.name:
                break
            reason = "is resting" if name in self._allowed else forbidden
            if name in self._blind:
                reason = CannotSee.summary
            if name not in failed and self._router.are_equal(name, target.provider.name):
                continue
            clauses.append(failed.get(name, f"{name} {reason}"))
        return tuple(clauses)


class _Attempts:
    """What earlier rounds have come to."""

    def __init__(self, request: CompletionRequest) -> None:
        self.request = request
        self._refusals = 0
        # A provider that rests in a later round was still tried.
        self._tried: dict[str, ProviderError] = {}
        self._partial = ""
        self._rounds = self._loads = 0

    def pause_after(self, in_turn: _Round, *, shortens: bool = False) -> float:
        """Return the seconds until the next round, or raise `AllProvidersFailed`.

        `shortens` says that less of the history may help, as a last resort.
        """
        causes = in_turn.causes
        self._rounds += 1
        self._tried |= {cause.provider: cause for cause in causes}
        self._partial = in_turn.partial or self._partial
        self._loads += any(isinstance(cause, Loading) for cause in causes)
        self._refusals += len(in_turn.unexplained())
        seconds = retry_pause(causes, self._rounds, self._loads)
        if seconds is None or self.request.single_provider:
            if shortens:
                self.request = replace(self.request, halved=self._refusals >= REFUSALS)
                return 0.0
            failure = LocalOnlyFailed if self.request.is_local_only else AllProvidersFailed
            raise failure([*self._tried.values()], partial=self._partial)
        return seconds
