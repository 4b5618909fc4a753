"""The values of image generation: what is ordered, and one finished image.

Pure. Parsing of options is in `images.options`, checks of the bytes in `images.validation`.
"""

from dataclasses import dataclass, field
from typing import Literal

ImageFormat = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class Image:
    """A complete image; sides in pixels. `seed` makes the same one again, None if not supported."""

    content: bytes = field(repr=False)
    format: ImageFormat
    width: int
    height: int
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ImagePrompt:
    """A prompt and its options; the model chooses what is None or empty.

    `ratio` and `size` are (width, height), `size` in pixels. `negative_prompt` says what should not
    be in the image.
    """

    prompt: str
    count: int = 1
    ratio: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    seed: int | None = None
    steps: int | None = None
    negative_prompt: str = ""
    model: str = ""
