"""Files as people send them, made by the tests themselves: sound, pictures, documents."""

import io
import math
from array import array
from collections.abc import Sequence

import av
from PIL import Image

RATE = 16_000


def tone(seconds, *, level=8000, hertz=220.0):
    """Make samples of a tone; a level of 0 is silence."""
    count = int(seconds * RATE)
    if not level:
        return array("h", bytes(count * 2))
    period = [round(level * math.sin(2 * math.pi * hertz * at / RATE)) for at in range(RATE // 20)]
    return array("h", (period * (count // len(period) + 1))[:count])


def sound(samples, container="ogg", codec="libopus", rate=48_000, video=False):
    """Encode samples as a file."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.layout = "mono"
        pictures = output.add_stream("libx264", rate=1) if video else None
        if pictures is not None:
            pictures.width = pictures.height = 64
            pictures.pix_fmt = "yuv420p"
            output.mux(pictures.encode(av.VideoFrame(64, 64, "yuv420p")))
            output.mux(pictures.encode(None))
        resampler = av.AudioResampler(stream.format.name, "mono", rate, stream.frame_size or 1024)
        frame = av.AudioFrame("s16", "mono", len(samples))
        frame.sample_rate = RATE
        frame.planes[0].update(samples.tobytes())
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


# The codec, the container and the pixel format of each kind of picture.
PICTURES = {
    "jpeg": ("mjpeg", "mjpeg", "yuvj420p"),
    "png": ("png", "image2pipe", "rgba"),
    "webp": ("libwebp", "webp", "yuva420p"),
    "gif": ("gif", "gif", "rgb8"),
    "bmp": ("bmp", "image2pipe", "bgra"),
    "tiff": ("tiff", "image2pipe", "rgba"),
    "avif": ("libsvtav1", "avif", "yuv420p"),
    "mp4": ("libx264", "mp4", "yuv420p"),
}


def picture(
    kind: str,
    width: int = 320,
    height: int = 240,
    colours: Sequence[Sequence[int]] = ((200, 30, 30, 255), (30, 30, 200, 255)),
) -> bytes:
    """Encode a picture whose left half has the first colour and whose right half the second."""
    codec, container, pixels = PICTURES[kind]
    frame = av.VideoFrame(width, height, "rgba")
    half = width // 2
    row = bytes(colours[0]) * half + bytes(colours[1]) * (width - half)
    plane = frame.planes[0]
    plane.update((row + bytes(plane.line_size - len(row))) * height)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=1)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        output.mux(stream.encode(frame.reformat(format=pixels)))
        output.mux(stream.encode(None))
    return file.getvalue()


def kind_and_size(content: bytes) -> tuple[str | None, tuple[int, int]]:
    """Say what kind of picture it is, and how wide and high."""
    with Image.open(io.BytesIO(content)) as image:
        return image.format, image.size
