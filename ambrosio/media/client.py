"""Has files decoded in a child process, one for each job, and returns what comes out of it.

The bot's side: it looks into no file itself. Cancelling a job kills its child, and so does anything
that goes wrong; a child that crashes is `DecoderCrashed`, whatever the file did to it. One that was
killed by somebody else, such as the system, is replaced once. What the machine did to it, and may
not do the next time, is `MachineBusy`.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..core.file_errors import (
    DecoderCrashed,
    EmptyFile,
    FileError,
    FileTooDemanding,
    MachineBusy,
)
from ..core.media import AudioPiece, Document, Picture, VoiceNote
from .protocol import MAX_FRAME_BYTES, MAX_HEADER_BYTES, MAX_INPUT_BYTES, Job, unpack_failure

log = logging.getLogger(__name__)

# How long the child may be silent while somebody waits for its next frame.
SILENCE_SECONDS = 60.0
# Each may take up to a gigabyte. A recording that is being cut takes little, and waits long.
MAX_PARALLEL = 2
MAX_PARALLEL_RECORDINGS = 8
# Of a job whose child is killed from outside; a file that has its children killed ends there.
MAX_CHILDREN_PER_JOB = 2
# How others end a process: Linux when memory runs out, a person, a service that stops. A decoder
# dies of other signals: its own faults, and the limit on its computing time.
KILLED_FROM_OUTSIDE = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP}
# Nothing of our environment, which holds keys; only the way to this package.
ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[2]), "LC_ALL": "C.UTF-8"}
ARGUMENTS = ("-B", "-P", "-X", "utf8", "-m", "ambrosio.media")
# What reading a frame raises where the child has died, or sends nonsense.
UNREADABLE = (
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    ConnectionError,
    ValueError,
    KeyError,
    TypeError,
)


class Frame(NamedTuple):
    """What the child has sent: fields, and bytes."""

    fields: Mapping[str, Any]
    content: bytes


class MediaClient:
    """Starts children and reads from them. All its methods raise `FileError`.

    Args:
        silence_seconds: how long a child may take for the next piece of its result.
    """

    def __init__(self, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._silence_seconds = silence_seconds
        self._places = asyncio.Semaphore(MAX_PARALLEL)
        self._places_for_recordings = asyncio.Semaphore(MAX_PARALLEL_RECORDINGS)
        # The children that run now, for tests and a look at what is going on.
        self.pids: set[int] = set()

    async def cut_audio(self, content: bytes) -> AsyncGenerator[AudioPiece]:
        """Yield a recording as pieces of at most a minute, cut at silences.

        To be closed with `aclosing`. The child decodes only as far as pieces are
        taken, so a long recording takes no memory.

        Args:
            content: any file with sound, a video too.

        Raises:
            NoSound: it has no sound track.
            AudioTooLong: it lasts more than two hours.
            FileError: it cannot be read; pieces may have come before.
        """
        job = Job("audio", content)
        async with self._places_for_recordings, aclosing(self._frames(job)) as frames:
            async for fields, wav in frames:
                yield AudioPiece(
                    wav,
                    fields["start_seconds"],
                    fields["seconds"],
                    fields["total_seconds"],
                    fields["is_silent"],
                )

    async def encode_voice(self, content: bytes) -> VoiceNote:
        """Make a voice note for Telegram of any sound file."""
        fields, ogg = await self._only_frame(Job("voice", content))
        return VoiceNote(ogg, fields["seconds"])

    async def convert_picture(self, content: bytes, *, max_side: int = 1280) -> Picture:
        """Make an upright JPEG of a picture, no side longer than `max_side` pixels.

        A JPEG that is all this already comes back as it is, but for its metadata.

        Raises:
            MediaNotInstalled: the extra `media` is missing.
            UnsupportedFile: it is no picture, or of a kind that is not read.
            PictureTooLarge: it has more than 50 megapixels.
        """
        fields, jpeg = await self._only_frame(Job("picture", content, max_side=max_side))
        return Picture(jpeg, fields["width"], fields["height"])

    async def read_document(self, content: bytes, file_name: str = "") -> Document:
        """Read the text of a document.

        Args:
            content: the file; what it is, its content says, not its name.
            file_name: tells apart kinds of text, such as HTML and Markdown.

        Raises:
            EncryptedFile: it needs a password.
            UnsupportedFile: it is of a kind that is not read.
        """
        return await self._read(Job("document", content, file_name))

    async def read_web_page(self, content: bytes, media_type: str = "") -> Document:
        """Read what a page says, without its navigation; its title is the first line.

        Args:
            content: HTML, plain text or a PDF.
            media_type: what the web server calls it, with the encoding.

        Raises:
            EncryptedFile: it is a PDF that needs a password.
            UnsupportedFile: it is of another kind.
        """
        return await self._read(Job("web_page", content, media_type=media_type))

    async def _read(self, job: Job) -> Document:
        fields, parts = await self._only_frame(job)
        return Document(
            fields["document"],
            tuple(json.loads(parts)),
            fields["part_name"],
            fields["part_count"],
            fields["is_scanned"],
            fields["is_cut"],
        )

    async def draw_page(self, content: bytes, page: int, *, max_side: int = 1280) -> Picture:
        """Draw a page of a PDF, counted from 0, as a JPEG; past the last one is `EmptyFile`."""
        fields, jpeg = await self._only_frame(Job("page", content, max_side=max_side, page=page))
        return Picture(jpeg, fields["width"], fields["height"])

    async def _only_frame(self, job: Job) -> Frame:
        async with self._places, aclosing(self._frames(job)) as frames:
            async for frame in frames:
                return frame
        raise DecoderCrashed

    async def _frames(self, job: Job) -> AsyncGenerator[Frame]:
        """Yield the frames of a job, as one child sends them or, if it is killed, another one."""
        if not job.content:
            raise EmptyFile
        if len(job.content) > MAX_INPUT_BYTES:
            raise FileTooDemanding
        known = 0
        for _ in range(MAX_CHILDREN_PER_JOB):
            try:
                async with aclosing(self._frames_of_child(job)) as frames:
                    # The same file gives the same frames again.
                    number = 0
                    async for frame in frames:
                        number += 1
                        if number > known:
                            known = number
                            yield frame
            except _KilledFromOutside:
                continue
            return
        raise MachineBusy

    async def _frames_of_child(self, job: Job) -> AsyncGenerator[Frame]:
        """Start a child, and yield the frames that it sends until it has finished."""
        async with self._child() as child:
            try:
                conversation = _Conversation(child, self._silence_seconds)
                await conversation.send(job)
                while (frame := await conversation.next_frame()) is not None:
                    yield frame
            except DecoderCrashed:
                raise await _diagnose(child, job) from None

    @asynccontextmanager
    async def _child(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run a child that does not outlive the block."""
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                *ARGUMENTS,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=MAX_HEADER_BYTES,
                env=ENVIRONMENT,
                cwd="/",
            )
        except OSError as exc:
            log.warning("no media child: %s", exc.strerror)
            raise MachineBusy from exc
        self.pids.add(child.pid)
        try:
            yield child
        finally:
            _kill(child)
            self.pids.discard(child.pid)
            if child.stdout:
                # With more in the pipe than was read, asyncio would wait for its end for ever.
                await child.stdout.read()
            await child.wait()


