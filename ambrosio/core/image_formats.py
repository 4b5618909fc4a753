"""Recognises PNG, JPEG and WebP files and reads their size.

Pure. It reads as much as it takes to know the size and that nothing is missing at the end; it does
not decode pixels.
"""

from collections.abc import Callable

from .images import ImageFormat


def measure_image(content: bytes) -> tuple[ImageFormat, int, int] | None:
    """Return format, width and height; None if the file is broken or of another format."""
    for image_format, measure in _MEASURES:
        size = measure(content)
        if size and min(size) > 0:
            return image_format, *size
    return None


def _png(content: bytes) -> tuple[int, int] | None:
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        return None
    position = 8
    while len(content) >= position + 12:
        if content[position + 4 : position + 8] == b"IEND":
            return _big(content[16:20]), _big(content[20:24])
        position += 12 + _big(content[position : position + 4])
    return None


def _jpeg(content: bytes) -> tuple[int, int] | None:
    # Some programs write a few bytes after the end marker.
    if content[:2] != b"\xff\xd8" or b"\xff\xd9" not in content[-64:]:
        return None
    position = 2
    while position + 9 <= len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        # Start-of-frame markers; the three left out share the range and are tables.
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = (
                content[position + 5 : position + 7],
                content[position + 7 : position + 9],
            )
            return _big(width), _big(height)
        position += 2 + _big(content[position + 2 : position + 4])
    return None


def _webp(content: bytes) -> tuple[int, int] | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return None
    if len(content) < _little(content[4:8]) + 8:
        return None
    match content[12:16]:
        case b"VP8X":
            return _little(content[24:27]) + 1, _little(content[27:30]) + 1
        case b"VP8L":
            bits = _little(content[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _little(content[26:28]) & 0x3FFF, _little(content[28:30]) & 0x3FFF
        case _:
            return None


def _big(number: bytes) -> int:
    return int.from_bytes(number, "big")


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")


_MEASURES: tuple[tuple[ImageFormat, Callable[[bytes], tuple[int, int] | None]], ...] = (
    ("png", _png),
    ("jpeg", _jpeg),
    ("webp", _webp),
)
