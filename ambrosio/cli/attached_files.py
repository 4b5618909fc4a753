"""The files of `ambrosio chat --image … --file …`: shown to the model with the question.

Also what `/next` and `/find` show of them later.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..app import App
from ..assistant.documents import DocumentReader, NamedFile
from ..assistant.pictures import PictureKeeper
from ..core.attachments import FilePlace
from ..core.default_questions import about_a_file, about_a_picture
from ..core.file_errors import ScannedFile
from ..core.messages import TERMINAL, Turn


@dataclass(frozen=True, slots=True)
class AttachedFiles:
    """Paths of pictures, and of files that are read as text."""

    images: Sequence[Path] = ()
    files: Sequence[Path] = ()

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return bool(self.images or self.files)

    @property
    def question(self) -> str:
        """What is asked about them where nothing is said, in the terminal's language."""
        language = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
        return about_a_file(language) if self.files else about_a_picture(language)

    async def add_to(self, turn: Turn, app: App, share: float) -> Turn:
        """Add what they show and say to a turn, which of files is a `share` of what should fit.

        Raises `FileError`, `StoreFailed`, `OSError`, or `NobodySees` for want of a model that does.
        """
        turn = replace(app.assistant.with_privacy(turn), from_outside=True)
        keeper = PictureKeeper(app.store, app.media)
        if self.images:
            request = app.assistant.completion_request(turn)
            side = await app.assistant.router.picture_side(request)
            pictures = [await keeper.keep(path.read_bytes(), max_side=side) for path in self.images]
            turn = replace(turn, pictures=tuple(pictures))
        if not self.files:
            return turn
        reader = DocumentReader(app.assistant, app.media, keeper)
        files = [
            NamedFile(path.name, path.read_bytes(), str(path.resolve())) for path in self.files
        ]
        try:
            return await reader.add_files(turn, files, share=share)
        except ScannedFile:
            # Whoever names a file wants it looked at; there is no button to ask with.
            await app.assistant.router.picture_side(app.assistant.completion_request(turn))
            first_page = replace(turn, file=FilePlace("", 0, 0, is_scan=True))
            return await reader.add_pages(first_page, files[0].content, share=share)


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file that was shown in this conversation: by which turn, and which part."""

    turn_id: int
    turn: Turn
    place: FilePlace

    @property
    def has_more(self) -> bool:
        """Whether there is a part behind the one that was shown."""
        return self.place.next_position is not None

    def next_turn(self, model: str) -> Turn:
        """Ask the same of the next part."""
        return replace(self.turn, parent_id=self.turn_id, pictures=(), preface="", model=model)

    async def add_next_part(self, turn: Turn, app: App, share: float) -> Turn:
        """Add the next part to a turn; raises as `AttachedFiles.add_to` does."""
        reader = self._reader(app)
        if not self.place.is_scan:
            return await reader.add_next_part(turn, share=share)
        return await reader.add_pages(turn, self._read(app), share=share)

    async def add_passages(self, turn: Turn, app: App, share: float) -> Turn:
        """Add the passages to a turn that have the words of its question."""
        return await self._reader(app).add_passages(
            turn,
            turn.question,
            number=self.place.number,
            message_id=self.place.message_id or self.turn.message_id,
            share=share,
        )

    def _read(self, app: App) -> bytes:
        found = app.store.documents.find(TERMINAL, self.turn.message_id, self.place.number)
        return Path(found[1] if found else "").read_bytes()

    def _reader(self, app: App) -> DocumentReader:
        return DocumentReader(app.assistant, app.media, PictureKeeper(app.store, app.media))


def find_shown_file(app: App, *, searches: bool) -> ShownFile | None:
    """Find the file that the conversation is about, by its newest part; with `searches`, or by one.

    None if none was shown, or all of it at once.
    """
    conversations = app.store.conversations
    turn_id = app.store.chats.state(TERMINAL).latest_turn_id
    while turn_id is not None and (stored := conversations.turn(turn_id)):
        place = stored.turn.file
        if place and place.number >= 0 and (searches or not place.message_id):
            return ShownFile(turn_id, stored.turn, place)
        turn_id = stored.turn.parent_id
    return None
