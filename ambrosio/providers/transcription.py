"""Having a recording written down by one server: `POST /v1/audio/transcriptions`.

llama.cpp streams the transcript, so that one that goes wrong, or is stopped, does not keep its only
slot; it takes WAV and no more than about a minute. All others take the file as it was sent. Which
server is asked, and what it may cost, is `router.transcripts`'s.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from typing import Any, Never

import anyio

from ..config.catalogue import highest_price
from ..core.costs import Expense, price_call
from ..core.messages import ModelRef
from ..core.provider_errors import (
    BadRequest,
    ContextTooLong,
    ProviderError,
    ServerError,
    Unreachable,
)
from ..core.sound import Recording
from ..core.sound_errors import RecordingRefused
from ..core.transcripts import is_runaway, is_without_speech
from .errors import translate_error
from .openai_client import ConnectionFailed, RequestFailed, StreamedBody
from .openai_compatible import OpenAIProvider

# A transcript of two hours has about 150,000 characters; with the details of segments, 2 MB.
MAX_RESPONSE_BYTES = 8_000_000
# How long a server may be silent for each second of sound, besides what it may be anyway.
REMOTE_SECONDS_PER_SECOND, LOCAL_SECONDS_PER_SECOND = 0.2, 3.0
MIME_TYPES = {".ogg": "audio/ogg", ".oga": "audio/ogg", ".wav": "audio/wav", ".mp4": "video/mp4"}
WAV_NAME = "recording.wav"
SECONDS_PER_MINUTE = 60
# Called with the text so far, and with the reason why there is none yet.
TextSink = Callable[[str], None]


def ignore_text(_text: str) -> None:
    """Do nothing with what has been written down so far."""


class Transcriber:
    """The transcription model of one provider. Its methods raise `ProviderError`."""

    def __init__(self, provider: OpenAIProvider) -> None:
        self._provider = provider
        self.name, self.local = provider.name, provider.local
        self.model = provider.config.transcription_model or provider.config.model
        # Whether it takes pieces of WAV instead of recordings as they were sent.
        self.needs_wav = (provider.config.transcription_format or self._usual_format) == "wav"
        self._takes_details = "whisper" in self.model.lower() and not self._is_llama

    @property
    def ref(self) -> ModelRef:
        """The provider and the model."""
        return ModelRef(self.name, self.model)

    @property
    def _is_llama(self) -> bool:
        return self._provider.config.server_kind == "llama"

    @property
    def _usual_format(self) -> str:
        return "wav" if self._is_llama else "any"

    async def is_able(self) -> bool:
        """Whether the server writes down what it hears."""
        return await self._provider.hears()

    def max_cost(self, user_id: int, seconds: float) -> Expense:
        """Return what so many seconds of sound cost; an unknown price counts as the highest."""
        configured = self._provider.config.transcription_usd_per_minute
        return price_call(
            user_id,
            self.ref,
            "transcript",
            units=Decimal(str(seconds)) / SECONDS_PER_MINUTE,
            usd_per_unit=Decimal(0) if self.local else configured,
            highest=highest_price(PRICE, "transcription"),
        )

    async def transcribe(
        self, recording: Recording, *, on_text: TextSink = ignore_text, note: TextSink = ignore_text
    ) -> str:
        """Return what a server has written down; what of it was really said, `core` knows.

        Args:
            recording: the whole, or a WAV of at most a minute if the server needs that.
            on_text: called with the text so far, if the server streams it.
            note: called with the reason why nothing comes yet.
        """
        self._provider.ensure_ready()
        try:
            return await self._attempt(recording, on_text, note)
        except BadRequest as exc:
            if isinstance(exc, ContextTooLong | RecordingRefused) or not self._takes_details:
                raise RecordingRefused(self.name) from exc
        # Not every server that has a whisper tells the details of its segments.
        self._takes_details = False
        try:
            return await self._attempt(recording, on_text, note)
        except BadRequest as exc:
            raise RecordingRefused(self.name) from exc

    async def _attempt(self, recording: Recording, on_text: TextSink, note: TextSink) -> str:
        """Read the response in a task, beside one that watches the server's silence."""
        factor = LOCAL_SECONDS_PER_SECOND if self.local else REMOTE_SECONDS_PER_SECOND
        patience = self._provider.patience(extra_seconds=recording.seconds * factor)
        response = _Response(self.name, recording.seconds, on_text)

        async def watch() -> Never:
            await patience.watch_start(lambda reason: note(reason.text))

        async def read() -> str:
            return await self._read(recording, response, patience.on_bytes)

        reading, watching = asyncio.create_task(read()), asyncio.create_task(watch())
        try:
            await asyncio.wait({reading, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await watching
            return await reading
        finally:
            reading.cancel()
            watching.cancel()
            # A stop would interrupt the closing of the connection again and again.
            with anyio.CancelScope(shield=True):
                await asyncio.gather(reading, watching, return_exceptions=True)

    async def _read(
        self, recording: Recording, response: "_Response", on_bytes: Callable[[], None]
    ) -> str:
        suffix = recording.file_name[recording.file_name.rfind(".") :].lower()
        mime_type = MIME_TYPES.get(suffix, "application/octet-stream")
        file = (recording.file_name, recording.content, mime_type)
        connected = False
        try:
            async with self._provider.client.post_recording(self._fields(), file) as body:
                connected = True
                return await response.read(body, on_bytes)
        except ConnectionFailed as exc:
            raise (ServerError if connected else Unreachable)(self.name) from exc
        except RequestFailed as exc:
            failure: ProviderError = translate_error(exc, self.name, model=self.model)
            if getattr(exc, "status", 0) == 413:
                failure = RecordingRefused(self.name)
            raise failure from exc

    def _fields(self) -> Mapping[str, Any]:
        """Return the form: no sampling, and the language is found by the server."""
        fields: dict[str, Any] = {
            "model": self.model or "default",
            "response_format": "verbose_json" if self._takes_details else "json",
            "temperature": 0,
        }
        if self._is_llama:
            fields["stream"] = True
        if self._provider.config.server_kind == "together":
            # Without it, an older version of the API takes everything for English.
            fields["language"] = "auto"
        return fields


PRICE = "transcription_usd_per_minute"


class _Response:
    """Reads a transcript from a response: one JSON object, or events with its parts."""

    def __init__(self, provider: str, seconds: float, on_text: TextSink) -> None:
        self._provider, self._seconds, self._on_text = provider, seconds, on_text
        self._text = ""

    async def read(self, body: StreamedBody, on_bytes: Callable[[], None]) -> str:
        """Return the text, or raise `ServerError`."""
        if body.is_events:
            return await self._read_events(body.content, on_bytes)
        content = bytearray()
        async for data in body.content:
            on_bytes()
            content += data
            if len(content) > MAX_RESPONSE_BYTES:
                raise ServerError(self._provider)
        return self._said(self._parse(bytes(content)))

    async def _read_events(
        self, content: AsyncIterator[bytes], on_bytes: Callable[[], None]
    ) -> str:
        rest = b""
        async for data in content:
            on_bytes()
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if self._take(line):
                    return self._text
            if is_runaway(self._text, self._seconds):
                # It would go on until its window is full; what came cannot have been said.
                return self._text
        if rest and self._take(rest):
            return self._text
        raise ServerError(self._provider)

    def _take(self, line: bytes) -> bool:
        """Read a line; say whether the transcript is complete."""
        if not line.startswith(b"data:"):
            return False
        data = line.removeprefix(b"data:").strip()
        if data == b"[DONE]":
            return True
        event = self._parse(data)
        if event.get("type") == "transcript.text.done":
            self._text = str(event.get("text") or "")
            return True
        self._text += str(event.get("delta") or "")
        self._on_text(self._text)
        return False

    def _parse(self, data: bytes) -> Mapping[str, Any]:
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as exc:
            raise ServerError(self._provider) from exc
        if not isinstance(found, dict) or "error" in found:
            raise ServerError(self._provider)
        return found

    def _said(self, found: Mapping[str, Any]) -> str:
        """Return the text without the segments that whisper itself takes for silence."""
        segments = found.get("segments")
        if not isinstance(segments, list) or not any(map(_is_silence, segments)):
            if not isinstance(text := found.get("text"), str):
                raise ServerError(self._provider)
            return text
        return "".join(str(part.get("text") or "") for part in segments if not _is_silence(part))


def _is_silence(segment: object) -> bool:
    if not isinstance(segment, dict):
        return False
    silence, words = segment.get("no_speech_prob"), segment.get("avg_logprob")
    if not isinstance(silence, int | float) or not isinstance(words, int | float):
        return False
    return is_without_speech(silence, words)
