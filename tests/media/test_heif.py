"""HEIC and AVIF pictures, as phones send them as files.

The files are made box by box; libheif reads them too, and shows what the tables here say.
"""

import io
import json
import struct
from dataclasses import replace

import av
import pytest

from ambrosio.core.file_errors import (
    DamagedFile,
    PictureTooLarge,
)
from ambrosio.core.media import Picture
from ambrosio.media.client import MediaClient
from ambrosio.media.pictures import convert_picture
from ambrosio.media.protocol import Job
from tests.support.heif_files import (
    BLUE,
    CODECS,
    GREEN,
    GREY,
    RED,
    WHITE,
    Item,
    clap,
    grid,
    heif,
    imir,
    irot,
    ispe,
    tile,
    with_alpha,
)

COLOURS = {"R": RED, "B": BLUE, "G": GREEN, "W": WHITE}
FOUR = (RED, BLUE, GREEN, WHITE)


def convert(content, **more):
    """Do what the child does, without one."""
    fields, _, jpeg = b"".join(convert_picture(Job("picture", content, **more))).partition(b"\n")
    size = json.loads(fields)
    return Picture(jpeg, size["width"], size["height"])


def corners(jpeg, near=0.1):
    """Name the colours of four places near the corners: above from left to right, then below."""
    with av.open(io.BytesIO(jpeg), "r", format="jpeg_pipe") as container:
        frame = next(container.decode(video=0)).reformat(format="rgb24")
    pixels, plane = bytes(frame.planes[0]), frame.planes[0]
    named = ""
    for y in (near, 0.9):
        for x in (near, 0.9):
            at = int(frame.height * y) * plane.line_size + int(frame.width * x) * 3
            seen = pixels[at : at + 3]
            named += next(
                (name for name, colour in COLOURS.items() if seen == pytest.approx(colour, abs=9)),
                "?",
            )
    return named


@pytest.mark.parametrize("codec", CODECS)
async def test_a_photo_of_tiles_is_put_together(codec):
    made = await MediaClient().convert_picture(grid(*FOUR, codec=codec))

    assert (made.width, made.height) == (100, 120)
    assert corners(made.content) == "RBGW"
    assert corners(made.content, 0.5) == "RBGW"


# The properties of the photo, in their order; its size; and what is to be seen in its corners.
UPRIGHT = {
    "as it is": ([], (100, 120), "RBGW"),
    "turned by nothing": ([irot(0)], (100, 120), "RBGW"),
    "to the left": ([irot(1)], (120, 100), "BWRG"),
    "upside down": ([irot(2)], (100, 120), "WGBR"),
    "to the right": ([irot(3)], (120, 100), "GRWB"),
    "top to bottom": ([imir(0)], (100, 120), "GWRB"),
    "left to right": ([imir(1)], (100, 120), "BRWG"),
    "left, then top to bottom": ([irot(1), imir(0)], (120, 100), "RGBW"),
    "left, then left to right": ([irot(1), imir(1)], (120, 100), "WBGR"),
    "left to right, then left": ([imir(1), irot(1)], (120, 100), "RGBW"),
}


@pytest.mark.parametrize(("more", "size", "seen"), UPRIGHT.values(), ids=UPRIGHT)
def test_a_photo_is_turned_as_its_file_says(more, size, seen):
    made = convert(grid(*FOUR, more=more))

    assert (made.width, made.height) == size
    assert corners(made.content) == seen


def test_a_photo_is_shrunk_to_the_side_asked_for():
    made = convert(grid(*FOUR, more=[irot(3)]), max_side=60)

    assert (made.width, made.height) == (60, 50)
    assert corners(made.content) == "GRWB"


def test_a_picture_of_one_piece_is_cut_to_the_part_that_is_to_be_shown():
    red = tile()

    made = convert(heif(replace(red, properties=[*red.properties, clap(30, 20, 4, -6)])))

    assert (made.width, made.height) == (30, 20)


