"""Makes an upright JPEG of any picture, with Pillow, and libheif for HEIC; the child's only."""

import io
import re
import struct
from collections.abc import Iterator

import pillow_heif
from PIL import Image, ImageFile, ImageOps

from ..core.file_errors import DamagedFile, PictureTooLarge, UnsupportedFile
from .jpeg import without_metadata
from .protocol import Job, pack

READABLE = "JPEG, HEIC, PNG, WebP, GIF, BMP, TIFF and AVIF pictures"
MAX_MEGAPIXELS = 50
MAX_PIXELS = MAX_MEGAPIXELS * 1_000_000
# How each kind begins. What begins so and cannot be opened is damaged; others are not read.
START = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP|GIF8[79]a|BM.{4}\0\0\0\0|II\*\0|MM\0\*"
    rb"|....ftyp(?:avi[fs]|he[iv][cmsx]|mif[12]|miaf|msf1)",
    re.DOTALL,
)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
# How EXIF numbers the eight ways to hold a camera.
ORIENTATION_TAG, UPRIGHT = 0x0112, 1
JPEG_QUALITY = 90
# Pillow's names for pixels that can be averaged.
SHRINKABLE = ("L", "RGB", "RGBA", "CMYK")
# What Pillow and its decoders raise for files that are damaged.
DECODER_ERRORS = (OSError, ValueError, SyntaxError, LookupError, EOFError, TypeError, struct.error)

# The size is checked here before anything is decoded.
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener(decode_threads=1, thumbnails=False)


def convert_picture(job: Job) -> Iterator[bytes]:
    """Yield the frame with the JPEG."""
    if not START.match(job.content):
        raise UnsupportedFile(READABLE)
    try:
        opened = Image.open(io.BytesIO(job.content), formats=FORMATS)
        if opened.width * opened.height > MAX_PIXELS:
            raise PictureTooLarge(MAX_MEGAPIXELS)
        if _is_right(opened, job.max_side):
            yield pack_picture(without_metadata(job.content), opened)
            return
        image = _upright(opened, job.max_side)
    except DECODER_ERRORS as exc:
        raise DamagedFile from exc
    yield draw_picture(image)


def draw_picture(image: Image.Image) -> bytes:
    """Return the frame with a picture as a JPEG; the same one gives the same bytes."""
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=JPEG_QUALITY)
    return pack_picture(jpeg.getvalue(), image)


def pack_picture(jpeg: bytes, image: Image.Image) -> bytes:
    """Write the frame for a JPEG of a picture."""
    return pack({"kind": "picture", "width": image.width, "height": image.height}, jpeg)


def _is_right(image: Image.Image, max_side: int) -> bool:
    """Say whether a picture can be passed on as it is."""
    is_upright = image.getexif().get(ORIENTATION_TAG, UPRIGHT) not in range(2, 9)
    return image.format == "JPEG" and is_upright and max(image.size) <= max_side


def _upright(opened: ImageFile.ImageFile, max_side: int) -> Image.Image:
    """Decode a picture, shrink it, turn it upright and lay it on white."""
    if not opened.info.get("primary", True):
        # Of a HEIC file whose main picture cannot be opened, it would be a thumbnail or a tile.
        raise DamagedFile
    # A JPEG is shrunk while it is decoded, to at least twice of what is wanted.
    opened.draft(None, (2 * max_side, 2 * max_side))
    # After each change to its own kind of image, pillow-heif would decode the file anew.
    image = opened.copy() if opened.format == "HEIF" else opened
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I;16"):
        # Pillow would take all that is lighter than the darkest 256th for white.
        image = image.point(lambda level: level / 256).convert("L")
    if image.mode not in SHRINKABLE or "transparency" in image.info:
        # Of a palette, shrinking would only leave pixels out.
        image = image.convert("RGBA")
    image.thumbnail((max_side, max_side))
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")
