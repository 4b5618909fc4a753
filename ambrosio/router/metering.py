"""Counts what a call comes to, also when it ends before the server has counted."""

from functools import reduce

from ..core.context_window import Context, estimate_tokens
from ..core.costs import CallOutcome, Expense, Pricing
from ..core.errors import ProviderError, TimedOut
from ..core.messages import (
    AnswerFinished,
    AnswerStarted,
    Delta,
    EmptyAnswer,
    ModelRef,
    RequestSent,
    StatusNote,
    StreamEvent,
    Usage,
)


class UsageMeter:
    """Listens to one call for words."""

    def __init__(self, person: int, ref: ModelRef, tariff: Pricing, built: Context) -> None:
        self._person, self._ref, self._tariff = person, ref, tariff
        self._prompt = built.tokens
        # What each answer that has ended has used: one without a word may be asked for anew.
        self._used: list[Usage] = []
        self._words: list[str] = []
        # Whether the server is at work on one that has not.
        self._works = True
        self._estimated = False
        self._outcome: CallOutcome = "stopped"

    def feed(self, part: StreamEvent) -> None:
        """Count a piece."""
        match part:
            case AnswerStarted():
                self._works, self._ref = True, part.ref
            case Delta():
                self._words += part.text, part.reasoning
            case EmptyAnswer():
                self._end(part.usage)
            case AnswerFinished():
                self._outcome, self._ref, self._works = "done", part.ref, False
                self._end(part.usage)
            case RequestSent() | StatusNote():
                pass

    def fail(self, exc: ProviderError) -> None:
        """Note that the provider did not come to an end; what it was silent over is paid."""
        self._outcome = "failed"
        self._works = bool(self._words) or isinstance(exc, TimedOut)

    def _end(self, usage: Usage | None) -> None:
        words = "".join(self._words)
        self._used.append(usage or Usage(self._prompt, estimate_tokens(words) if words else 0))
        self._estimated = self._estimated or usage is None
        self._words.clear()

    def expense(self) -> Expense:
        """Say what it costs; a call that failed before its first word costs nothing."""
        if self._works:
            self._end(None)
        usage = reduce(Usage.plus, self._used) if self._used else None
        counts = self._tariff.cost(usage or Usage(0, 0))
        return Expense(
            self._person,
            self._ref,
            usage,
            counts if self._tariff.known or usage is None else None,
            charged_usd=counts,
            estimated=self._estimated,
            outcome=self._outcome,
        )