@pytest.mark.parametrize(
    ("opacity", "seen"), [(WHITE, RED), ((0, 0, 0), WHITE), (GREY, (228, 143, 143))]
)
def test_what_can_be_seen_through_is_white(opacity, seen):
    made = convert(with_alpha(tile(RED), tile(opacity)))

    with av.open(io.BytesIO(made.content), "r", format="jpeg_pipe") as container:
        frame = next(container.decode(video=0)).reformat(format="rgb24")
    assert tuple(bytes(frame.planes[0])[:3]) == pytest.approx(seen, abs=9)


def changed(item, **more):
    return heif(replace(item, **more))


def grid_of(count, rows, columns, size=(100, 120), widths=None):
    tiles = [tile(RED, width=width) for width in widths or [64] * count]
    head = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *size)
    whole = Item(b"grid", [], head, [(b"dimg", range(1, count + 1))])
    return heif(*tiles, whole, main=count + 1)


RED_TILE, PHOTO = tile(), grid(*FOUR)
HALF_DATA = RED_TILE.data[: len(RED_TILE.data) // 2]
REFUSED = {
    "half a photo": (PHOTO[: len(PHOTO) // 2], DamagedFile),
    "a photo without its last bytes": (PHOTO[:-5], DamagedFile),
    "only its boxes": (PHOTO[: PHOTO.index(b"mdat")], DamagedFile),
    "only its name": (PHOTO[:24], DamagedFile),
    "only the start of its name": (PHOTO[:15], DamagedFile),
    "boxes of noise": (PHOTO[:60] + bytes(range(256)) * 20, DamagedFile),
    "no pixels": (changed(RED_TILE, data=bytes(300)), DamagedFile),
    "half the pixels": (changed(RED_TILE, data=HALF_DATA), DamagedFile),
    "no set-up of the decoder": (changed(RED_TILE, properties=[ispe(64, 64)]), DamagedFile),
    "no size": (changed(RED_TILE, properties=RED_TILE.properties[:1]), DamagedFile),
    "a size of nothing": (
        changed(RED_TILE, properties=[RED_TILE.properties[0], ispe(0, 64)]),
        DamagedFile,
    ),
    "a part of no size": (
        changed(RED_TILE, properties=[*RED_TILE.properties, clap(0, 20)]),
        DamagedFile,
    ),
    "a hundred megapixels": (
        changed(RED_TILE, properties=[RED_TILE.properties[0], ispe(10_000, 10_000)]),
        PictureTooLarge,
    ),
    "sixty thousand pixels a side, of tiles": (
        grid_of(4, 2, 2, size=(60_000, 60_000)),
        DamagedFile,
    ),
    "a size that the pixels do not fill": (
        changed(RED_TILE, properties=[RED_TILE.properties[0], ispe(65, 64)]),
        DamagedFile,
    ),
    "a grid that its tiles do not fill": (grid_of(4, 2, 2, size=(129, 100)), DamagedFile),
    "a grid with a tile too few": (grid_of(3, 2, 2), DamagedFile),
    "a grid with a tile of another size": (grid_of(2, 1, 2, (100, 60), [64, 80]), DamagedFile),
    "a grid of grids": (
        heif(tile(), Item(b"grid", [], bytes(8), [(b"dimg", [2])]), main=2),
        DamagedFile,
    ),
    "one picture laid over another": (
        heif(tile(), Item(b"iovl", [], bytes(20)), main=2),
        DamagedFile,
    ),
    "a picture in a codec that is not read": (
        heif(Item(b"j2k1", [ispe(9, 9)], b"x")),
        DamagedFile,
    ),
    "a main picture that is not there": (heif(tile(), main=7), DamagedFile),
}


@pytest.mark.parametrize(("content", "failure"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_seen_is_refused_with_a_reason(content, failure):
    with pytest.raises(failure):
        convert(content)
