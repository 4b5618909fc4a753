"""What arrives as a picture, and whether it is one.

Pure: it reads the frame of a PNG, JPEG or WebP file, as far as it takes to know its size and that
nothing of it is missing. It does not look at the pixels.
"""

from collections.abc import Callable

from ..core.images import Image, ImageFormat

# What is larger could not be fetched from Telegram again, and four of them would fill our memory.
MAX_BYTES = 20 * 1024 * 1024


def read_image(content: bytes, *, seed: int | None = None) -> Image | None:
    """Read a picture; None if it is broken, or something else."""
    for kind, measure in _MEASURES:
        size = measure(content)
        if size and min(size) > 0:
            return Image(content, kind, *size, seed=seed)
    return None


def _png(content: bytes) -> tuple[int, int] | None:
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        return None
    place = 8
    while len(content) >= place + 12:
        if content[place + 4 : place + 8] == b"IEND":
            return _big(content[16:20]), _big(content[20:24])
        place += 12 + _big(content[place : place + 4])
    return None


def _jpeg(content: bytes) -> tuple[int, int] | None:
    # Some programs write a few bytes behind the end marker.
    if content[:2] != b"\xff\xd8" or b"\xff\xd9" not in content[-64:]:
        return None
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        # Start-of-frame markers; the three left out share the range and are tables.
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return _big(content[place + 7 : place + 9]), _big(content[place + 5 : place + 7])
        place += 2 + _big(content[place + 2 : place + 4])
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
