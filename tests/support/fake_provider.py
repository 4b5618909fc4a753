"""A provider without a server: it says what its script says."""

from collections import deque
from contextlib import asynccontextmanager
from decimal import Decimal

from ambrosio.core.context_window import ModelProfile
from ambrosio.core.costs import FREE, Pricing
from ambrosio.core.messages import (
    AnswerFinished,
    AnswerStarted,
    Delta,
    FinishReason,
    ModelRef,
    Usage,
)
from ambrosio.core.provider_errors import ProviderError, ServerError


class FakeProvider:
    """One script item is one answer: words, a failure, or a list of words ending in a failure.

    At the end of the script it answers with its own name. `asked` are the contexts it was given.
    """

    def __init__(self, name, *script, paid=False, local=False, manner=None):
        self.name = name
        self.local = local
        self.paid = paid
        self.asked = []
        self.models = []
        self.open = 0
        self.able = []
        self._manner = manner or ModelProfile()
        self._script = deque(script)

    async def profile(self, model=""):
        return self._manner

    async def sees(self, model=""):
        return self._manner.vision

    async def models_that_see(self):
        return self.able

    def pricing(self, model=""):
        return Pricing(Decimal(1), Decimal(1), Decimal(1)) if self.paid else FREE

    async def stream(self, context, *, concise=False, model="", **_):
        self.asked.append(context)
        self.models.append(model)
        item = self._script.popleft() if self._script else self.name
        ref = ModelRef(self.name, model)
        async with self._opened():
            for position, part in enumerate(item if isinstance(item, list) else [item]):
                if isinstance(part, ProviderError):
                    raise part
                if position == 0:
                    yield AnswerStarted(ref)
                yield Delta(part)
            if isinstance(item, list) and not item:
                raise ServerError(self.name)
            yield AnswerFinished(ref, FinishReason.STOP, Usage(10, 5))

    @asynccontextmanager
    async def _opened(self):
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1
