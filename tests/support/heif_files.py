"""Builds HEIC and AVIF files box by box, as phones write them, with real HEVC and AV1 inside."""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import av

TILE = 64
RED, BLUE, GREEN, GREY, WHITE = (
    (200, 30, 30),
    (30, 30, 200),
    (30, 160, 30),
    (128, 128, 128),
    (255, 255, 255),
)
ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"


def box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, name) + content


def full_box(name: bytes, *parts: bytes, version: int = 0) -> bytes:
    return box(name, struct.pack(">I", version << 24), *parts)


def irot(quarters: int) -> bytes:
    """Turn to the left, as many times as given."""
    return box(b"irot", bytes([quarters]))


def imir(axis: int) -> bytes:
    """Exchange top and bottom (0), or left and right (1)."""
    return box(b"imir", bytes([axis]))


def clap(width: int, height: int, right: int = 0, down: int = 0) -> bytes:
    """Show only a part; its middle is so much to the right and further down."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, right, 1, down, 1))


def ispe(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


@dataclass(frozen=True)
class Item:
    """An item of a file: what it is, its properties and data, and what it refers to."""

    kind: bytes
    properties: Sequence[bytes]
    data: bytes
    refers: Sequence[tuple[bytes, Sequence[int]]] = ()


# The encoder, the format of the pixels, the kind of item, and the box for the decoder's set-up.
CODECS = {
    "hevc": ("libx265", "yuvj420p", b"hvc1", b"hvcC"),
    "hevc of 10 bits": ("libx265", "yuv420p10le", b"hvc1", b"hvcC"),
    "av1": ("libsvtav1", "yuv420p", b"av01", b"av1C"),
}


@cache
def tile(
    colour: tuple[int, int, int] = RED, codec: str = "hevc", width: int = TILE, height: int = TILE
) -> Item:
    """Encode a picture of one colour."""
    encoder, pixels, kind, config = CODECS[codec]
    frame = av.VideoFrame(width, height, "rgb24")
    plane = frame.planes[0]
    row = bytes(colour) * width
    plane.update((row + bytes(plane.line_size - len(row))) * height)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream(encoder, rate=1)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        if encoder == "libx265":
            stream.options = {"x265-params": "log-level=none:pools=none:frame-threads=1:bframes=0"}
            stream.codec_tag = "hvc1"
        frame = frame.reformat(format=pixels)
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as made:
        data = bytes(next(made.demux(video=0)))
        setup = made.streams.video[0].codec_context.extradata or b""
    return Item(kind, [box(config, setup), ispe(width, height)], data)


def heif(*items: Item, main: int = 1, brand: bytes = b"heic") -> bytes:
    """Write a file with these items, numbered from 1."""
    meta = _meta(items, main, 0)
    start = 24 + len(meta) + 8
    return b"".join(
        [
            box(b"ftyp", brand, bytes(4), b"mif1", brand),
            _meta(items, main, start),
            box(b"mdat", *(item.data for item in items)),
        ]
    )


def grid(
    *colours: tuple[int, int, int],
    columns: int = 2,
    size: tuple[int, int] = (100, 120),
    more: Sequence[bytes] = (),
    codec: str = "hevc",
) -> bytes:
    """Write a photo as phones do: tiles of these colours, and as the last item what they make."""
    tiles = [tile(colour, codec) for colour in colours]
    rows = len(tiles) // columns
    head = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *size)
    refers = [(b"dimg", range(1, len(tiles) + 1))]
    whole = Item(b"grid", [ispe(*size), *more], head, refers)
    return heif(*tiles, whole, main=len(tiles) + 1, brand=b"avif" if codec == "av1" else b"heic")


def with_alpha(picture: Item, alpha: Item) -> bytes:
    """Write a picture with another one that says how opaque it is."""
    more = [*alpha.properties, full_box(b"auxC", ALPHA)]
    return heif(picture, Item(alpha.kind, more, alpha.data, [(b"auxl", [1])]))


def _meta(items: Sequence[Item], main: int, start: int) -> bytes:
    infos: list[bytes] = []
    places: list[bytes] = []
    owned: list[bytes] = []
    properties: list[bytes] = []
    references: list[bytes] = []
    for number, item in enumerate(items, 1):
        infos.append(full_box(b"infe", struct.pack(">HH", number, 0), item.kind, b"\0", version=2))
        places.append(struct.pack(">HHHII", number, 0, 1, start, len(item.data)))
        start += len(item.data)
        first = len(properties) + 1
        properties.extend(item.properties)
        numbers = bytes(range(first, len(properties) + 1))
        owned.append(struct.pack(">HB", number, len(numbers)) + numbers)
        references.extend(
            box(name, struct.pack(f">HH{len(to)}H", number, len(to), *to))
            for name, to in item.refers
        )
    count = struct.pack(">H", len(items))
    return full_box(
        b"meta",
        full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
        full_box(b"pitm", struct.pack(">H", main)),
        full_box(b"iinf", count, *infos),
        full_box(b"iloc", b"\x44\0", count, *places),
        box(
            b"iprp",
            box(b"ipco", *properties),
            full_box(b"ipma", struct.pack(">I", len(items)), *owned),
        ),
        full_box(b"iref", *references) if references else b"",
    )
