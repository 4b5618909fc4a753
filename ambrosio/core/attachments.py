"""What a person sends besides words: pictures, sound, films and files, as Telegram describes them.

Descriptions only; the bytes are fetched by whoever reads them.
"""

from dataclasses import dataclass
from enum import StrEnum


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