def _kill(child: asyncio.subprocess.Process) -> None:
    """End a child, if it has not ended by itself.

    Not by its own `kill`, which reaps a child that has just died, and then asyncio misses it.
    """
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)


class _KilledFromOutside(Exception):
    """A child was killed, and not for what its file did."""


class _Conversation:
    """What is said to one child, and read from it."""

    def __init__(self, child: asyncio.subprocess.Process, silence_seconds: float) -> None:
        if child.stdin is None or child.stdout is None:
            raise DecoderCrashed
        self._stdin, self._stdout = child.stdin, child.stdout
        self._silence_seconds = silence_seconds

    async def send(self, job: Job) -> None:
        """Give the child its job; one that has died already is noticed when it is read from."""
        try:
            async with asyncio.timeout(self._silence_seconds):
                self._stdin.write(job.encode(os.getpid()))
                await self._stdin.drain()
        except TimeoutError:
            raise MachineBusy from None
        except ConnectionError:
            return

    async def next_frame(self) -> Frame | None:
        """Wait for a frame; None at the end. Raises `FileError`."""
        try:
            async with asyncio.timeout(self._silence_seconds):
                fields = json.loads(await self._stdout.readuntil(b"\n"))
                size = int(fields["size"])
                if size > MAX_FRAME_BYTES:
                    raise FileTooDemanding
                content = await self._stdout.readexactly(size)
        except TimeoutError:
            # What takes long to compute meets its limit before: this waited for the processor.
            raise MachineBusy from None
        except UNREADABLE as exc:
            raise DecoderCrashed from exc
        if fields.get("kind") == "error":
            raise unpack_failure(fields)
        return None if fields.get("kind") == "end" else Frame(fields, content)


async def _diagnose(child: asyncio.subprocess.Process, job: Job) -> FileError | _KilledFromOutside:
    """Say why a child has ended without a word."""
    try:
        async with asyncio.timeout(1):
            code = await child.wait()
    except TimeoutError:
        return DecoderCrashed()
    log.warning("the media child ended with code %d, reading: %s", code, job.name)
    if code in KILLED_FROM_OUTSIDE:
        return _KilledFromOutside()
    return FileTooDemanding() if code == -signal.SIGXCPU else DecoderCrashed()
