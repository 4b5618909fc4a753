"""Decodes the tiles of a HEIC or AVIF picture, with PyAV, and puts them together; the child's only.

One tile after the other is decoded, so that only the whole picture and one of them are in memory.
"""

from typing import TYPE_CHECKING

from ..core.file_errors import DamagedFile
from .heif import HeifPicture, Tile

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.plane import VideoPlane

# HEVC for pictures may have more than 8 bits a sample; FFmpeg then takes two bytes for each.
MAX_BITS_OF_A_BYTE = 8
LIMITED_COLOUR_RANGE, FULL_COLOUR_RANGE = 1, 2


def decode_heif(picture: HeifPicture, max_pixels: int) -> "VideoFrame":
    """Decode a picture, neither cropped nor turned.

    Args:
        picture: what is to be decoded.
        max_pixels: of a tile, which may be larger than the file says.

    Raises:
        DamagedFile: tiles do not fit together. A tile that is damaged raises an error of PyAV.
    """
    from av import VideoFrame  # noqa: PLC0415  only where it is needed

    first = _decode_tile(picture.tiles[0], max_pixels)
    rows = -(-len(picture.tiles) // picture.columns)
    if first.width * picture.columns < picture.width or first.height * rows < picture.height:
        # What no tile covers would show whatever was in this memory before.
        raise DamagedFile
    # The formats with a J in their name are the same, but for the range of their colours.
    pixels = first.format.name.replace("yuvj", "yuv")
    whole = VideoFrame(picture.width, picture.height, pixels)
    is_full = picture.is_full_range
    if is_full is None:
        is_full = first.color_range == FULL_COLOUR_RANGE or pixels != first.format.name
    whole.colorspace = first.colorspace
    whole.color_range = FULL_COLOUR_RANGE if is_full else LIMITED_COLOUR_RANGE
    kind = (first.width, first.height, first.format.name)
    for number, tile in enumerate(picture.tiles):
        frame = _decode_tile(tile, max_pixels) if number else first
        if (frame.width, frame.height, frame.format.name) != kind:
            raise DamagedFile
        row, column = divmod(number, picture.columns)
        _lay(frame, whole, column, row)
    return whole


def _decode_tile(tile: Tile, max_pixels: int) -> "VideoFrame":
    from av import CodecContext, Packet, VideoCodecContext  # noqa: PLC0415  only where it is needed

    decoder = CodecContext.create(tile.codec, "r")
    assert isinstance(decoder, VideoCodecContext)  # noqa: S101  neither codec is one of sound
    decoder.extradata = tile.config
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(max_pixels), "err_detect": "explode"}
    for packet in (Packet(bytes(tile.data)), None):
        for frame in decoder.decode(packet):
            return frame
    raise DamagedFile


def _lay(tile: "VideoFrame", whole: "VideoFrame", column: int, row: int) -> None:
    """Copy a tile to its place; what is beyond the edge of the whole is left out."""
    depth = max(component.bits for component in tile.format.components)
    size = 1 if depth <= MAX_BITS_OF_A_BYTE else 2
    for source, target in zip(tile.planes, whole.planes, strict=True):
        _copy(source, target, column * source.width * size, row * source.height, size)


def _copy(source: "VideoPlane", target: "VideoPlane", left: int, top: int, size: int) -> None:
    length = min(source.width * size, target.width * size - left)
    if length <= 0:
        return
    pixels, canvas = memoryview(source), memoryview(target)
    for line in range(min(source.height, target.height - top)):
        start, at = line * source.line_size, (top + line) * target.line_size + left
        canvas[at : at + length] = pixels[start : start + length]
