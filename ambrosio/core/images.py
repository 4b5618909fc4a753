"""What is asked of an image model, and the images that come of it.

Values only. The options of `/imagine` are parsed in `images.options`.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from .messages import Turn

ImageFormat = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class Image:
    """A complete image file.

    Attributes:
        content: the file, byte for byte as the server sent it.
        format: the file format.
        width: in pixels.
        height: in pixels.
        seed: generates the same image again; None if it is not known.
    """

    content: bytes = field(repr=False)
    format: ImageFormat
    width: int
    height: int
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ImagePrompt:
    """A prompt and its options; the model decides on any option that is not set.

    Attributes:
        prompt: describes the image.
        count: the number of images.
        ratio: width to height.
        size: width and height in pixels.
        seed: of the first image.
        steps: the number of sampling steps.
        negative_prompt: what the image should not show.
        model: the model's name as the user typed it.
    """

    prompt: str
    count: int = 1
    ratio: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    seed: int | None = None
    steps: int | None = None
    negative_prompt: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """A turn that is answered with images.

    Attributes:
        turn: who asked, in which chat, and which turn it continues.
        prompt: what to generate.
        seeds: one for each image; chosen at random if empty.
        reference: an image file to vary; ignored by models that only take text.
        change: what the user said about an earlier image; the prompt is rewritten to include it.
        note: a sentence to show with the images.
        originals: send the images as documents, which Telegram does not recompress.
        local_only: use only models on this machine.
    """

    turn: Turn
    prompt: ImagePrompt
    seeds: tuple[int, ...] = ()
    reference: bytes = field(default=b"", repr=False)
    change: str = ""
    note: str = ""
    originals: bool = False
    local_only: bool = False

    @property
    def without_rewrite(self) -> "ImageOrder":
        """The same order for when no text model rewrites the prompt: the change is appended."""
        if not self.change:
            return self
        prompt = f"{self.prompt.prompt}, {self.change}"
        return replace(self, prompt=replace(self.prompt, prompt=prompt), change="")
