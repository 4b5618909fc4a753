"""Showing the text of files to a model: as much as fits, the next part, or what a search finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..core.attachments import FilePlace
from ..core.context_window import ModelProfile, count_picture_tokens
from ..core.documents import (
    Chunk,
    FileInfo,
    count_fitting,
    cut_document,
    describe,
    name_parts,
    room_for_file,
    show_file,
)
from ..core.file_errors import FileError, NotInFile, ScannedFile, UnsupportedFile
from ..core.messages import PicturePart, Turn
from ..core.provider_errors import AllProvidersFailed, ContextTooLong
from ..media.client import MediaClient
from .answer import Answer
from .answers import Assistant
from .pictures import PictureKeeper

# Pages of a scanned file that are looked at together, at most.
SCAN_PAGES = 4
# How much of the room for files is tried: a table of numbers has up to three times the tokens of
# our estimate.
SHARES = (1.0, 0.5, 0.25)
SCAN_SIDE = 1280


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file with its name; `file_id` fetches it again, if it came from Telegram.

    `refusal` is why it is no picture, though it looked like one: said if it is no document either.
    """

    name: str
    content: bytes = field(repr=False)
    file_id: str = ""
    refusal: FileError | None = None


class DocumentReader:
    """Adds the text of files to turns; all its methods raise `FileError` and `StoreFailed`.

    They take a `share` of the room for files, for another try after it was too much.
    """

    def __init__(self, assistant: Assistant, media: MediaClient, pictures: PictureKeeper) -> None:
        self._assistant, self._media, self._pictures = assistant, media, pictures
        self._documents = assistant.store.documents

    async def add_files(
        self, turn: Turn, files: Sequence[NamedFile], *, share: float = 1.0
    ) -> Turn:
        """Put the text of files before a question: all of it, or what fits half the window.

        Those that cannot be read are named; if there is no other, the first reason is raised, and
        `ScannedFile` for one without text.
        """
        read: list[tuple[int, FileInfo, list[Chunk]]] = []
        failures: list[tuple[str, FileError]] = []
        for number, file in enumerate(files):
            try:
                read.append((number, *await self._read(turn, number, file)))
            except FileError as exc:
                failures.append((file.name, exc))
        if not read:
            raise failures[0][1]
        room = await self._room(turn, share) // len(read)
        prefaces, place = [], FilePlace("")
        labels = []
        for number, info, chunks in read:
            fitting = count_fitting(chunks, room)
            shown, is_all = chunks[:fitting], fitting == len(chunks)
            prefaces.append(show_file(info, shown, is_all=is_all))
            if which := name_parts(info, shown, is_all=is_all):
                labels.append(f"{info.name}: {which}")
            if not is_all and place.number < 0:
                place = FilePlace("", number, fitting)
        labels += [f"{name} could not be read" for name, _ in failures]
        place = replace(place, label=" · ".join(labels))
        return _with_text(turn, prefaces, place if labels else None)

    async def _read(self, turn: Turn, number: int, file: NamedFile) -> tuple[FileInfo, list[Chunk]]:
        try:
            document = await self._media.read_document(file.content, file.name)
        except UnsupportedFile as exc:
            raise file.refusal or exc from None
        info, chunks = describe(document, file.name), list(cut_document(document))
        self._documents.keep(
            turn.chat,
            turn.message_id,
            number,
            user_id=turn.user_id,
            info=info,
            chunks=chunks,
            file_id=file.file_id,
        )
        if document.is_scanned:
            raise ScannedFile(info.name, info.part_count)
        return info, chunks

    async def add_next_part(self, turn: Turn, *, share: float = 1.0) -> Turn:
        """Put the part of a file before the question that its `file` says is next."""
        place = turn.file or FilePlace("")
        info, start = self._next(turn, place)
        chunks = self._documents.chunks(turn.chat, turn.message_id, place.number, start)
        if not chunks:
            raise FileError
        fitting = count_fitting(chunks, await self._room(turn, share))
        label = f"{info.name}: {name_parts(info, chunks[:fitting], is_all=False)}"
        position = start + fitting if fitting < len(chunks) else None
        text = show_file(info, chunks[:fitting])
        return _with_text(turn, [text], FilePlace(label, place.number, position))

    async def add_passages(
        self, turn: Turn, words: str, *, number: int, message_id: int, share: float = 1.0
    ) -> Turn:
        """Put the passages of a file before the question that contain its words."""
        found = self._documents.find(turn.chat, message_id, number)
        if not found:
            raise FileError
        info = found[0]
        hits = self._documents.search(turn.chat, message_id, number, words)
        if not hits:
            raise NotInFile(info.name)
        fitting = hits[: count_fitting(hits, await self._room(turn, share))]
        # In the order of the file, they are easier to follow.
        fitting.sort(key=lambda chunk: (chunk.first_part, chunk.last_part))
        parts = sorted({chunk.first_part for chunk in fitting})
        label = f"{info.name}: {info.part_name}{'s' * (len(parts) > 1)} {_listed(parts)}"
        place = FilePlace(label, number, message_id=message_id)
        return _with_text(turn, [show_file(info, fitting, found=True)], place)

    async def add_pages(self, turn: Turn, content: bytes, *, share: float = 1.0) -> Turn:
        """Show the next pages of a scanned PDF as pictures, as many as fit half the window."""
        place = turn.file or FilePlace("")
        info, start = self._next(turn, place)
        pictures: list[PicturePart] = []
        profile = await self._profile(turn)
        left = int(room_for_file(profile.window) * share)
        for page in range(start, min(start + SCAN_PAGES, info.part_count)):
            drawn = await self._media.draw_page(content, page, max_side=SCAN_SIDE)
            picture = await self._pictures.keep(drawn.content, max_side=SCAN_SIDE)
            left -= count_picture_tokens(picture, profile)
            if left < 0 and pictures:
                break
            pictures.append(picture)
        end = start + len(pictures)
        shown = [Chunk(page + 1, page + 1, "") for page in range(start, end)]
        which = name_parts(info, shown, is_all=len(shown) == info.part_count)
        label = f"{info.name}: {which}" if which else info.name
        position = end if end < info.part_count else None
        return replace(
            turn,
            pictures=tuple(pictures),
            file=FilePlace(label, place.number, position, is_scan=True),
            from_outside=True,
        )

    def _next(self, turn: Turn, place: FilePlace) -> tuple[FileInfo, int]:
        found = self._documents.find(turn.chat, turn.message_id, place.number)
        if not found or place.next_position is None:
            raise FileError
        return found[0], place.next_position

    async def _room(self, turn: Turn, share: float) -> int:
        return int(room_for_file((await self._profile(turn)).window) * share)

    async def _profile(self, turn: Turn) -> ModelProfile:
        request = self._assistant.completion_request(turn)
        return await self._assistant.router.profile(request)


def was_too_long(answer: Answer) -> bool:
    """Say whether an answer failed since more of a file was shown than fits."""
    failure = answer.failure
    return (
        bool(answer.turn.preface)
        and isinstance(failure, AllProvidersFailed)
        and any(isinstance(cause, ContextTooLong) for cause in failure.causes)
    )


def _with_text(turn: Turn, prefaces: Sequence[str], place: FilePlace | None) -> Turn:
    return replace(turn, preface="\n\n".join(prefaces), file=place, from_outside=True)


def _listed(numbers: Sequence[int]) -> str:
    shown = [f"{number:,}" for number in numbers[:8]]
    return ", ".join([*shown, *(["…"] if len(numbers) > len(shown) else [])])
