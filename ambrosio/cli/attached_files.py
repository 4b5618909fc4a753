"""The files of `ambrosio chat --image … --file …`: shown to the model with the question."""

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
from ..core.messages import Turn


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

    async def add_to(self, turn: Turn, app: App) -> Turn:
        """Add what they show and say to a turn.

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
        files = [NamedFile(path.name, path.read_bytes()) for path in self.files]
        try:
            return await reader.add_files(turn, files)
        except ScannedFile:
            # Whoever names a file wants it looked at; there is no button to ask with.
            await app.assistant.router.picture_side(app.assistant.completion_request(turn))
            first_page = replace(turn, file=FilePlace("", 0, 0, is_scan=True))
            return await reader.add_pages(first_page, files[0].content)
