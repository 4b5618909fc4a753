"""The files that went up and can be fetched again, and what a photo must be like."""

import struct
import zlib
from dataclasses import dataclass, field
from mimetypes import guess_type

from .errors import BotApiError, bad
from .events import Json

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes as they came with a request."""

    name: str
    content: bytes = field(repr=False)
    mime: str = ""

    @property
    def type(self) -> str:
        """The media type: as told, or guessed by the name."""
        told = "" if self.mime == "application/octet-stream" else self.mime
        return told or guess_type(self.name)[0] or "application/octet-stream"


class Files:
    """All files of the bot, by `file_id`; the limits may be lowered to test them cheaply."""

    def __init__(self) -> None:
        self._kept: dict[str, Upload] = {}
        self.largest_upload = 50 * MEGABYTE
        self.largest_download = 20 * MEGABYTE
        self.largest_photo = 10 * MEGABYTE

    def keep(self, upload: Upload) -> str:
        """Store the bytes and return their `file_id`."""
        file_id = f"file-{len(self._kept) + 1}"
        self._kept[file_id] = upload
        return file_id

    def taken_up(self, upload: Upload) -> str:
        """Store what the bot sends up, or refuse what is too large or empty."""
        if len(upload.content) > self.largest_upload:
            raise BotApiError(413, "Request Entity Too Large")
        if not upload.content:
            raise bad("file must be non-empty")
        return self.keep(upload)

    def get(self, file_id: str) -> Upload:
        """Give the file, or refuse an unknown one."""
        upload = self._kept.get(file_id.removesuffix("-small"))
        if upload is None:
            raise bad("wrong file identifier/HTTP URL specified")
        return upload

    def info(self, file_id: str) -> Json:
        """Answer getFile."""
        if not file_id or file_id.removesuffix("-small") not in self._kept:
            raise bad("wrong file_id or the file is temporarily unavailable")
        upload = self.get(file_id)
        if len(upload.content) > self.largest_download:
            raise bad("file is too big")
        return {**self._common(file_id), "file_path": f"files/{file_id}/{upload.name}"}

    def at_path(self, path: str) -> Upload | None:
        """Give the file that `file_path` of getFile names, or None."""
        parts = path.split("/")
        return self._kept.get(parts[1].removesuffix("-small")) if len(parts) > 1 else None

    def photo(self, file_id: str) -> list[Json]:
        """Describe a photo in its sizes, or refuse what Telegram does not show as one."""
        content = self.get(file_id).content
        if len(content) > self.largest_photo:
            raise bad(
                f"file of size {len(content)} bytes is too big for a photo; "
                f"the maximum size is {self.largest_photo} bytes"
            )
        if (size := picture_size(content)) is None:
            raise bad("IMAGE_PROCESS_FAILED")
        width, height = size
        if min(size) < 1 or width + height > 10_000 or max(size) > 20 * min(size):
            raise bad("PHOTO_INVALID_DIMENSIONS")
        scale = min(1.0, 90 / max(size))
        small = {"width": max(1, int(width * scale)), "height": max(1, int(height * scale))}
        return [
            {**self._common(f"{file_id}-small"), **small},
            {**self._common(file_id), "width": width, "height": height},
        ]

    def document(self, file_id: str) -> Json:
        """Describe a document."""
        upload = self.get(file_id)
        return {**self._common(file_id), "file_name": upload.name, "mime_type": upload.type}

    def sound(self, file_id: str, seconds: int) -> Json:
        """Describe a voice note."""
        upload = self.get(file_id)
        return {**self._common(file_id), "duration": seconds, "mime_type": upload.type}

    def _common(self, file_id: str) -> Json:
        size = len(self.get(file_id).content)
        return {"file_id": file_id, "file_unique_id": f"unique-{file_id}", "file_size": size}


def png(width: int, height: int) -> bytes:
    """Draw a grey picture."""
    rows = (b"\0" + b"\x80" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    blocks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in blocks
    )


def picture_size(content: bytes) -> tuple[int, int] | None:
    """Read width and height from the head of a PNG, JPEG or WebP; None for anything else."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if content[:2] == b"\xff\xd8":
        return _jpeg_size(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP" and len(content) >= 30:
        return _webp_size(content)
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        # Start-of-frame markers; the three left out share the range but are tables.
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    match content[12:16]:
        case b"VP8X":
            wide, high = content[24:27], content[27:30]
            return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
        case b"VP8L":
            bits = int.from_bytes(content[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack("<HH", content[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case _:
            return None
