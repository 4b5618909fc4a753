"""Providers without a server, inside of the process."""

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from decimal import Decimal

from ambrosio.context import Manner
from ambrosio.errors import Faulty, ProviderError
from ambrosio.messages import Begun, Delta, Ended, Finish, ModelRef, Usage


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
        self._manner = manner or Manner()
        self._script = deque(script)

    async def manner(self, model=""):
        return self._manner

    def price(self, usage):
        return Decimal(1) if self.paid else Decimal(0)

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
                    yield Begun(ref)
                yield Delta(part)
            if isinstance(item, list) and not item:
                raise Faulty(self.name)
            yield Ended(ref, Finish.STOP, Usage(10, 5))

    @asynccontextmanager
    async def _opened(self):
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1


class EchoProvider:
    """A provider that does as its script says, then echoes; it writes down what it was shown.

    A script holds answers, errors to raise, and pairs of both: words that break off.
    """

    def __init__(self, name, *script, local=False, paid=False):
        self.name, self.local, self.paid = name, local, paid
        self.script = list(script)
        self.seen = []
        self.checks = 0
        self.sick = None
        self.served = []

    async def manner(self, model=""):
        return Manner()

    async def health(self):
        self.checks += 1
        if self.sick:
            raise self.sick

    async def models(self):
        return self.served

    def price(self, usage):
        return Decimal(1) if self.paid else Decimal(0)

    async def stream(self, context, *, concise=False, model="", **_):
        self.seen.append("\n".join(message.content for message in context.messages))
        await asyncio.sleep(0)
        said = self.script.pop(0) if self.script else f"{self.name} heard {self.asked(context)}"
        words, failure = said if isinstance(said, tuple) else (said, None)
        if isinstance(words, Exception):
            raise words
        ref = ModelRef(self.name, model or "model")
        yield Begun(ref)
        yield Delta(words)
        if failure:
            raise failure
        yield Ended(ref, Finish.STOP)

    @staticmethod
    def asked(context):
        return context.messages[-1].content
