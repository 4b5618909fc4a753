"""`ambrosio transcribe`: what is said in a recording, as text on the standard output."""

import sys
from pathlib import Path

from ..app import open_app
from ..assistant.transcripts import TranscriptAssistant
from ..config.settings import Settings
from ..core import texts
from ..core.errors import NoProvider
from ..core.file_errors import FileError
from ..core.messages import TERMINAL, ModelRef
from ..core.provider_errors import AllProvidersFailed
from ..core.sound import Recording, name_of
from ..store import Store
from .hints import print_error


async def transcribe(settings: Settings, path: Path) -> int:
    """Print the transcript of a recording, and its progress on stderr; return the exit code."""
    try:
        content = _read(path)
    except OSError as exc:
        print_error(texts.NOT_READABLE.format(path=path, reason=(exc.strerror or "").lower()))
        return 2
    async with open_app(settings) as app:
        assistant = TranscriptAssistant(app.transcripts, app.media)
        try:
            transcript = await assistant.transcribe(
                Recording(content, name_of(content)),
                TerminalListener(app.store),
                user_id=TERMINAL.chat_id,
                local_only=app.assistant.is_local_only(TERMINAL),
            )
        except (FileError, NoProvider, AllProvidersFailed) as exc:
            print_error(exc.owner_message)
            return 1
    if not transcript.text:
        print_error(texts.NO_WORDS)
        return 1
    print(transcript.text)
    print(f"({transcript.ref})", file=sys.stderr)
    return 0


def _read(path: Path) -> bytes:
    return path.read_bytes()


class TerminalListener:
    """Prints how far it is; keeps who was asked, and nothing of what was heard."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_request(self, ref: ModelRef) -> None:
        """Note who has been sent something, for /where."""
        self._store.chats.record_request(TERMINAL, ref.provider)

    def on_text(self, text: str) -> None:
        """Wait for the whole: what is printed cannot be taken back."""

    def on_note(self, note: str) -> None:
        """Print how far it is, or why it takes long."""
        print(note, file=sys.stderr, flush=True)

    def known_piece(self, ref: ModelRef, number: int) -> str | None:
        """Know nothing from before."""

    def on_piece(self, ref: ModelRef, number: int, text: str) -> None:
        """Keep nothing."""
