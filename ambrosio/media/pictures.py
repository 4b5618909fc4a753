"""Makes an upright JPEG of any picture, with PyAV (FFmpeg); the child's only.

PyAV is imported when it is needed: a JPEG that is right already is not decoded.
"""

import io
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from ..core.file_errors import (
    DamagedFile,
    FileTooDemanding,
    HeicPicture,
    MediaNotInstalled,
    PictureTooLarge,
    UnsupportedFile,
)
from .picture_headers import UPRIGHT, Header, read_header, without_metadata
from .protocol import Job, pack

if TYPE_CHECKING:
    from av import VideoFrame

READABLE = "JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF pictures"
MAX_MEGAPIXELS = 50
# FFmpeg's demuxer for each kind, so that it does not guess one. HEIC photos are made of tiles,
# which PyAV does not put together.
DEMUXERS = {
    "jpeg": "jpeg_pipe",
    "png": "png_pipe",
    "webp": "webp_pipe",
    "gif": "gif",
    "bmp": "bmp_pipe",
    "tiff": "tiff_pipe",
    "avif": "mov",
}
# FFmpeg's scale from 2 (best) to 31; about what others call 90 %.
JPEG_QUALITY = 3
FULL_COLOUR_RANGE = 2
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


def convert_picture(job: Job) -> Iterator[bytes]:
    """Yield the frame with the JPEG."""
    header = _check(job.content)
    if header.kind == "jpeg" and header.orientation == UPRIGHT and _fits(header, job.max_side):
        yield pack_picture(without_metadata(job.content), header.width, header.height)
        return
    try:
        import av  # noqa: F401, PLC0415  see the top
    except ImportError as exc:
        raise MediaNotInstalled("this picture") from exc
    frame = _decode(job.content, header)
    frame = _flatten(_scale(frame, job.max_side))
    for turn in TURNS.get(header.orientation, ()):
        frame = _filter(frame, turn)
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
    if header and header.kind == "heic":
        raise HeicPicture(READABLE)
    if header is None or header.kind not in DEMUXERS:
        raise UnsupportedFile(READABLE)
    if header.width * header.height > MAX_MEGAPIXELS * 1_000_000:
        raise PictureTooLarge(MAX_MEGAPIXELS)
    if not (header.is_complete and header.width and header.height):
        raise DamagedFile
    return header


def _fits(header: Header, max_side: int) -> bool:
    return max(header.width, header.height) <= max_side


def _decode(content: bytes, header: Header) -> "VideoFrame":
    import av.error  # noqa: PLC0415  see the top

    try:
        with av.open(io.BytesIO(content), "r", format=DEMUXERS[header.kind]) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            # A decoder that finds another size than the header says stops before it takes memory.
            stream.codec_context.options = {"max_pixels": str(MAX_MEGAPIXELS * 1_000_000)}
            frame = next(container.decode(stream), None)
    except (MemoryError, av.error.MemoryError) as exc:
        raise FileTooDemanding from exc
    except (av.error.FFmpegError, IndexError) as exc:
        raise DamagedFile from exc
    if frame is None:
        raise DamagedFile
    return frame


def _scale(frame: "VideoFrame", max_side: int) -> "VideoFrame":
    """Shrink a picture, and leave it with 8 bits of red, green, blue and opacity."""
    scale = min(1.0, max_side / max(frame.width, frame.height))
    return frame.reformat(
        max(1, round(frame.width * scale)),
        max(1, round(frame.height * scale)),
        format="rgba",
        interpolation="AREA" if scale < 1 else "BILINEAR",
    )


def _flatten(frame: "VideoFrame") -> "VideoFrame":
    """Lay what can be seen through on white."""
    rgba = bytes(frame.planes[0])
    if rgba[3::4].count(255) == len(rgba) // 4:
        return frame
    return _filter(frame, "overlay=format=rgb", background="white")


def _filter(frame: "VideoFrame", description: str, *, background: str = "") -> "VideoFrame":
    """Pass a picture through one of FFmpeg's filters, perhaps as the upper of two layers."""
    import av.filter  # noqa: PLC0415  see the top

    name, _, options = description.partition("=")
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    step, sink = graph.add(name, options), graph.add("buffersink")
    if background:
        size = f"{frame.width}x{frame.height}"
        graph.add("color", f"c={background}:s={size}:r=1:d=1").link_to(step, 0, 0)
    source.link_to(step, 0, 1 if background else 0)
    step.link_to(sink)
    graph.configure()
    source.push(frame)
    source.push(None)
    filtered = sink.pull()
    assert isinstance(filtered, av.VideoFrame)  # noqa: S101  a filter for video has no other
    return filtered


def encode_jpeg(frame: "VideoFrame") -> bytes:
    """Encode a picture; the same one gives the same bytes."""
    import av  # noqa: PLC0415  see the top

    # By way of RGB, since a video's colours have another range than a JPEG's.
    frame = frame.reformat(format="rgb24").reformat(
        format="yuvj420p", dst_color_range=FULL_COLOUR_RANGE
    )
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, "yuvj420p"
    codec.time_base = Fraction(1)
    # FFmpeg's constant quality is given in 118ths.
    codec.options = {"flags": "+qscale", "global_quality": str(JPEG_QUALITY * 118)}
    return b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])
