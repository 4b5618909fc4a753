"""Reading an answer aloud, whatever the channel."""

from dataclasses import dataclass, field

from ..core.messages import Chat
from ..markdown.spoken import spoken
from ..media.client import MediaClient
from ..router import SpeechRouter
from ..store import Store, StoredTurn

# What Telegram takes for a voice note as it is; everything else becomes OGG/Opus.
AS_IT_IS = ((b"OggS", "ogg"), (b"ID3", "mp3"), (b"\xff\xfb", "mp3"), (b"\xff\xf3", "mp3"))


@dataclass(frozen=True, slots=True)
class ReadAloud:
    """An answer as sound; `seconds` is 0 if nobody has measured it."""

    content: bytes = field(repr=False)
    file_name: str
    seconds: float = 0.0


class SpeechAssistant:
    """Has answers read aloud by whatever model the router finds."""

    def __init__(self, store: Store, router: SpeechRouter, media: MediaClient) -> None:
        self._store, self.router, self._media = store, router, media

    async def read_aloud(self, stored: StoredTurn, *, local_only: bool) -> ReadAloud | None:
        """Read the answer of a turn aloud; None if there is nothing in it to be read, or raise.

        Raises:
            NoProvider: nobody who may be asked can speak; `BudgetSpent` for want of money.
            AllProvidersFailed: everybody who was asked has failed.
            FileError: what came cannot be made a voice note.
        """
        text = spoken(stored.answer or "")
        if not text:
            return None
        chat = stored.turn.chat
        said = await self.router.speak(
            text,
            user_id=stored.turn.user_id,
            local_only=local_only or stored.turn.local_only,
            on_request=lambda ref: self._record(chat, ref.provider),
        )
        for start, suffix in AS_IT_IS:
            if said.content.startswith(start):
                return ReadAloud(said.content, f"answer.{suffix}")
        note = await self._media.encode_voice(said.content)
        return ReadAloud(note.content, "answer.ogg", note.seconds)

    def _record(self, chat: Chat, provider: str) -> None:
        self._store.chats.record_request(chat, provider)
