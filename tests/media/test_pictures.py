"""Pictures in, upright JPEGs out, through the real child."""

import io
import struct
import zlib

import av
import pytest
from PIL import Image

from ambrosio.core.file_errors import DamagedFile, EmptyFile, PictureTooLarge, UnsupportedFile
from ambrosio.media.client import MediaClient
from ambrosio.media.jpeg import without_metadata
from ambrosio.media.pictures import convert_picture
from ambrosio.media.protocol import Job
from tests.support.media_files import kind_and_size, picture, sound, tone

RED, BLUE, GREEN, WHITE = (200, 30, 30), (30, 30, 200), (30, 160, 30), (255, 255, 255)


async def convert(content, **more):
    return await MediaClient().convert_picture(content, **more)


def colour_at(jpeg, x, y):
    """Look at one pixel, given as a part of the width and the height."""
    with av.open(io.BytesIO(jpeg), "r", format="jpeg_pipe") as container:
        frame = next(container.decode(video=0)).reformat(format="rgb24")
    at = int(frame.height * y) * frame.planes[0].line_size + int(frame.width * x) * 3
    return tuple(bytes(frame.planes[0])[at : at + 3])


def exif(orientation, order=">"):
    head = {">": b"MM\0*", "<": b"II*\0"}[order] + struct.pack(order + "I", 8)
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return head + struct.pack(order + "H", 1) + entry + bytes(4)


def with_exif(jpeg, data):
    """Put EXIF data behind the first two bytes of a JPEG."""
    body = b"Exif\0\0" + data
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "bmp", "tiff", "avif"])
async def test_every_kind_of_picture_becomes_a_jpeg_of_the_same_colours(kind):
    content = picture(kind)

    made = await convert(content, max_side=160)

    assert made.content[:3] == b"\xff\xd8\xff"
    assert (made.width, made.height) == (160, 120)
    assert kind_and_size(made.content) == ("JPEG", (160, 120))
    assert colour_at(made.content, 0.25, 0.5) == pytest.approx(RED, abs=30)
    assert colour_at(made.content, 0.75, 0.5) == pytest.approx(BLUE, abs=30)


async def test_a_jpeg_that_is_right_already_is_passed_on_byte_for_byte():
    stripped = without_metadata(picture("jpeg"))

    assert (await convert(stripped)).content == stripped
    assert (await convert(stripped, max_side=320)).content == stripped


async def test_the_same_picture_always_gives_the_same_bytes():
    content = picture("png")

    assert (await convert(content)).content == (await convert(content)).content


def made_by_pillow(kind, mode, colour, **more):
    """Encode a picture of one colour with pixels of a rare kind."""
    file = io.BytesIO()
    Image.new(mode, (64, 48), colour).save(file, kind, **more)
    return file.getvalue()


RARE = {
    "a grey PNG of 16 bits": (made_by_pillow("PNG", "I;16", 160 * 256), (160, 160, 160)),
    "a PNG of black and white": (made_by_pillow("PNG", "1", 1), WHITE),
    "a PNG with a palette": (made_by_pillow("PNG", "P", 0), (0, 0, 0)),
    "a PNG with a colour that is left out": (
        made_by_pillow("PNG", "RGB", RED, transparency=RED),
        WHITE,
    ),
    "a grey PNG that is half opaque": (made_by_pillow("PNG", "LA", (0, 128)), (127, 127, 127)),
    "a JPEG for printing": (made_by_pillow("JPEG", "CMYK", (0, 255, 255, 0)), (254, 0, 0)),
    "a grey JPEG": (made_by_pillow("JPEG", "L", 90), (90, 90, 90)),
    "a TIFF of fractions": (made_by_pillow("TIFF", "F", 90.0), (90, 90, 90)),
    "a WebP without loss": (made_by_pillow("WEBP", "RGB", GREEN, lossless=True), GREEN),
    "a moving WebP": (
        made_by_pillow(
            "WEBP", "RGB", GREEN, save_all=True, append_images=[Image.new("RGB", (64, 48), BLUE)]
        ),
        GREEN,
    ),
}


@pytest.mark.parametrize(("content", "colour"), RARE.values(), ids=RARE)
def test_pixels_of_every_kind_keep_their_colour(content, colour):
    [made] = convert_picture(Job("picture", content, max_side=60))

    assert colour_at(made.partition(b"\n")[2], 0.5, 0.5) == pytest.approx(colour, abs=12)


# Where the red left half of the picture is seen once it is upright.
SIDES = {
    1: (0.25, 0.5), 2: (0.75, 0.5), 3: (0.75, 0.5), 4: (0.25, 0.5),
    5: (0.5, 0.25), 6: (0.5, 0.25), 7: (0.5, 0.75), 8: (0.5, 0.75),
}  # fmt: skip


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", SIDES)
async def test_a_photo_is_turned_as_its_camera_was_held(orientation, order):
    made = await convert(with_exif(picture("jpeg"), exif(orientation, order)))

    assert (made.width, made.height) == ((320, 240) if orientation < 5 else (240, 320))
    x, y = SIDES[orientation]
    assert colour_at(made.content, x, y) == pytest.approx(RED, abs=30)
    assert colour_at(made.content, 1 - x, 1 - y) == pytest.approx(BLUE, abs=30)


