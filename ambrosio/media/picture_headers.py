"""Reads the size of a picture, and which side is up, from its first bytes. Pure.

FFmpeg finds out the size only by decoding, which is too late for a picture that claims a gigapixel,
and it does not turn a photo the way its camera was held.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from .heif import HeifPicture, read_heif

PictureKind = Literal["jpeg", "png", "webp", "gif", "bmp", "tiff", "heif"]
# How EXIF numbers the eight ways to hold a camera; 1 is upright.
UPRIGHT = 1
ORIENTATION_TAG = 0x0112
WIDTH_TAG, HEIGHT_TAG = 0x0100, 0x0101
EXIF_HEADER = b"Exif\0\0"
PNG_HEADER = b"\x89PNG\r\n\x1a\n"
SCAN, END = 0xDA, 0xD9
# Segments with nothing that the pixels need: where and when it was taken, thumbnails, comments.
METADATA_MARKERS = {0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE}


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture says of itself; `orientation` as in EXIF, `heif` for HEIC and AVIF."""

    kind: PictureKind
    width: int
    height: int
    orientation: int = UPRIGHT
    is_complete: bool = True
    heif: HeifPicture | None = None


def read_header(content: bytes) -> Header | None:
    """Read a picture's header; None if it is of no known kind, `ValueError` if it is damaged.

    Raises:
        UnusualHeif: it is HEIC or AVIF, put together in a way that is not read.
    """
    for start, read in READERS.items():
        if re.match(start, content, re.DOTALL):
            try:
                return read(content)
            except (struct.error, IndexError) as exc:
                raise ValueError("the header is damaged") from exc
    return None


def without_metadata(jpeg: bytes) -> bytes:
    """Leave out what a JPEG tells of its camera and place; without any, it is the same bytes."""
    kept, position = [jpeg[:2]], 2
    for marker, start, end in _segments(jpeg):
        if marker == SCAN:
            position = start
            break
        if marker not in METADATA_MARKERS:
            kept.append(jpeg[start:end])
    return b"".join(kept) + jpeg[position:]


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of the segments up to the first scan, that one included."""
    position = 2
    while position + 4 <= len(jpeg):
        if jpeg[position] != 0xFF:
            raise ValueError("no segment")
        marker = jpeg[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        end = position + 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
        yield marker, position, end
        if marker == SCAN:
            return
        position = end


def _jpeg(content: bytes) -> Header:
    size, orientation, scan = None, UPRIGHT, len(content)
    for marker, start, end in _segments(content):
        # Start-of-frame markers; the three left out share the range and are tables.
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            size = struct.unpack(">HH", content[start + 5 : start + 9])
        elif marker == 0xE1 and content[start + 4 :].startswith(EXIF_HEADER):
            orientation = _exif_orientation(content[start + 10 : end])
        elif marker == SCAN:
            scan = end
    if size is None:
        raise ValueError("no size")
    # Inside a scan, this pair of bytes can only be the end marker.
    return Header("jpeg", size[1], size[0], orientation, content.find(b"\xff\xd9", scan) >= 0)


def _png(content: bytes) -> Header:
    width, height = struct.unpack(">II", content[16:24])
    orientation, position = UPRIGHT, 8
    while position + 12 <= len(content):
        length, name = struct.unpack(">I4s", content[position : position + 8])
        if name == b"eXIf":
            orientation = _exif_orientation(content[position + 8 : position + 8 + length])
        if name == b"IEND":
            return Header("png", width, height, orientation)
        position += 12 + length
    return Header("png", width, height, orientation, is_complete=False)


def _webp(content: bytes) -> Header:
    is_complete = len(content) >= _little(content[4:8]) + 8
    match content[12:16]:
        case b"VP8X":
            width, height = _little(content[24:27]) + 1, _little(content[27:30]) + 1
        case b"VP8L":
            bits = _little(content[21:25])
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
            width, height = (size & 0x3FFF for size in struct.unpack("<HH", content[26:30]))
    orientation, position = UPRIGHT, 12
    while position + 8 <= len(content):
        name, length = struct.unpack("<4sI", content[position : position + 8])
        if name == b"EXIF":
            exif = content[position + 8 : position + 8 + length].removeprefix(EXIF_HEADER)
            orientation = _exif_orientation(exif)
        position += 8 + length + length % 2
    return Header("webp", width, height, orientation, is_complete)


def _gif(content: bytes) -> Header:
    return Header("gif", *struct.unpack("<HH", content[6:10]))


def _bmp(content: bytes) -> Header:
    width, height = struct.unpack("<ii", content[18:26])
    # A negative height means that the first row is the top one.
    return Header("bmp", abs(width), abs(height))


def _tiff(content: bytes) -> Header:
    tags = _exif_tags(content)
    return Header(
        "tiff",
        tags.get(WIDTH_TAG, 0),
        tags.get(HEIGHT_TAG, 0),
        _valid_orientation(tags.get(ORIENTATION_TAG, UPRIGHT)),
    )


def _heif(content: bytes) -> Header:
    picture = read_heif(content)
    return Header("heif", picture.width, picture.height, heif=picture)


def _exif_orientation(exif: bytes) -> int:
    try:
        return _valid_orientation(_exif_tags(exif).get(ORIENTATION_TAG, UPRIGHT))
    except (struct.error, ValueError):
        # What is wrong with it does not matter: the picture is there.
        return UPRIGHT


def _valid_orientation(value: int) -> int:
    return value if 1 <= value <= 8 else UPRIGHT


def _exif_tags(exif: bytes) -> Mapping[int, int]:
    """Read the numbers in the first directory of a TIFF file, which EXIF data is too."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        raise ValueError("no byte order")
    (start,) = struct.unpack(order + "I", exif[4:8])
    (count,) = struct.unpack(order + "H", exif[start : start + 2])
    tags = {}
    for index in range(count):
        entry = exif[start + 2 + 12 * index : start + 14 + 12 * index]
        tag, kind = struct.unpack(order + "HH", entry[:4])
        if kind in {3, 4}:
            form = order + ("H" if kind == 3 else "I")
            (tags[tag],) = struct.unpack(form, entry[8 : 8 + struct.calcsize(form)])
    return tags


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")


READERS: Mapping[bytes, Callable[[bytes], Header]] = {
    rb"\xff\xd8\xff": _jpeg,
    re.escape(PNG_HEADER): _png,
    rb"RIFF....WEBP": _webp,
    rb"GIF8[79]a": _gif,
    rb"BM.{4}\0\0\0\0": _bmp,
    rb"II\*\0|MM\0\*": _tiff,
    rb"....ftyp(?:avi[fs]|he[iv][cmsx]|mif[12]|miaf|msf1)": _heif,
}
