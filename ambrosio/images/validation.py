"""Check that downloaded bytes are a complete image, and measure it.

Pure. Reads the structure of a PNG, JPEG or WebP file far enough to know its size and that it is not
truncated. Does not decode the pixels.
"""

from collections.abc import Callable

from ..core.images import Image, ImageFormat

# Telegram's Bot API cannot return a larger file, and one order holds up to four in memory.
MAX_BYTES = 20 * 1024 * 1024


def read_image(content: bytes, *, seed: int | None = None) -> Image | None:
    """Return the image in `content`, or None if it is truncated or in no supported format."""
    for image_format, read_size in _SIZE_READERS:
        size = read_size(content)
        if size and min(size) > 0:
            return Image(content, image_format, *size, seed=seed)
    return None


def _read_png_size(content: bytes) -> tuple[int, int] | None:
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        return None
    offset = 8
    while len(content) >= offset + 12:
        if content[offset + 4 : offset + 8] == b"IEND":
            return _big_endian(content[16:20]), _big_endian(content[20:24])
        offset += 12 + _big_endian(content[offset : offset + 4])
    return None


def _read_jpeg_size(content: bytes) -> tuple[int, int] | None:
    # Some programs write a few bytes after the end marker.
    if content[:2] != b"\xff\xd8" or b"\xff\xd9" not in content[-64:]:
        return None
    offset = 2
    while offset + 9 <= len(content) and content[offset] == 0xFF:
        marker = content[offset + 1]
        # Start-of-frame markers; the three excluded ones share the range but are tables.
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height = _big_endian(content[offset + 5 : offset + 7])
            return _big_endian(content[offset + 7 : offset + 9]), height
        offset += 2 + _big_endian(content[offset + 2 : offset + 4])
    return None


def _read_webp_size(content: bytes) -> tuple[int, int] | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return None
    if len(content) < _little_endian(content[4:8]) + 8:
        return None
    match content[12:16]:
        case b"VP8X":
            return _little_endian(content[24:27]) + 1, _little_endian(content[27:30]) + 1
        case b"VP8L":
            bits = _little_endian(content[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width = _little_endian(content[26:28]) & 0x3FFF
            return width, _little_endian(content[28:30]) & 0x3FFF
        case _:
            return None


def _big_endian(number: bytes) -> int:
    return int.from_bytes(number, "big")


def _little_endian(number: bytes) -> int:
    return int.from_bytes(number, "little")


_SIZE_READERS: tuple[tuple[ImageFormat, Callable[[bytes], tuple[int, int] | None]], ...] = (
    ("png", _read_png_size),
    ("jpeg", _read_jpeg_size),
    ("webp", _read_webp_size),
)
