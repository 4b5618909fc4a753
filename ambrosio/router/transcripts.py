"""Who writes down a recording, and who is next if that fails.

A provider that needs WAV is given pieces of at most a minute, one after the other; all others get
the file as it was sent. Pieces of a recording that breaks off half-way are not paid again.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from ..core.file_errors import MediaNotInstalled
from ..core.media import AudioPiece
from ..core.messages import ModelRef
from ..core.sound import Recording, Transcript
from ..core.sound_errors import NoLocalTranscriber, NoTranscriber, RecordingRefused
from ..core.transcripts import clean_transcript, is_runaway
from ..providers.transcription import WAV_NAME, Transcriber
from .priced_calls import PricedCalls, PricedRequest, PricedRouter

# Cuts a recording into pieces; `media.client` has the real one.
AudioCutter = Callable[[bytes], AsyncGenerator[AudioPiece]]


class TranscriptListener(Protocol):
    """Is told how a transcript grows, and keeps what has been paid for."""

    def on_request(self, ref: ModelRef) -> None:
        """Note that a provider is about to be sent something."""
        ...

    def on_text(self, text: str) -> None:
        """Note all the words so far; another provider may start again."""
        ...

    def on_note(self, note: str) -> None:
        """Note why there are no words yet, or how far it is."""
        ...

    def known_piece(self, ref: ModelRef, number: int) -> str | None:
        """Return what an earlier attempt has heard in a piece."""
        ...

    def on_piece(self, ref: ModelRef, number: int, text: str) -> None:
        """Keep what was heard in a piece."""
        ...


@dataclass(frozen=True, slots=True)
class TranscriptRequest:
    """A recording to be written down, for whom, and whether it must stay local.

    `cut` cuts it into pieces of WAV; without it, only those who take it as it was sent are asked.
    """

    recording: Recording
    user_id: int = 0
    local_only: bool = False
    cut: AudioCutter | None = None

    @property
    def priced(self) -> PricedRequest:
        """What it costs is a matter of its length."""
        return PricedRequest(self.recording.seconds, self.user_id, self.local_only)


class TranscriptRouter(PricedRouter[Transcriber]):
    """Asks one provider after the other for a transcript."""

    nobody, nobody_local = NoTranscriber, NoLocalTranscriber

    async def transcribe(
        self, request: TranscriptRequest, listener: TranscriptListener
    ) -> Transcript:
        """Return what was said, or raise.

        Raises:
            NoTranscriber: nobody who may be asked can listen; `BudgetSpent` for want of money.
            AllProvidersFailed: everybody who was asked has failed.
            FileError: the recording cannot be cut into pieces, and the provider needs that.
        """

        async def ask(client: Transcriber) -> Transcript:
            attempt = _Attempt(self.calls, client, request, listener)
            if not client.needs_wav:
                return await attempt.ask_whole()
            if request.cut is None:
                raise RecordingRefused(client.name)
            return await attempt.ask_in_pieces(request.cut)

        if request.cut is None and await self._only_takes_wav(request):
            raise MediaNotInstalled("recordings")
        return await self.calls.ask(request.priced, ask, on_loading=listener.on_note)

    async def _only_takes_wav(self, request: TranscriptRequest) -> bool:
        able = await self.calls.able(local_only=request.local_only)
        return bool(able) and all(client.needs_wav for client in able)


@dataclass(slots=True)
class _Attempt:
    """One recording at one provider."""

    calls: PricedCalls[Transcriber]
    client: Transcriber
    request: TranscriptRequest
    listener: TranscriptListener
    texts: list[str] = field(default_factory=list)

    async def ask_whole(self) -> Transcript:
        """Send the recording as it is."""
        text = await self._ask(self.request.recording)
        return Transcript(text, self.client.ref)

    async def ask_in_pieces(self, cut: AudioCutter) -> Transcript:
        """Send one piece after the other; silent ones are not worth a request."""
        number = 0
        async with aclosing(cut(self.request.recording.content)) as pieces:
            async for piece in pieces:
                self._note_position(piece)
                if not piece.is_silent:
                    self.texts.append(await self._piece(piece, number))
                    self.listener.on_text(self._joined())
                number += 1
        return Transcript(self._joined(), self.client.ref)

    async def _piece(self, piece: AudioPiece, number: int) -> str:
        known = self.listener.known_piece(self.client.ref, number)
        if known is not None:
            return known
        text = await self._ask(Recording(piece.content, WAV_NAME, piece.seconds))
        self.listener.on_piece(self.client.ref, number, text)
        return text

    async def _ask(self, recording: Recording) -> str:
        """Make one request; what cannot have been said in the time was not said."""
        self.listener.on_request(self.client.ref)
        with self.calls.in_ledger(self.client, self.request.priced, recording.seconds):
            text = await self.client.transcribe(
                recording,
                on_text=lambda text: self.listener.on_text(self._joined(clean_transcript(text))),
                note=self.listener.on_note,
            )
        cleaned = clean_transcript(text)
        return "" if is_runaway(cleaned, recording.seconds) else cleaned

    def _note_position(self, piece: AudioPiece) -> None:
        """Say how far it is, in a recording that is longer than one piece."""
        minutes = round(piece.total_seconds / 60)
        if piece.total_seconds > piece.seconds + 1 and minutes:
            at = int(piece.start_seconds // 60) + 1
            self.listener.on_note(f"Transcribing: minute {at} of {max(at, minutes)}.")

    def _joined(self, more: str = "") -> str:
        return " ".join(text for text in (*self.texts, more) if text)
