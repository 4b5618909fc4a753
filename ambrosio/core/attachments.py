"""What a person sends besides words: pictures, sound, films and files, as Telegram describes them.

Descriptions only; the bytes are fetched by whoever reads them.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

SOUND_SUFFIXES = frozenset(
    (".ogg", ".oga", ".opus", ".mp3", ".m4a", ".wav", ".flac", ".aac", ".amr")
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
class Attachment:
    """One file of a message; its caption is part of the question's text.

    `file_id` fetches it and `unique_id` stays the same for the same file. What Telegram does not
    say is zero or empty; `size` is in bytes.
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

    @property
    def is_sound(self) -> bool:
        """Whether it is listened to, as far as Telegram says; the content decides."""
        if self.kind in {MediaKind.VOICE, MediaKind.AUDIO, MediaKind.VIDEO_NOTE}:
            return True
        suffix = PurePath(self.file_name).suffix.lower()
        is_audio = self.mime_type.startswith("audio/") or suffix in SOUND_SUFFIXES
        return self.kind is MediaKind.DOCUMENT and is_audio
