"""Uploaded files, which can be downloaded again, and Telegram's rules for photos."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from mimetypes import guess_type
from pathlib import PurePosixPath

from ...core.image_formats import measure_image
from ...core.png import encode_png
from .. import Json
from .errors import BotApiError, bad

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came with a request."""

    name: str
    content: bytes = field(repr=False)
    mime: str = ""

    @property
    def type(self) -> str:
        """The media type: as declared, or guessed from the name."""
        declared = "" if self.mime == "application/octet-stream" else self.mime
        return declared or guess_type(self.name)[0] or "application/octet-stream"


class Files:
    """All files of the bot by `file_id`; tests may lower the limits."""

    def __init__(self) -> None:
        self.uploads: dict[str, Upload] = {}
        self.max_upload_bytes = 50 * MEGABYTE
        self.max_download_bytes = 20 * MEGABYTE
        self.max_photo_bytes = 10 * MEGABYTE

    def add(self, upload: Upload) -> str:
        """Store a file and return its `file_id`."""
        file_id = f"file-{len(self.uploads) + 1}"
        self.uploads[file_id] = upload
        return file_id

    def accept_upload(self, upload: Upload) -> str:
        """Store a file that the bot uploads, or refuse one that is empty or too large."""
        if len(upload.content) > self.max_upload_bytes:
            raise BotApiError(413, "Request Entity Too Large")
        if not upload.content:
            raise bad("file must be non-empty")
        return self.add(upload)

    def get(self, file_id: str) -> Upload:
        """Return a file, or refuse an unknown id."""
        upload = self.uploads.get(file_id.removesuffix("-small"))
        if upload is None:
            raise bad("wrong file identifier/HTTP URL specified")
        return upload

    def info(self, file_id: str) -> Json:
        """Answer getFile."""
        if not file_id or file_id.removesuffix("-small") not in self.uploads:
            raise bad("wrong file_id or the file is temporarily unavailable")
        upload = self.get(file_id)
        if len(upload.content) > self.max_download_bytes:
            raise bad("file is too big")
        # Telegram names files by a number of its own; what they were called is lost.
        folder = f"{upload.type.partition('/')[0]}s"
        return {
            **self._common(file_id),
            "file_path": f"{folder}/{file_id}{PurePosixPath(upload.name).suffix}",
        }

    def at_path(self, path: str) -> Upload | None:
        """Return the file at a `file_path` from getFile, or None."""
        return self.uploads.get(PurePosixPath(path).stem.removesuffix("-small"))

    def photo(self, file_id: str, smaller_ids: Sequence[str] = ()) -> list[Json]:
        """Describe a photo in its sizes, or refuse what Telegram does not accept as one.

        Telegram makes the sizes itself; here the smaller ones are files as well.
        """
        content = self.get(file_id).content
        if len(content) > self.max_photo_bytes:
            raise bad(
                f"file of size {len(content)} bytes is too big for a photo; "
                f"the maximum size is {self.max_photo_bytes} bytes"
            )
        if (measured := measure_image(content)) is None:
            raise bad("IMAGE_PROCESS_FAILED")
        _, width, height = measured
        longer, shorter = max(width, height), min(width, height)
        if width + height > 10_000 or longer > 20 * shorter:
            raise bad("PHOTO_INVALID_DIMENSIONS")
        scale = min(1.0, 90 / longer)
        small = {"width": max(1, int(width * scale)), "height": max(1, int(height * scale))}
        sizes = [{**self._common(f"{file_id}-small"), **small}]
        for size_id in (*smaller_ids, file_id):
            measured = measure_image(self.get(size_id).content)
            if measured:
                sizes.append({**self._common(size_id), "width": measured[1], "height": measured[2]})
        return sizes

    def document(self, file_id: str) -> Json:
        """Describe a document."""
        upload = self.get(file_id)
        return {**self._common(file_id), "file_name": upload.name, "mime_type": upload.type}

    def voice(self, file_id: str, seconds: int) -> Json:
        """Describe a voice note."""
        upload = self.get(file_id)
        return {**self._common(file_id), "duration": seconds, "mime_type": upload.type}

    def is_voice(self, file_id: str) -> bool:
        """Say whether Telegram takes a file for a voice note."""
        content = self.get(file_id).content
        opus = content.startswith(b"OggS") and b"OpusHead" in content[:64]
        mp3 = content.startswith((b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"))
        return opus or mp3 or content[4:11] == b"ftypM4A"

    def _common(self, file_id: str) -> Json:
        size = len(self.get(file_id).content)
        return {"file_id": file_id, "file_unique_id": f"unique-{file_id}", "file_size": size}


def blank_png(width: int, height: int) -> bytes:
    """Return a grey PNG."""
    return encode_png(width, height, (b"\0" + b"\x80" * 3 * width) * height)