async def test_the_orientation_of_a_png_counts_too():
    png, data = picture("png"), exif(6)
    chunk = struct.pack(">I4s", len(data), b"eXIf") + data
    turned = png[:33] + chunk + struct.pack(">I", zlib.crc32(chunk[4:])) + png[33:]

    assert (await convert(turned)).height == 320


@pytest.mark.parametrize("data", [b"", b"MM\0*", b"XX" * 20, exif(9), exif(0), exif(6)[:12]])
async def test_damaged_exif_data_does_not_spoil_a_photo(data):
    assert (await convert(with_exif(picture("jpeg"), data))).width == 320


async def test_where_a_photo_was_taken_is_not_passed_on():
    jpeg = without_metadata(picture("jpeg"))
    told = with_exif(jpeg, exif(1) + b"GPS 41.1 2.1")

    assert (await convert(told)).content == jpeg


@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
async def test_what_can_be_seen_through_is_white(kind):
    content = picture(kind, colours=((*GREEN, 255), (0, 0, 0, 0)))

    made = await convert(content)

    assert colour_at(made.content, 0.25, 0.5) == pytest.approx(GREEN, abs=30)
    assert colour_at(made.content, 0.75, 0.5) == pytest.approx(WHITE, abs=4)


async def test_a_picture_of_twelve_megapixels_is_shrunk_to_the_side_asked_for():
    made = await convert(picture("jpeg", 4000, 3000), max_side=800)

    assert (made.width, made.height) == (800, 600)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 4000), (3001, 2), (317, 201)])
async def test_a_picture_of_an_odd_shape_stays_a_picture(width, height):
    made = await convert(picture("png", width, height), max_side=640)

    assert max(made.width, made.height) <= 640
    assert min(made.width, made.height) >= 1


def png_that_claims(width, height):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    png = picture("png")
    return png[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]


def gif_that_claims(width, height):
    gif = picture("gif")
    return gif[:6] + struct.pack("<HH", width, height) + gif[10:]


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
REFUSED = {
    "nothing": (b"", EmptyFile),
    "a text": (b"not a picture at all", UnsupportedFile),
    "a recording": (sound(tone(0.2)), UnsupportedFile),
    "a photo of an iPhone without its pixels": (HEIC, DamagedFile),
    "a PNG that claims 60,000 by 60,000": (png_that_claims(60_000, 60_000), PictureTooLarge),
    "a GIF that claims 65,535 by 65,535": (gif_that_claims(65_535, 65_535), PictureTooLarge),
    "a PNG that claims no width": (png_that_claims(0, 60), DamagedFile),
    "half a JPEG": (picture("jpeg", 1000, 1000)[:4000], DamagedFile),
    "a JPEG without its last bytes": (picture("jpeg")[:-2], DamagedFile),
    "the first bytes of a JPEG": (picture("jpeg")[:30], DamagedFile),
    "half a PNG": (picture("png")[:400], DamagedFile),
    "half a WebP": (picture("webp")[:150], DamagedFile),
    "half an AVIF": (picture("avif")[:200], DamagedFile),
    "the first bytes of a GIF": (picture("gif")[:8], DamagedFile),
    "a TIFF of noise": (b"II*\0" + bytes(range(256)) * 9, DamagedFile),
    "a JPEG of noise": (b"\xff\xd8\xff\xe0" + bytes(range(256)) * 9, DamagedFile),
}


@pytest.mark.parametrize(("content", "failure"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_seen_is_refused_with_a_reason(content, failure):
    with pytest.raises(failure):
        await convert(content)


async def test_a_frame_that_is_larger_than_its_picture_takes_no_memory():
    gif = bytearray(picture("gif", 4, 4))
    at = gif.index(b",\0\0\0\0")
    gif[at + 5 : at + 9] = struct.pack("<HH", 65_000, 65_000)

    with pytest.raises(PictureTooLarge):
        await convert(bytes(gif))


def animated_webp(*colours):
    """Encode an animation: a frame of each colour."""
    first, *others = (Image.new("RGB", (64, 48), colour) for colour in colours)
    file = io.BytesIO()
    first.save(file, "WEBP", save_all=True, append_images=others, duration=100)
    return file.getvalue()


async def test_of_an_animated_webp_the_first_picture_is_seen():
    animation = animated_webp(RED, BLUE)

    made = await convert(animation)

    assert animation.count(b"ANMF") == 2
    assert (made.width, made.height) == (64, 48)
    assert colour_at(made.content, 0.5, 0.5) == pytest.approx(RED, abs=30)
    with pytest.raises(DamagedFile):
        await convert(animation[: animation.index(b"ANMF") + 40])
    with pytest.raises(DamagedFile):
        await convert(animation.replace(b"ANMF", b"ANIM"))
