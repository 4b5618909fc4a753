"""TODO docstring."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from . import catalogue

MEGAPIXEL = Decimal(1_000_000)


class ImageModelConfig(BaseModel):
    """One image model: its limits, and what it costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""  # what people call it
    width: int = Field(default=1024, ge=64)  # what it paints best
    height: int = Field(default=1024, ge=64)
    min_side: int = Field(default=256, ge=1)  # of a side
    max_side: int = Field(default=1920, ge=64)
    multiple: int = Field(default=8, ge=1)
    # Where only some shapes can be had: "16:9" and the like, or "1536x1024" and the like.
    ratios: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    min_steps: int = Field(default=1, ge=1)
    max_steps: int = Field(default=0, ge=0)  # 0: it takes no number of steps
    steps: int = Field(default=0, ge=0)  # sent when nobody asks for another; 0: none
    seed: bool = True
    negative_prompt: bool = False  # a negative prompt
    # Pictures that one request gives, the seeds counting up from the request's. More than one only
    # where that is sure: each picture has to be made again from the seed it is shown with.
    max_count: int = Field(default=1, ge=1)
    max_prompt_chars: int = Field(default=0, ge=0)  # of a prompt; 0: as many as Telegram sends
    # How a picture is handed over to be varied; "": the model paints from words alone.
    reference: Literal["", "image_url", "reference_images"] = ""
    usd: Decimal | None = Field(default=None, ge=0)  # a picture
    megapixel_usd: Decimal | None = Field(default=None, ge=0)
    priced_steps: int = Field(default=0, ge=0)  # the price grows with steps from this number
    extra_body: dict[str, Any] = Field(default_factory=dict)  # goes into every request body


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
# Of a model that nobody knows, only the plainest is sure.
UNKNOWN_MODEL = ImageModelConfig(max_steps=100)


def look_up_image_model(model: str, rows: Mapping[str, ImageModelConfig]) -> ImageModelConfig:
    """Look up what is known of a model: in the given rows, then in the table."""
    if model in rows:
        return rows[model]
    if model not in IMAGE_MODELS:
        return UNKNOWN_MODEL
    return ImageModelConfig(**IMAGE_MODELS[model], **catalogue.look_up(model, "images"))


def find_by_name(name: str, rows: Mapping[str, ImageModelConfig]) -> str:
    """Find the model that people call so, or "" if there is none."""
    wanted = _plain(name)
    for model in (*rows, *IMAGE_MODELS):
        names = (model, model.rpartition("/")[2], look_up_image_model(model, rows).name)
        if wanted in map(_plain, names):
            return model
    return ""


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def price(row: ImageModelConfig, *, width: int, height: int, steps: int) -> Decimal | None:
    """Say what one picture costs in US dollars; None when that is not known."""
    if row.usd is not None:
        return row.usd
    if row.megapixel_usd is None:
        return None
    cost = row.megapixel_usd * width * height / MEGAPIXEL
    return cost * steps / row.priced_steps if row.priced_steps and steps else cost


def highest_price(*, width: int, height: int) -> Decimal:
    """Say what one picture costs where it costs most, for models whose price nobody knows."""
    prices = [
        price(look_up_image_model(model, {}), width=width, height=height, steps=0)
        for model in IMAGE_MODELS
    ]
    return max(usd for usd in prices if usd is not None)
