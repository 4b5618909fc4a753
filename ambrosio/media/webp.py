"""Takes the first picture out of an animated WebP, which FFmpeg does not decode. Pure."""

import struct
from collections.abc import Iterator

RIFF_HEADER_BYTES = 12
# Where a frame is and how long it is shown stands before its pictures.
FRAME_HEADER_BYTES = 16
# Of a file with parts: an animation, and opacity that is kept beside the colours.
ANIMATION_FLAG, ALPHA_FLAG = 0x02, 0x10


def still_picture(content: bytes) -> bytes:
    """Return a WebP of the first frame; one that is not animated comes back as it is.

    Raises `ValueError` if there is no such frame.
    """
    if content[12:16] != b"VP8X" or not content[20] & ANIMATION_FLAG:
        return content
    for name, start, end in _chunks(content, RIFF_HEADER_BYTES, len(content)):
        if name == b"ANMF":
            return _still(content[start:end])
    raise ValueError("no frame")


def _still(frame: bytes) -> bytes:
    size = frame[6:12]
    parts = [
        _chunk(name, frame[start:end])
        for name, start, end in _chunks(frame, FRAME_HEADER_BYTES, len(frame))
        if name in {b"ALPH", b"VP8 ", b"VP8L"}
    ]
    if not parts:
        raise ValueError("no picture in a frame")
    flags = ALPHA_FLAG if parts[0].startswith(b"ALPH") else 0
    body = _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size) + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _chunks(content: bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the names of the chunks, and where their contents begin and end."""
    while position + 8 <= end:
        name, length = struct.unpack_from("<4sI", content, position)
        if position + 8 + length > end:
            raise ValueError("a chunk does not fit")
        yield name, position + 8, position + 8 + length
        position += 8 + length + length % 2
