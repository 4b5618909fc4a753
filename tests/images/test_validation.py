"""Whole pictures are told from broken ones, and photos from documents."""

import pytest

from ambrosio.bot import image_view
from ambrosio.bot.image_view import fits_photo
from ambrosio.core.images import Image
from ambrosio.emulators.model_server.drawing import draw_png
from ambrosio.images import validation

from ..support import DATA

FOXES = {kind: (DATA / f"fox.{kind}").read_bytes() for kind in ("png", "jpg", "webp")}


@pytest.mark.parametrize("kind", FOXES)
def test_a_real_picture_is_measured(kind):
    picture = validation.read_image(FOXES[kind], seed=7)

    assert picture
    assert (picture.width, picture.height, picture.seed) == (1024, 1024, 7)
    assert picture.format == {"jpg": "jpeg"}.get(kind, kind)
    assert fits_photo(picture)


@pytest.mark.parametrize("kind", FOXES)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_piece_of_a_picture_is_none(kind, share):
    whole = FOXES[kind]

    assert validation.read_image(whole[: int(len(whole) * share)]) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"<html>502 Bad Gateway</html>", b'{"error": {}}', b"GIF89a" + bytes(100)],
)
def test_something_else_is_no_picture(content):
    assert validation.read_image(content) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (b"VP8X" + bytes(8) + b"\xff\x03\x00" + b"\xff\x02\x00", (1024, 768)),
        (b"VP8L" + bytes(5) + (1023 | 767 << 14).to_bytes(4, "little") + bytes(5), (1024, 768)),
    ],
)
def test_every_form_of_webp_is_measured(header, size):
    body = b"WEBP" + header
    content = b"RIFF" + len(body).to_bytes(4, "little") + body

    picture = validation.read_image(content)

    assert picture
    assert (picture.width, picture.height) == size


@pytest.mark.parametrize(
    ("width", "height", "length", "photo"),
    [
        (1024, 1024, 100, True),
        (5000, 5000, 100, True),
        (5001, 5000, 100, False),
        (2000, 100, 100, True),
        (2001, 100, 100, False),
        (100, 100, image_view.MAX_PHOTO_BYTES, True),
        (100, 100, image_view.MAX_PHOTO_BYTES + 1, False),
    ],
)
def test_what_telegram_does_not_take_as_a_photo_is_known(width, height, length, photo):
    assert fits_photo(Image(bytes(length), "png", width, height)) is photo


def test_what_the_stand_in_paints_is_a_picture():
    picture = validation.read_image(draw_png("a fox", 1, 64, 48))

    assert picture
    assert picture.height == 48
