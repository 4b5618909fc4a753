"""Reads how a HEIC or AVIF picture is put together, before anything is decoded. Pure.

The photo of a phone mostly has no pixels of its own: it is a grid of tiles, each a picture in HEVC
or AV1. FFmpeg would decode a tile, and not say where it belongs.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .heif_items import Box, Items

Codec = Literal["hevc", "libdav1d"]
# A quarter to either side, twice that, and two ways to mirror.
Turn = Literal["left", "right", "half", "top to bottom", "left to right"]
# What codes the pixels of an item: the box that sets up the decoder, and the decoder's name.
CODECS: Mapping[bytes, tuple[bytes, Codec]] = {
    b"hvc1": (b"hvcC", "hevc"),
    b"av01": (b"av1C", "libdav1d"),
}
TURNS: Mapping[tuple[bytes, int], Turn] = {
    (b"irot", 1): "left",
    (b"irot", 2): "half",
    (b"irot", 3): "right",
    (b"imir", 0): "top to bottom",
    (b"imir", 1): "left to right",
}
ALPHA_NAMES = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")


class UnusualHeif(Exception):
    """The picture is put together in a way that is not read, such as one laid over another."""


class Crop(NamedTuple):
    """The part of a picture to be shown."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Tile:
    """One coded picture: its decoder, what that one is set up with, and the data."""

    codec: Codec
    config: bytes = field(repr=False)
    data: memoryview = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeifPicture:
    """The main picture of a file, or how opaque its pixels are.

    Attributes:
        width: of the whole, before it is cropped and turned.
        height: likewise.
        columns: how many tiles stand side by side.
        tiles: row by row; one, for a picture that is not a grid.
        crop: if only a part is to be shown.
        turns: what turns it upright, in this order; the format says that EXIF data do not count.
        is_full_range: whether the file says that its colours take all values; None if it does not.
        alpha: how opaque each pixel is, as a grey picture.
    """

    width: int
    height: int
    columns: int
    tiles: tuple[Tile, ...]
    crop: Crop | None = None
    turns: tuple[Turn, ...] = ()
    is_full_range: bool | None = None
    alpha: "HeifPicture | None" = None


def read_heif(content: bytes) -> HeifPicture:
    """Find the main picture; `ValueError` if the file is damaged or incomplete.

    Raises:
        UnusualHeif: it is neither coded as one picture nor a grid of such pictures.
    """
    try:
        items = Items(content)
        return _picture(items, items.main_id, _read_alpha(items))
    except (struct.error, IndexError, KeyError) as exc:
        raise ValueError("the boxes are damaged") from exc


def _read_alpha(items: Items) -> HeifPicture | None:
    for reference in items.references:
        if reference.name == b"auxl" and items.main_id in reference.to_ids:
            names = [
                items.content[box.start + 4 : box.end].split(b"\0")[0]
                for box in items.properties(reference.from_id)
                if box.name == b"auxC"
            ]
            if any(name in ALPHA_NAMES for name in names):
                return _picture(items, reference.from_id, None)
    return None


def _picture(items: Items, item_id: int, alpha: HeifPicture | None) -> HeifPicture:
    boxes = items.properties(item_id)
    width, height, columns, tile_ids = _layout(items, item_id, boxes)
    return HeifPicture(
        width,
        height,
        columns,
        tuple(_tile(items, tile_id) for tile_id in tile_ids),
        _crop(items.content, boxes, width, height),
        tuple(
            TURNS[key]
            for box in boxes
            # The number is in the last bits; a rotation by 0 is in no table.
            if (key := (box.name, items.content[box.start] & 3)) in TURNS
        ),
        _is_full_range(items.content, [*boxes, *items.properties(tile_ids[0])]),
        alpha,
    )


def _layout(items: Items, item_id: int, boxes: list[Box]) -> tuple[int, int, int, list[int]]:
    """Return width, height, columns and the items of the tiles."""
    if items.kinds[item_id] in CODECS:
        size = _find(boxes, b"ispe")
        return *struct.unpack_from(">II", items.content, size.start + 4), 1, [item_id]
    if items.kinds[item_id] != b"grid":
        raise UnusualHeif
    grid = items.data(item_id)
    rows, columns = grid[2] + 1, grid[3] + 1
    width, height = struct.unpack_from(">II" if grid[1] & 1 else ">HH", grid, 4)
    tile_ids = [
        tile_id
        for reference in items.references
        if reference.name == b"dimg" and reference.from_id == item_id
        for tile_id in reference.to_ids
    ]
    if len(tile_ids) != rows * columns:
        raise ValueError("tiles are missing")
    return width, height, columns, tile_ids


def _tile(items: Items, item_id: int) -> Tile:
    if items.kinds[item_id] not in CODECS:
        raise UnusualHeif
    box_name, codec = CODECS[items.kinds[item_id]]
    config = _find(items.properties(item_id), box_name)
    return Tile(codec, items.content[config.start : config.end], items.data(item_id))


def _find(boxes: list[Box], name: bytes) -> Box:
    for box in boxes:
        if box.name == name:
            return box
    raise ValueError("a box is missing")


def _is_full_range(content: bytes, boxes: list[Box]) -> bool | None:
    for box in boxes:
        if box.name == b"colr" and content[box.start : box.start + 4] == b"nclx":
            return content[box.start + 10] >= 0x80
    return None


def _even(number: float) -> int:
    """Round down, since two pixels may share their colour."""
    return int(number) & ~1


def _crop(content: bytes, boxes: list[Box], width: int, height: int) -> Crop | None:
    for box in boxes:
        if box.name == b"clap":
            wide, wide_by, high, high_by, right, right_by, down, down_by = struct.unpack_from(
                ">IIIIiIiI", content, box.start
            )
            if not (wide_by and high_by and right_by and down_by):
                raise ValueError("a fraction of nothing")
            crop_width, crop_height = round(wide / wide_by), round(high / high_by)
            # The offsets are those of the middle.
            left = _even((width - crop_width) / 2 + right / right_by)
            top = _even((height - crop_height) / 2 + down / down_by)
            if not (0 <= left < left + crop_width <= width):
                raise ValueError("the part is not inside")
            if not (0 <= top < top + crop_height <= height):
                raise ValueError("the part is not inside")
            return Crop(left, top, crop_width, crop_height)
    return None
