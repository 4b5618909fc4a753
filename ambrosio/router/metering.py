"""What a call has used and cost, also if it ends before the server has counted."""

from functools import reduce

from ..core.context_window import Context, estimate_tokens
from ..core.costs import CallOutcome, Expense, Pricing
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
from ..core.provider_errors import ProviderError, TimedOut


class UsageMeter:
    """Counts the tokens of one call from its events; estimates what the server does not count."""

    def __init__(self, user_id: int, ref: ModelRef, pricing: Pricing, context: Context) -> None:
        self._user_id, self._ref, self._pricing = user_id, ref, pricing
        self._prompt_tokens = context.tokens
        # One for each answer that has ended: after one without text, another may be asked for.
        self._usages: list[Usage] = []
        self._text: list[str] = []
        # Whether an answer is under way that has not ended.
        self._in_progress = True
        self._estimated = False
        self._outcome: CallOutcome = "stopped"

    def feed(self, event: StreamEvent) -> None:
        """Count an event."""
        match event:
            case AnswerStarted():
                self._in_progress, self._ref = True, event.ref
            case Delta():
                self._text += event.text, event.reasoning
            case EmptyAnswer():
                self._end(event.usage)
            case AnswerFinished():
                self._text += (call.arguments for call in event.calls)
                self._outcome, self._ref, self._in_progress = "done", event.ref, False
                self._end(event.usage)
            case RequestSent() | StatusNote():
                pass

    def fail(self, exc: ProviderError) -> None:
        """Note that the provider failed; a silent one that timed out has worked, and is paid."""
        self._outcome = "failed"
        self._in_progress = bool(self._text) or isinstance(exc, TimedOut)

    def _end(self, usage: Usage | None) -> None:
        text = "".join(self._text)
        completion = estimate_tokens(text) if text else 0
        self._usages.append(usage or Usage(self._prompt_tokens, completion))
        self._estimated = self._estimated or usage is None
        self._text.clear()

    def expense(self) -> Expense:
        """Return what it costs; a call that failed before its first word costs nothing."""
        if self._in_progress:
            self._end(None)
        usage = reduce(Usage.plus, self._usages) if self._usages else None
        usd = self._pricing.cost(usage or Usage(0, 0))
        return Expense(
            self._user_id,
            self._ref,
            usage,
            usd if self._pricing.known or usage is None else None,
            charged_usd=usd,
            estimated=self._estimated,
            outcome=self._outcome,
        )
