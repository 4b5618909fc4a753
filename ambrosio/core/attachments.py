"""What a person sends besides words: pictures, sound, films and files, as Telegram describes them.

Descriptions only; the bytes are fetched by whoever reads them.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

SOUND_SUFFIXES = frozenset(
    (".ogg", ".oga", ".opus", ".mp3", ".m4a", ".wav", ".flac", ".aac", ".amr")
)
# As many as Telegram has in an album.
MAX_FILES = 10
PICTURE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif")
)


class MediaKind(StrEnum):
    """What an attachment is, in the Bot API's words."""

    PHOTO = "photo"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO_NOTE = "video_note"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"


@dataclass(frozen=True, slots=True)
class PhotoSize:
    """One of the sizes in which Telegram keeps a photo; `size` is in bytes."""

    file_id: str
    width: int
    height: int
    size: int = 0


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file of a message; its caption is part of the question's text.

    `file_id` fetches it and `unique_id` stays the same for the same file. What Telegram does not
    say is zero or empty; `size` is in bytes. A photo comes in several `sizes`.
    """

    kind: MediaKind
    file_id: str
    unique_id: str
    size: int = 0
    duration_seconds: int = 0
    width: int = 0
    height: int = 0
    file_name: str = ""
    mime_type: str = ""
    sizes: tuple[PhotoSize, ...] = ()

    def photo_size(self, side: int) -> PhotoSize:
        """Return the smallest size whose longer side has `side` pixels, else the largest."""
        by_side = sorted(self.sizes, key=lambda size: max(size.width, size.height))
        enough = [size for size in by_side if max(size.width, size.height) >= side]
        return [*enough, *by_side[::-1]][0]

    @property
    def may_be_picture(self) -> bool:
        """Whether it is a picture, as far as Telegram says; the content decides."""
        if self.kind in {MediaKind.PHOTO, MediaKind.STICKER}:
            return True
        suffix = PurePath(self.file_name).suffix.lower()
        is_image = self.mime_type.startswith("image/") and self.mime_type != "image/svg+xml"
        return self.kind is MediaKind.DOCUMENT and (is_image or suffix in PICTURE_SUFFIXES)

    @property
    def is_sound(self) -> bool:
        """Whether it is listened to, as far as Telegram says; the content decides."""
        if self.kind in {MediaKind.VOICE, MediaKind.AUDIO, MediaKind.VIDEO_NOTE}:
            return True
        suffix = PurePath(self.file_name).suffix.lower()
        is_audio = self.mime_type.startswith("audio/") or suffix in SOUND_SUFFIXES
        return self.kind is MediaKind.DOCUMENT and is_audio


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Which part of a file a turn has shown to the model, in words, and where the next begins.

    `number` is the file's among those of its message, -1 if there is no more to see of any;
    `message_id` is that message, if it is not the turn's own. `next_position` is None after the
    last part. With `is_scan` positions are pages, else chunks.
    """

    label: str
    number: int = -1
    next_position: int | None = None
    is_scan: bool = False
    message_id: int = 0
