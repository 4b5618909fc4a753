"""What is done with the files of a question: fetched from Telegram, and shown to a model.

Which of them are read at all, and the question that stands in for missing words.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..assistant.answers import Assistant
from ..assistant.pictures import PictureKeeper
from ..assistant.progress import Progress
from ..core import texts
from ..core.attachments import Attachment, MediaKind
from ..core.default_questions import about_a_picture
from ..core.errors import NobodySees
from ..core.file_errors import FileError
from ..core.messages import Chat, PicturePart, Turn
from ..router.sight import REMOTE_SIDE
from .answer_handler import Preparation
from .downloads import Downloads
from .updates import UserQuestion

log = logging.getLogger(__name__)

# As many as Telegram has in an album.
MAX_PICTURES = 10


@dataclass(frozen=True, slots=True)
class QuestionFiles:
    """The files of a question that are read, and a line about the others, if there are any."""

    readable: tuple[Attachment, ...] = ()
    note: str = ""
    refusal: str = ""


def choose_files(question: UserQuestion, *, is_known: bool) -> QuestionFiles:
    """Choose the files that a question is about.

    Without files of its own, a reply is about those of the message it replies to, unless that one
    `is_known`: then they are in the history.
    """
    files = question.attachments or (() if is_known else question.replied_attachments)
    readable = tuple(file for file in files if file.may_be_picture)
    if files and not readable:
        unread = "" if not question.attachments else texts.UNSUPPORTED_KINDS[files[0].kind]
        return QuestionFiles(refusal=unread)
    note = texts.SOME_UNREADABLE if len(readable) < len(files) else ""
    if len(readable) > MAX_PICTURES:
        note = texts.MORE_PICTURES.format(limit=MAX_PICTURES)
    return QuestionFiles(readable[:MAX_PICTURES], note)


def with_words(question: UserQuestion) -> UserQuestion:
    """Ask what it is, in the person's language, where files came without a word."""
    if question.text.strip() or not question.attachments:
        return question
    return replace(question, text=about_a_picture(question.language))


class AttachmentReader:
    """Adds to a turn what its files show."""

    def __init__(self, assistant: Assistant, downloads: Downloads, pictures: PictureKeeper) -> None:
        self._assistant, self._downloads, self._pictures = assistant, downloads, pictures

    def is_known(self, chat: Chat, message_id: int | None) -> bool:
        """Say whether a message is part of a conversation that is kept."""
        found = message_id is not None and self._assistant.store.conversations.turn_of(
            chat, message_id
        )
        return bool(found and found.answer is not None)

    def preparation(self, files: Sequence[Attachment]) -> Preparation | None:
        """Return what completes a turn with these files; None if there are none."""
        return partial(self._add_pictures, files) if files else None

    async def _add_pictures(
        self, files: Sequence[Attachment], turn: Turn, _progress: Progress
    ) -> Turn:
        """Add the pictures to a turn, or raise `FileError`.

        They are kept also where nobody sees, since another model may be chosen for them. A sticker
        that cannot be shown is still an emoji.
        """
        only_stickers = all(file.kind is MediaKind.STICKER for file in files)
        try:
            request = self._assistant.completion_request(turn)
            side = await self._assistant.router.picture_side(request)
        except NobodySees:
            if only_stickers:
                return turn
            side = REMOTE_SIDE
        try:
            pictures = [await self._picture(file, side) for file in files]
        except FileError as exc:
            if not only_stickers:
                raise
            log.info("a sticker is not shown: %s", type(exc).__name__)
            return turn
        return replace(turn, pictures=tuple(pictures), from_outside=True)

    async def _picture(self, file: Attachment, side: int) -> PicturePart:
        if file.kind is MediaKind.PHOTO:
            chosen = file.photo_size(side)
            content = await self._downloads.fetch(chosen.file_id, size=chosen.size)
            return await self._pictures.keep_photo(content, max_side=REMOTE_SIDE)
        content = await self._downloads.fetch(file.file_id, size=file.size)
        return await self._pictures.keep(content, max_side=side)
