"""Makes an upright JPEG of any picture, with PyAV (FFmpeg); the child's only.

PyAV is imported when it is needed: a JPEG that is right already is not decoded.
"""

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..core.file_errors import (
    DamagedFile,
    FileTooDemanding,
    MediaNotInstalled,
    PictureTooLarge,
    UnsupportedFile,
    UnusualPicture,
)
from .frames import apply_filter, encode_jpeg, flatten, scale_picture, set_opacity
from .heif import HeifPicture, Turn, UnusualHeif
from .heif_tiles import decode_heif
from .picture_headers import UPRIGHT, Header, read_header, without_metadata
from .protocol import Job, pack
from .webp import still_picture

if TYPE_CHECKING:
    from av import VideoFrame

READABLE = "JPEG, HEIC, PNG, WebP, GIF, BMP, TIFF and AVIF pictures"
MAX_MEGAPIXELS = 50
MAX_PIXELS = MAX_MEGAPIXELS * 1_000_000
# FFmpeg's demuxer for each kind, so that it does not guess one; HEIC and AVIF are taken apart here.
DEMUXERS = {
    "jpeg": "jpeg_pipe",
    "png": "png_pipe",
    "webp": "webp_pipe",
    "gif": "gif",
    "bmp": "bmp_pipe",
    "tiff": "tiff_pipe",
}
# What turns a picture upright, for each orientation of EXIF.
TURNS = {
    2: ("hflip",),
    3: ("hflip", "vflip"),
    4: ("vflip",),
    5: ("transpose=cclock_flip",),
    6: ("transpose=clock",),
    7: ("transpose=clock_flip",),
    8: ("transpose=cclock",),
}
# The same for the turns of HEIC and AVIF.
HEIF_TURNS: Mapping[Turn, tuple[str, ...]] = {
    "left": ("transpose=cclock",),
    "right": ("transpose=clock",),
    "half": ("hflip", "vflip"),
    "top to bottom": ("vflip",),
    "left to right": ("hflip",),
}


def convert_picture(job: Job) -> Iterator[bytes]:
    """Yield the frame with the JPEG."""
    header = _check(job.content)
    if header.kind == "jpeg" and header.orientation == UPRIGHT and _fits(header, job.max_side):
        yield pack_picture(without_metadata(job.content), header.width, header.height)
        return
    frame = flatten(_decode_and_scale(job, header))
    for turn in _turns(header):
        frame = apply_filter(frame, turn)
    yield pack_picture(encode_jpeg(frame), frame.width, frame.height)


def pack_picture(jpeg: bytes, width: int, height: int) -> bytes:
    """Write the frame for a JPEG."""
    return pack({"kind": "picture", "width": width, "height": height}, jpeg)


def _check(content: bytes) -> Header:
    """Read the header, and refuse what should not be decoded."""
    try:
        header = read_header(content)
    except ValueError as exc:
        raise DamagedFile from exc
    except UnusualHeif as exc:
        raise UnusualPicture(READABLE) from exc
    if header is None:
        raise UnsupportedFile(READABLE)
    if header.width * header.height > MAX_PIXELS:
        raise PictureTooLarge(MAX_MEGAPIXELS)
    if not (header.is_complete and header.width and header.height):
        raise DamagedFile
    return header


def _fits(header: Header, max_side: int) -> bool:
    return max(header.width, header.height) <= max_side


def _turns(header: Header) -> Iterator[str]:
    yield from TURNS.get(header.orientation, ())
    for turn in header.heif.turns if header.heif else ():
        yield from HEIF_TURNS[turn]


def _decode_and_scale(job: Job, header: Header) -> "VideoFrame":
    try:
        import av.error  # noqa: PLC0415  see the top
    except ImportError as exc:
        raise MediaNotInstalled("this picture") from exc
    try:
        if header.heif:
            return _scale_heif(header.heif, job.max_side)
        content = still_picture(job.content) if header.kind == "webp" else job.content
        return scale_picture(_decode(content, DEMUXERS[header.kind]), job.max_side)
    except (MemoryError, av.error.MemoryError) as exc:
        raise FileTooDemanding from exc
    except (av.error.FFmpegError, IndexError, ValueError) as exc:
        raise DamagedFile from exc


def _scale_heif(picture: HeifPicture, max_side: int) -> "VideoFrame":
    frame = decode_heif(picture, MAX_PIXELS)
    if crop := picture.crop:
        frame = apply_filter(
            frame, f"crop=w={crop.width}:h={crop.height}:x={crop.left}:y={crop.top}:exact=1"
        )
    frame = scale_picture(frame, max_side)
    if picture.alpha and picture.alpha.width * picture.alpha.height <= MAX_PIXELS:
        set_opacity(frame, decode_heif(picture.alpha, MAX_PIXELS))
    return frame


def _decode(content: bytes, demuxer: str) -> "VideoFrame":
    import av  # noqa: PLC0415  see the top

    with av.open(io.BytesIO(content), "r", format=demuxer) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        # A decoder that finds another size than the header says stops before it takes memory.
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        frame = next(container.decode(stream), None)
    if frame is None:
        raise DamagedFile
    return frame
