"""Having a recording written down, whatever the channel.

What is silent is not sent to anybody: models that listen make up words where there are none.
"""

from contextlib import aclosing
from dataclasses import replace

from ..core.file_errors import MediaNotInstalled
from ..core.sound import Recording, Transcript
from ..media.client import MediaClient
from ..router import TranscriptRouter
from ..router.transcripts import AudioCutter, TranscriptListener, TranscriptRequest

NOTHING_HEARD = Transcript("")


class TranscriptAssistant:
    """Asks whatever model the router finds to write recordings down."""

    def __init__(self, router: TranscriptRouter, media: MediaClient) -> None:
        self.router, self._media = router, media

    async def transcribe(
        self,
        recording: Recording,
        listener: TranscriptListener,
        *,
        user_id: int,
        local_only: bool,
    ) -> Transcript:
        """Return what was said, empty if nothing was, or raise.

        Raises:
            FileError: the recording cannot be read, or the software for it is missing.
            NoProvider: nobody who may be asked can listen; `BudgetSpent` for want of money.
            AllProvidersFailed: everybody who was asked has failed.
        """
        cut: AudioCutter | None = self._media.cut_audio
        try:
            seconds = await self._seconds_of_speech(recording)
        except MediaNotInstalled:
            # Servers that take it as it was sent can be asked all the same.
            seconds, cut = recording.seconds, None
        if not seconds and cut:
            return NOTHING_HEARD
        request = TranscriptRequest(replace(recording, seconds=seconds), user_id, local_only, cut)
        return await self.router.transcribe(request, listener)

    async def _seconds_of_speech(self, recording: Recording) -> float:
        """Return how long a recording is; 0 if nothing in it is as loud as quiet speech.

        It is listened to no further than to the first sound.
        """
        async with aclosing(self._media.cut_audio(recording.content)) as pieces:
            async for piece in pieces:
                if not piece.is_silent:
                    until = piece.start_seconds + piece.seconds
                    return max(piece.total_seconds, until, recording.seconds)
        return 0.0
