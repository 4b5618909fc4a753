"""What is done with the files of a question: fetched from Telegram, and shown to a model.

Which of them are read at all, and the question that stands in for missing words.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..assistant.answers import Assistant
from ..assistant.documents import DocumentReader, NamedFile
from ..assistant.pictures import PictureKeeper
from ..assistant.progress import Progress
from ..core import texts
from ..core.attachments import MAX_FILES, Attachment, MediaKind
from ..core.default_questions import about_a_file, about_a_picture
from ..core.errors import NobodySees
from ..core.file_errors import FileError, UnsupportedFile
from ..core.messages import Chat, PicturePart, Turn
from ..router.sight import REMOTE_SIDE
from .answer_handler import Preparation
from .downloads import Downloads
from .updates import UserQuestion

log = logging.getLogger(__name__)

READING = "Reading the file…"
READABLE = frozenset({MediaKind.PHOTO, MediaKind.STICKER, MediaKind.DOCUMENT})


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
    readable = tuple(file for file in files if file.kind in READABLE)
    if files and not readable:
        unread = "" if not question.attachments else texts.UNSUPPORTED_KINDS[files[0].kind]
        return QuestionFiles(refusal=unread)
    note = texts.SOME_UNREADABLE if len(readable) < len(files) else ""
    if len(readable) > MAX_FILES:
        note = texts.MORE_FILES.format(limit=MAX_FILES)
    return QuestionFiles(readable[:MAX_FILES], note)


def with_words(question: UserQuestion) -> UserQuestion:
    """Ask what it is, in the person's language, where files came without a word.

    Of a document, a line is enough; *Longer* is there.
    """
    if question.text.strip() or not question.attachments:
        return question
    if all(file.may_be_picture for file in question.attachments):
        return replace(question, text=about_a_picture(question.language))
    return replace(question, text=about_a_file(question.language), concise=True)


class AttachmentReader:
    """Adds to a turn what its files show and say."""

    def __init__(
        self,
        assistant: Assistant,
        downloads: Downloads,
        pictures: PictureKeeper,
        documents: DocumentReader,
    ) -> None:
        self._assistant, self._downloads = assistant, downloads
        self._pictures, self._documents = pictures, documents

    def is_known(self, chat: Chat, message_id: int | None) -> bool:
        """Say whether a message is part of a conversation that is kept."""
        found = message_id is not None and self._assistant.store.conversations.turn_of(
            chat, message_id
        )
        return bool(found and found.answer is not None)

    def preparation(self, files: Sequence[Attachment]) -> Preparation | None:
        """Return what completes a turn with these files; None if there are none."""
        return partial(self._read, files) if files else None

    def continuation(self, turn: Turn, _progress: Progress | None = None) -> Preparation:
        """Return what completes a turn with the next part of its file."""
        is_scan = turn.file is not None and turn.file.is_scan
        return self._read_next_pages if is_scan else self._read_next_part

    def search(self, chat: Chat, question: UserQuestion) -> Preparation | None:
        """Return what completes a turn with passages, if a question answers *Search in it*."""
        if question.reply_to_id is None or question.attachments:
            return None
        conversations = self._assistant.store.conversations
        turn_id = conversations.searched_turn(chat, question.reply_to_id)
        stored = conversations.turn(turn_id) if turn_id is not None else None
        if stored is None or stored.turn.file is None:
            return None
        return partial(self._find, question.text, stored.turn)

    # --- preparations -----------------------------------------------------------------------------

    async def _read(
        self,
        files: Sequence[Attachment],
        turn: Turn,
        progress: Progress,
        share: float = 1.0,
    ) -> Turn:
        """Add pictures and texts to a turn, or raise `FileError`."""
        if all(file.kind is MediaKind.STICKER for file in files):
            return await self._add_stickers(files, turn)
        side = await self._picture_side(turn) or REMOTE_SIDE
        pictures: list[PicturePart] = []
        documents: list[NamedFile] = []
        for file in files:
            if not file.may_be_picture:
                progress.set_note(READING)
            read = await self._fetch(file, side)
            if isinstance(read, PicturePart):
                pictures.append(read)
            else:
                documents.append(read)
        turn = replace(turn, pictures=tuple(pictures), from_outside=True)
        if not documents:
            return turn
        return await self._documents.add_files(turn, documents, share=share)

    async def _add_stickers(self, files: Sequence[Attachment], turn: Turn) -> Turn:
        """Show stickers where somebody sees them; otherwise they are still emojis."""
        side = await self._picture_side(turn)
        if side is None:
            return turn
        try:
            read = [await self._fetch(file, side) for file in files]
        except FileError as exc:
            log.info("a sticker could not be read: %s", type(exc).__name__)
            return turn
        pictures = tuple(part for part in read if isinstance(part, PicturePart))
        return replace(turn, pictures=pictures, from_outside=True)

    async def _picture_side(self, turn: Turn) -> int | None:
        """Return how large a picture should be; None if nobody sees.

        Pictures are kept also then, since another model may be chosen for them.
        """
        try:
            request = self._assistant.completion_request(turn)
            return await self._assistant.router.picture_side(request)
        except NobodySees:
            return None

    async def _fetch(self, file: Attachment, side: int) -> PicturePart | NamedFile:
        """Read a file as a picture, if it seems to be one, or leave it to the documents."""
        if file.kind is MediaKind.PHOTO:
            chosen = file.photo_size(side)
            content = await self._downloads.fetch(chosen.file_id, size=chosen.size)
            return await self._pictures.keep_photo(content, max_side=REMOTE_SIDE)
        content = await self._downloads.fetch(file.file_id, size=file.size)
        named = NamedFile(file.file_name, content, file.file_id)
        if not file.may_be_picture:
            return named
        try:
            return await self._pictures.keep(content, max_side=side)
        except UnsupportedFile as exc:
            return replace(named, refusal=exc)

    async def _read_next_part(self, turn: Turn, _progress: Progress, share: float = 1.0) -> Turn:
        return await self._documents.add_next_part(turn, share=share)

    async def _read_next_pages(self, turn: Turn, progress: Progress, share: float = 1.0) -> Turn:
        """Show the next pages of a scan, or raise `NobodySees` or `FileError`."""
        await self._assistant.router.picture_side(self._assistant.completion_request(turn))
        progress.set_note(READING)
        place = turn.file
        documents = self._assistant.store.documents
        found = place and documents.find(turn.chat, turn.message_id, place.number)
        if not found:
            raise FileError
        content = await self._downloads.fetch(found[1])
        return await self._documents.add_pages(turn, content, share=share)

    async def _find(
        self,
        words: str,
        searched: Turn,
        turn: Turn,
        _progress: Progress,
        share: float = 1.0,
    ) -> Turn:
        place = searched.file
        if place is None:
            return turn
        return await self._documents.add_passages(
            turn,
            words,
            number=place.number,
            message_id=place.message_id or searched.message_id,
            share=share,
        )
