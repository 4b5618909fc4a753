"""Limits and prices of image models, from a table and from `ambrosio.toml`.

Pure. `images.fitting` applies the limits to an order.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from . import catalogue

MEGAPIXEL = Decimal(1_000_000)


class ImageModelConfig(BaseModel):
    """One image model: its limits and prices; sides are in pixels, prices in US dollars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""  # for --model and captions
    width: int = Field(default=1024, ge=64)  # the default size
    height: int = Field(default=1024, ge=64)
    min_side: int = Field(default=256, ge=1)
    max_side: int = Field(default=1920, ge=64)
    multiple: int = Field(default=8, ge=1)
    # If it only makes some shapes: ratios such as "16:9", or sizes such as "1536x1024".
    ratios: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    min_steps: int = Field(default=1, ge=1)
    max_steps: int = Field(default=0, ge=0)  # 0: steps cannot be set
    steps: int = Field(default=0, ge=0)  # the default; 0: not sent
    seed: bool = True
    negative_prompt: bool = False  # whether it takes one
    # Images per request, with seeds counting up from the request's. More than 1 only if that is
    # certain, since each image must be reproducible from the seed shown with it.
    max_count: int = Field(default=1, ge=1)
    max_prompt_chars: int = Field(default=0, ge=0)  # 0: no limit of its own
    # The request field for an image to vary; "": the model takes text only.
    reference: Literal["", "image_url", "reference_images"] = ""
    usd: Decimal | None = Field(default=None, ge=0)  # per image
    megapixel_usd: Decimal | None = Field(default=None, ge=0)
    priced_steps: int = Field(default=0, ge=0)  # above 0, the price is for this many steps
    extra_body: dict[str, Any] = Field(default_factory=dict)  # added to every request body


_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
_SD = {"max_steps": 100, "steps": 30, "negative_prompt": True}
_FLUX2 = {"reference": "reference_images", "extra_body": {"prompt_upsampling": False}}
_KONTEXT = {"ratios": _RATIOS, "max_steps": 50, "steps": 28, "reference": "image_url"}
_SHAPED = {"ratios": _RATIOS, "seed": False}

IMAGE_MODELS: Mapping[str, Mapping[str, Any]] = {
    "stabilityai/stable-diffusion-xl-base-1.0": {"name": "SDXL", **_SD},
    "stabilityai/stable-diffusion-3-medium": {"name": "SD3", **_SD},
    "black-forest-labs/FLUX.1-schnell": {
        "name": "FLUX schnell",
        "ratios": _RATIOS,
        "max_steps": 12,
        "steps": 4,
        "negative_prompt": True,
    },
    "black-forest-labs/FLUX.1.1-pro": {"name": "FLUX 1.1"},
    "black-forest-labs/FLUX.1-kontext-pro": {"name": "FLUX Kontext", **_KONTEXT},
    "black-forest-labs/FLUX.1-kontext-max": {"name": "FLUX Kontext max", **_KONTEXT},
    "black-forest-labs/FLUX.2-dev": {
        "name": "FLUX",
        "max_steps": 50,
        "steps": 28,
        **_FLUX2,
    },
    "black-forest-labs/FLUX.2-pro": {"name": "FLUX pro", **_FLUX2},
    "black-forest-labs/FLUX.2-flex": {"name": "FLUX flex", "max_steps": 50, **_FLUX2},
    "black-forest-labs/FLUX.2-max": {"name": "FLUX max", **_FLUX2},
    "Qwen/Qwen-Image": {"name": "Qwen", "max_steps": 75},
    "google/imagen-4.0-fast": {"name": "Imagen", **_SHAPED},
    "google/imagen-4.0-preview": {"name": "Imagen 4", **_SHAPED},
    "ideogram/ideogram-3.0": {"name": "Ideogram", **_SHAPED},
    "gpt-image-1": {
        "name": "GPT Image",
        "sizes": ("1024x1024", "1536x1024", "1024x1536"),
        "seed": False,
        "max_count": 4,
    },
    "dall-e-3": {
        "name": "DALL·E",
        "sizes": ("1024x1024", "1792x1024", "1024x1792"),
        "seed": False,
        "max_prompt_chars": 4000,
    },
}
# For models not in the table: only the most common options.
UNKNOWN_MODEL = ImageModelConfig(max_steps=100)


def look_up_image_model(model: str, rows: Mapping[str, ImageModelConfig]) -> ImageModelConfig:
    """Return the configuration of a model, from `rows` (ambrosio.toml) or else from the table."""
    if model in rows:
        return rows[model]
    if model not in IMAGE_MODELS:
        return UNKNOWN_MODEL
    return ImageModelConfig(**IMAGE_MODELS[model], **catalogue.look_up(model, "images"))


def find_by_name(name: str, rows: Mapping[str, ImageModelConfig]) -> str:
    """Return the id of the model with this id or name, ignoring punctuation; "" if none."""
    wanted = _plain(name)
    for model in (*rows, *IMAGE_MODELS):
        names = (model, model.rpartition("/")[2], look_up_image_model(model, rows).name)
        if wanted in map(_plain, names):
            return model
    return ""


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def price(row: ImageModelConfig, *, width: int, height: int, steps: int) -> Decimal | None:
    """Return what one image costs in US dollars; None if unknown."""
    if row.usd is not None:
        return row.usd
    if row.megapixel_usd is None:
        return None
    cost = row.megapixel_usd * width * height / MEGAPIXEL
    return cost * steps / row.priced_steps if row.priced_steps and steps else cost


def highest_price(*, width: int, height: int) -> Decimal:
    """Return the highest price of one image, for models whose price is unknown."""
    prices = [
        price(look_up_image_model(model, {}), width=width, height=height, steps=0)
        for model in IMAGE_MODELS
    ]
    return max(usd for usd in prices if usd is not None)
