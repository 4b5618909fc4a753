"""Recordings, what was said in them, and answers that are read aloud. Values only."""

from dataclasses import dataclass, field

from .messages import ModelRef


@dataclass(frozen=True, slots=True)
class Recording:
    """A file with sound as someone sent it; `seconds` is its length, 0 if nobody knows."""

    content: bytes = field(repr=False)
    file_name: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in a recording, empty if nothing was; `ref` is None if no model was asked."""

    text: str = field(repr=False)
    ref: ModelRef | None = None


@dataclass(frozen=True, slots=True)
class SpokenText:
    """A text that was read aloud: a file in whatever format the server has."""

    content: bytes = field(repr=False)
    ref: ModelRef


# The first bytes of a file, and the suffix by which servers know its kind.
SUFFIXES = (
    (b"OggS", "ogg"),
    (b"RIFF", "wav"),
    (b"fLaC", "flac"),
    (b"ID3", "mp3"),
    (b"\x1aE\xdf\xa3", "webm"),
)


def name_of(content: bytes) -> str:
    """Name a recording by what it is, since names of people's files are nobody's business."""
    suffix = next((suffix for start, suffix in SUFFIXES if content.startswith(start)), "")
    if not suffix:
        suffix = "mp4" if content[4:8] == b"ftyp" else "mp3"
    return f"recording.{suffix}"
