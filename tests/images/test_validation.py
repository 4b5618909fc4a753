"""Complete images are told from damaged ones, and photos from documents."""

import pytest

from ambrosio.bot import image_view
from ambrosio.bot.image_view import fits_photo
from ambrosio.core.images import Image
from ambrosio.emulators.model_server.drawing import draw_png
from ambrosio.images import validation

from ..support import DATA

FOXES = {kind: (DATA / f"fox.{kind}").read_bytes() for kind in ("png", "jpg", "webp")}


@pytest.mark.parametrize("kind", FOXES)
def test_a_complete_image_is_measured(kind):
    image = validation.read_image(FOXES[kind], seed=7)

    assert image
    assert (image.width, image.height, image.seed) == (1024, 1024, 7)
    assert image.format == {"jpg": "jpeg"}.get(kind, kind)
    assert fits_photo(image)


@pytest.mark.parametrize("kind", FOXES)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_image_is_rejected(kind, share):
    content = FOXES[kind]

    assert validation.read_image(content[: int(len(content) * share)]) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"<html>502 Bad Gateway</html>", b'{"error": {}}', b"GIF89a" + bytes(100)],
)
def test_other_content_is_rejected(content):
    assert validation.read_image(content) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [
        (b"VP8X" + bytes(8) + b"\xff\x03\x00" + b"\xff\x02\x00", (1024, 768)),
        (b"VP8L" + bytes(5) + (1023 | 767 << 14).to_bytes(4, "little") + bytes(5), (1024, 768)),
    ],
)
def test_every_webp_format_is_measured(header, size):
    body = b"WEBP" + header
    content = b"RIFF" + len(body).to_bytes(4, "little") + body

    image = validation.read_image(content)

    assert image
    assert (image.width, image.height) == size


@pytest.mark.parametrize(
    ("width", "height", "size_bytes", "is_photo"),
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
def test_an_image_outside_telegrams_photo_limits_is_no_photo(width, height, size_bytes, is_photo):
    assert fits_photo(Image(bytes(size_bytes), "png", width, height)) is is_photo


def test_an_image_of_the_emulator_is_valid():
    image = validation.read_image(draw_png("a fox", 1, 64, 48))

    assert image
    assert image.height == 48
