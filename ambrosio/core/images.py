"""TODO docstring."""

from dataclasses import dataclass, field
from typing import Literal

ImageFormat = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class Image:
    """A whole picture; `seed` makes it again, if the model takes one."""

    content: bytes = field(repr=False)
    format: ImageFormat
    width: int
    height: int
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ImagePrompt:
    """A prompt and how it is to be painted; what was not said is left to the model.

    `ratio` and `size` are width and height, `avoid` is what should not be seen.
    """

    prompt: str
    count: int = 1
    ratio: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    seed: int | None = None
    steps: int | None = None
    negative_prompt: str = ""
    model: str = ""
