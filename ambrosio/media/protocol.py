"""What the bot and its media child say to each other: frames of a JSON line and bytes.

The child reads one frame, the job and its file, from stdin, and writes frames to stdout: results,
then either `end` or `error`. Nothing goes through the file system: a child that is killed leaves
nothing behind, and needs no permission to write anywhere.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

from ..core import file_errors
from ..core.file_errors import FileError

JobName = Literal["audio", "voice", "picture", "document", "page", "web_page"]

MEGABYTE = 1_000_000
# Telegram lets a bot download no more than 20 MB.
MAX_INPUT_BYTES = 25 * MEGABYTE
# A picture, a page, or all text of a document; a minute of WAV is 2 MB.
MAX_FRAME_BYTES = 32 * MEGABYTE
MAX_HEADER_BYTES = 8_192
MAX_MEMORY_BYTES = 1 << 30
CPU_SECONDS = 20
# Two hours of AAC are decoded in half a minute on a slow machine.
AUDIO_CPU_SECONDS = 120

# What can cross from the child to the bot; the name of any other class means a crash.
FAILURES: Mapping[str, type[FileError]] = {
    kind.__name__: kind
    for kind in (
        file_errors.MediaNotInstalled,
        file_errors.UnsupportedFile,
        file_errors.EmptyFile,
        file_errors.DamagedFile,
        file_errors.EncryptedFile,
        file_errors.NoSound,
        file_errors.AudioTooLong,
        file_errors.PictureTooLarge,
        file_errors.FileTooDemanding,
    )
}


@dataclass(frozen=True, slots=True)
class Job:
    """What the child is to do, with `content` as the file; not every field matters to every job.

    Attributes:
        name: which of the jobs.
        content: the file.
        file_name: its name, for kinds of text that only the suffix tells apart.
        max_side: of the JPEG, in pixels.
        page: which page of a PDF to draw, counted from 0.
        media_type: what a web server calls the file, such as "text/html; charset=koi8-r".
    """

    name: JobName
    content: bytes = field(repr=False)
    file_name: str = ""
    max_side: int = 1280
    page: int = 0
    media_type: str = ""

    @property
    def cpu_seconds(self) -> int:
        """How long it may compute."""
        return AUDIO_CPU_SECONDS if self.name in {"audio", "voice"} else CPU_SECONDS

    def encode(self, parent_id: int) -> bytes:
        """Write the frame that the child reads; it exits if its parent is another process."""
        return pack(
            {
                "job": self.name,
                "file_name": self.file_name[-200:],
                "max_side": self.max_side,
                "page": self.page,
                "media_type": self.media_type[:200],
                "parent": parent_id,
            },
            self.content,
        )


def read_job(stream: BinaryIO) -> tuple[Job, int]:
    """Read a job and the id of the parent process from stdin, or raise `ValueError`."""
    fields = json.loads(stream.readline(MAX_HEADER_BYTES))
    content = stream.read(fields["size"])
    job = Job(
        fields["job"],
        content,
        fields["file_name"],
        int(fields["max_side"]),
        int(fields["page"]),
        fields["media_type"],
    )
    return job, int(fields["parent"])


def pack(fields: Mapping[str, Any], content: bytes = b"") -> bytes:
    """Write a frame."""
    return json.dumps({**fields, "size": len(content)}).encode() + b"\n" + content


def pack_failure(failure: FileError) -> bytes:
    """Write the frame for a failure, with what its sentences need."""
    return pack({"kind": "error", "name": type(failure).__name__, "fields": vars(failure)})


def unpack_failure(header: Mapping[str, Any]) -> FileError:
    """Read a failure; whatever it is not is a crash, since the child may be in foreign hands."""
    kind = FAILURES.get(str(header.get("name")))
    fields = header.get("fields")
    if kind is None or not isinstance(fields, dict):
        return file_errors.DecoderCrashed()
    try:
        return kind(**fields)
    except TypeError:
        return file_errors.DecoderCrashed()
