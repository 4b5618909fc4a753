"""Stand-ins inside of the process, for tests that make many of them."""

import asyncio
from decimal import Decimal

from ambrosio.config.provider import ProviderConfig
from ambrosio.core.context_window import ModelProfile
from ambrosio.core.costs import FREE, Expense, Pricing
from ambrosio.core.media import AudioPiece, VoiceNote
from ambrosio.core.messages import AnswerFinished, AnswerStarted, Delta, FinishReason, ModelRef
from ambrosio.core.sound import SpokenText

CHATS = ProviderConfig(base_url="http://127.0.0.1/v1", model="echo")


class Echo:
    """A provider that does as its script says, then echoes; it writes down what it was shown.

    A script holds answers, errors to raise, and pairs of both: words that break off.
    """

    def __init__(self, name, *script, local=False, paid=False, vision=False):
        self.name, self.local, self.paid, self.vision = name, local, paid, vision
        self.config = CHATS
        self.script = list(script)
        self.seen = []
        self.checks = 0
        self.sick = None
        self.served = []

    async def profile(self, model=""):
        return ModelProfile(vision=self.vision)

    async def sees(self, model=""):
        return self.vision

    async def models_that_see(self):
        return []

    async def health(self):
        self.checks += 1
        if self.sick:
            raise self.sick

    async def models(self):
        return self.served

    def pricing(self, model=""):
        return Pricing(Decimal(300), Decimal(300), Decimal(300)) if self.paid else FREE

    async def stream(self, context, *, concise=False, model="", **_):
        lines = [message.content for message in context.messages]
        lines += [picture.hash for message in context.messages for picture in message.pictures]
        self.seen.append("\n".join(lines))
        await asyncio.sleep(0)
        said = self.script.pop(0) if self.script else f"{self.name} heard {self.asked(context)}"
        words, failure = said if isinstance(said, tuple) else (said, None)
        if isinstance(words, Exception):
            raise words
        ref = ModelRef(self.name, model or "model")
        yield AnswerStarted(ref)
        yield Delta(words)
        if failure:
            raise failure
        yield AnswerFinished(ref, FinishReason.STOP)

    @staticmethod
    def asked(context):
        return context.messages[-1].content


class EchoSound:
    """The ears and the voice of an `Echo`: what it is given to hear or to read it writes down."""

    needs_wav = False

    def __init__(self, echo):
        self.echo, self.name, self.local = echo, echo.name, echo.local
        self.model = "sound"
        self.ref = ModelRef(self.name, self.model)

    async def is_able(self):
        return True

    def max_cost(self, user_id, amount):
        usd = Decimal(1) if self.echo.paid else Decimal(0)
        return Expense(user_id, self.ref, None, usd)

    async def transcribe(self, recording, *, on_text, note):
        return self._take(recording.content.decode())

    async def speak(self, text):
        return SpokenText(self._take(text).encode(), self.ref)

    def _take(self, text):
        self.echo.seen.append(text)
        if self.echo.script and isinstance(failure := self.echo.script.pop(0), Exception):
            raise failure
        return text


class Decoder:
    """A media client that finds speech in any recording, and everything to be as it should."""

    async def encode_voice(self, content):
        return VoiceNote(content, 1.0)

    async def cut_audio(self, content):
        yield AudioPiece(content, 0.0, 1.0, 1.0)
