"""Takes a JPEG apart without decoding it, to leave out what its camera tells. Pure."""

from collections.abc import Iterator

SCAN = 0xDA
END = b"\xff\xd9"
# Segments with nothing that the pixels need: where and when it was taken, thumbnails, comments.
METADATA_MARKERS = {0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE}


def without_metadata(jpeg: bytes) -> bytes:
    """Leave out what a JPEG tells of its camera and place; without any, it is the same bytes.

    Raises `ValueError` if it is damaged or incomplete.
    """
    kept, position = [jpeg[:2]], len(jpeg)
    for marker, start, end in _segments(jpeg):
        if marker == SCAN:
            position = start
            break
        if marker not in METADATA_MARKERS:
            kept.append(jpeg[start:end])
    # Inside a scan, this pair of bytes can only be the end marker.
    if jpeg.find(END, position) < 0:
        raise ValueError("no end")
    return b"".join(kept) + jpeg[position:]


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of the segments up to the first scan, that one included."""
    position = 2
    while position + 4 <= len(jpeg):
        if jpeg[position] != 0xFF:
            raise ValueError("no segment")
        marker = jpeg[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        end = position + 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
        yield marker, position, end
        if marker == SCAN:
            return
        position = end
