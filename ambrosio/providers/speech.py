"""Having a text read aloud by one server: `POST /v1/audio/speech`.

Which server is asked, and what it may cost, is `router.speech`'s.
"""

import asyncio
from contextlib import suppress
from decimal import Decimal

from ..config.catalogue import highest_price
from ..core.costs import MILLION, Expense, price_call
from ..core.messages import ModelRef
from ..core.provider_errors import BadRequest, ProviderError, ServerError, TimedOut, Unreachable
from ..core.sound import SpokenText
from .errors import translate_error
from .openai_client import ConnectionFailed, RequestFailed
from .openai_compatible import OpenAIProvider
from .speech_discovery import FoundSpeech, find_speech

# 4,000 characters are five minutes: 5 MB as MP3, 14 MB as WAV.
MAX_SPEECH_BYTES = 20_000_000
# Without a GPU, a small model speaks about as fast as a person.
REMOTE_SECONDS, LOCAL_SECONDS = 90.0, 600.0
# What OpenAI's own voices are called; servers with others map it to theirs.
DEFAULT_VOICE = "alloy"
PRICE = "speech_usd_per_million_characters"


class Speaker:
    """The voice of one provider. Its methods raise `ProviderError`."""

    def __init__(self, provider: OpenAIProvider) -> None:
        self._provider = provider
        self.name, self.local = provider.name, provider.local
        self._found = FoundSpeech(provider.config.speech_model)
        self._was_asked = False

    @property
    def model(self) -> str:
        """The model that reads aloud, as configured or as the server has told; "" for none yet."""
        return self._found.model

    @property
    def ref(self) -> ModelRef:
        """The provider and the model."""
        return ModelRef(self.name, self.model)

    async def is_able(self) -> bool:
        """Whether the server speaks: as configured, or as it tells."""
        if not self.model:
            await self._learn()
        return bool(self.model)

    async def _learn(self) -> None:
        """Ask the server once; one that is away is asked again the next time."""
        if not self._was_asked:
            with suppress(ProviderError):
                self._found = await find_speech(self._provider)
                self._was_asked = True

    async def _voice(self) -> str:
        """Return the voice of the settings, else one that the server has."""
        if configured := self._provider.config.speech_voice:
            return configured
        if self.local:
            await self._learn()
        return self._found.voice or DEFAULT_VOICE

    def max_cost(self, user_id: int, characters: float) -> Expense:
        """Return what so many characters cost; an unknown price counts as the highest."""
        configured = self._provider.config.speech_usd_per_million_characters
        return price_call(
            user_id,
            self.ref,
            "speech",
            units=Decimal(str(characters)) / MILLION,
            usd_per_unit=Decimal(0) if self.local else configured,
            highest=highest_price(PRICE, "speech"),
        )

    async def speak(self, text: str) -> SpokenText:
        """Return a text as sound, in the format that the configuration asks for."""
        self._provider.ensure_ready()
        config = self._provider.config
        body = {
            "model": self.model,
            "input": text,
            "voice": await self._voice(),
            "response_format": config.speech_format,
        }
        content, connected = bytearray(), False
        try:
            async with (
                asyncio.timeout(LOCAL_SECONDS if self.local else REMOTE_SECONDS),
                self._provider.client.post_speech(body) as response,
            ):
                connected = True
                async for data in response:
                    content += data
                    if len(content) > MAX_SPEECH_BYTES:
                        raise ServerError(self.name)
        except TimeoutError:
            raise TimedOut(self.name) from None
        except ConnectionFailed as exc:
            raise (ServerError if connected else Unreachable)(self.name) from exc
        except RequestFailed as exc:
            failure = translate_error(exc, self.name, model=self.model)
            # Nothing that the person could do about it: the text was one that was shown.
            raise (ServerError(self.name) if isinstance(failure, BadRequest) else failure) from exc
        if not content or content.lstrip().startswith((b"{", b"<")):
            raise ServerError(self.name)
        return SpokenText(bytes(content), self.ref)
