"""What is done to a decoded picture with FFmpeg's filters; the child's only.

Like `pictures`, it imports PyAV when it is needed.
"""

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import VideoFrame

# FFmpeg's scale from 2 (best) to 31; about what others call 90 %.
JPEG_QUALITY = 3
FULL_COLOUR_RANGE = 2


def scale_picture(frame: "VideoFrame", max_side: int) -> "VideoFrame":
    """Shrink a picture, and leave it with 8 bits of red, green, blue and opacity."""
    scale = min(1.0, max_side / max(frame.width, frame.height))
    return frame.reformat(
        max(1, round(frame.width * scale)),
        max(1, round(frame.height * scale)),
        format="rgba",
        interpolation="AREA" if scale < 1 else "BILINEAR",
    )


def set_opacity(frame: "VideoFrame", alpha: "VideoFrame") -> None:
    """Make a picture from `scale_picture` as opaque as a grey one is light."""
    grey = alpha.reformat(frame.width, frame.height, format="gray", interpolation="AREA")
    source, target = grey.planes[0], frame.planes[0]
    levels, pixels = memoryview(source), memoryview(target)
    for line in range(frame.height):
        start, at = line * source.line_size, line * target.line_size
        row = levels[start : start + frame.width]
        pixels[at + 3 : at + 4 * frame.width : 4] = row


def flatten(frame: "VideoFrame") -> "VideoFrame":
    """Lay what can be seen through on white."""
    rgba = bytes(frame.planes[0])
    if rgba[3::4].count(255) == len(rgba) // 4:
        return frame
    return apply_filter(frame, "overlay=format=rgb", background="white")


def apply_filter(frame: "VideoFrame", description: str, *, background: str = "") -> "VideoFrame":
    """Pass a picture through one of FFmpeg's filters, perhaps as the upper of two layers."""
    import av.filter  # noqa: PLC0415  see the top

    name, _, options = description.partition("=")
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1) or Fraction(1),
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
