"""What comes out of people's sound, pictures and files once they are decoded.

Values only; `media` makes them.
"""

from dataclasses import dataclass, field
from typing import Literal

# What the parts of a document are called; a plain text has one part without a name.
PartName = Literal["", "page", "sheet"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG, upright, without metadata; its bytes never change, since caches know it by them."""

    content: bytes = field(repr=False)
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class AudioPiece:
    """A stretch of sound as a WAV file: 16 kHz, one channel, 16 bits.

    Attributes:
        content: the whole file.
        start_seconds: where it begins in the recording.
        seconds: how long it is.
        total_seconds: how long the recording is, 0 if its file does not say.
        is_silent: nothing in it is as loud as quiet speech.
    """

    content: bytes = field(repr=False)
    start_seconds: float
    seconds: float
    total_seconds: float = 0.0
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class VoiceNote:
    """Speech as Telegram takes it for a voice note: OGG/Opus, 48 kHz, one channel."""

    content: bytes = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file.

    Attributes:
        kind: what it is, as people call it: "PDF", "Word document", "text".
        parts: the text of each page or sheet, or the whole text as the only part.
        part_name: what a part is.
        part_count: how many parts the file has; more than `parts` if it was cut.
        is_scanned: it is a PDF of pictures, without text.
        is_cut: the limits on text left some of it out.
    """

    kind: str
    parts: tuple[str, ...] = field(repr=False)
    part_name: PartName = ""
    part_count: int = 1
    is_scanned: bool = False
    is_cut: bool = False
