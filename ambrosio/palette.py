"""Image models: what each can do, and a wish brought to the nearest of it.

Pure. The table says what is known of models as together.ai serves them in autumn 2026, prices are
in `catalogue`, and rows in `ambrosio.toml` overrule both. A stranger is asked for as little as
possible.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from . import catalogue
from .wishes import Wish

MEGAPIXEL = Decimal(1_000_000)


class ImageRow(BaseModel):
    """One image model: its limits, and what it costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""  # what people call it
    width: int = Field(default=1024, ge=64)  # what it paints best
    height: int = Field(default=1024, ge=64)
    smallest: int = Field(default=256, ge=1)  # of a side
    largest: int = Field(default=1920, ge=64)
    multiple: int = Field(default=8, ge=1)
    # Where only some shapes can be had: "16:9" and the like, or "1536x1024" and the like.
    ratios: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    least_steps: int = Field(default=1, ge=1)
    most_steps: int = Field(default=0, ge=0)  # 0: it takes no number of steps
    steps: int = Field(default=0, ge=0)  # sent when nobody asks for another; 0: none
    seed: bool = True
    avoid: bool = False  # a negative prompt
    # Pictures that one request gives, the seeds counting up from the request's. More than one only
    # where that is sure: each picture has to be made again from the seed it is shown with.
    count: int = Field(default=1, ge=1)
    characters: int = Field(default=0, ge=0)  # of a prompt; 0: as many as Telegram sends
    # How a picture is handed over to be varied; "": the model paints from words alone.
    reference: Literal["", "image_url", "reference_images"] = ""
    usd: Decimal | None = Field(default=None, ge=0)  # a picture
    megapixel_usd: Decimal | None = Field(default=None, ge=0)
    priced_steps: int = Field(default=0, ge=0)  # the price grows with steps from this number
    extra: dict[str, Any] = Field(default_factory=dict)  # goes into every request body


_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
_SD = {"most_steps": 100, "steps": 30, "avoid": True}
_FLUX2 = {"reference": "reference_images", "extra": {"prompt_upsampling": False}}
_KONTEXT = {"ratios": _RATIOS, "most_steps": 50, "steps": 28, "reference": "image_url"}
_SHAPED = {"ratios": _RATIOS, "seed": False}

TABLE: Mapping[str, Mapping[str, Any]] = {
    "stabilityai/stable-diffusion-xl-base-1.0": {"name": "SDXL", **_SD},
    "stabilityai/stable-diffusion-3-medium": {"name": "SD3", **_SD},
    "black-forest-labs/FLUX.1-schnell": {
        "name": "FLUX schnell",
        "ratios": _RATIOS,
        "most_steps": 12,
        "steps": 4,
        "avoid": True,
    },
    "black-forest-labs/FLUX.1.1-pro": {"name": "FLUX 1.1"},
    "black-forest-labs/FLUX.1-kontext-pro": {"name": "FLUX Kontext", **_KONTEXT},
    "black-forest-labs/FLUX.1-kontext-max": {"name": "FLUX Kontext max", **_KONTEXT},
    "black-forest-labs/FLUX.2-dev": {
        "name": "FLUX",
        "most_steps": 50,
        "steps": 28,
        **_FLUX2,
    },
    "black-forest-labs/FLUX.2-pro": {"name": "FLUX pro", **_FLUX2},
    "black-forest-labs/FLUX.2-flex": {"name": "FLUX flex", "most_steps": 50, **_FLUX2},
    "black-forest-labs/FLUX.2-max": {"name": "FLUX max", **_FLUX2},
    "Qwen/Qwen-Image": {"name": "Qwen", "most_steps": 75},
    "google/imagen-4.0-fast": {"name": "Imagen", **_SHAPED},
    "google/imagen-4.0-preview": {"name": "Imagen 4", **_SHAPED},
    "ideogram/ideogram-3.0": {"name": "Ideogram", **_SHAPED},
    "gpt-image-1": {
        "name": "GPT Image",
        "sizes": ("1024x1024", "1536x1024", "1024x1536"),
        "seed": False,
        "count": 4,
    },
    "dall-e-3": {
        "name": "DALL·E",
        "sizes": ("1024x1024", "1792x1024", "1024x1792"),
        "seed": False,
        "characters": 4000,
    },
}
# Of a model that nobody knows, only the plainest is sure.
STRANGER = ImageRow(most_steps=100)


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What one model is asked for, within what it can do; 0 and "" are left to it."""

    model: str
    prompt: str
    width: int
    height: int
    ratio: str = ""
    count: int = 1
    seed: int | None = None
    steps: int = 0
    avoid: str = ""
    reference: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Fitted:
    """The requests that a wish takes, and in words what is not as it was asked."""

    requests: tuple[ImageRequest, ...]
    changes: tuple[str, ...] = ()


def known(model: str, rows: Mapping[str, ImageRow]) -> ImageRow:
    """Look up what is known of a model: in the given rows, then in the table."""
    if model in rows:
        return rows[model]
    if model not in TABLE:
        return STRANGER
    return ImageRow(**TABLE[model], **catalogue.known(model, "images"))


def called(name: str, rows: Mapping[str, ImageRow]) -> str:
    """Find the model that people call so, or "" if there is none."""
    wanted = _plain(name)
    for model in (*rows, *TABLE):
        names = (model, model.rpartition("/")[2], known(model, rows).name)
        if wanted in map(_plain, names):
            return model
    return ""


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def fit(
    wish: Wish, seeds: Sequence[int], model: str, row: ImageRow, *, reference: bytes = b""
) -> Fitted:
    """Bring a wish to the nearest that a model can do; one picture for each of the seeds."""
    changes: list[str] = []
    prompt = wish.prompt
    if row.characters and len(prompt) > row.characters:
        prompt = prompt[: row.characters]
        changes.append(f"prompt cut at {row.characters} characters")
    width, height, ratio = _shape(wish, row, changes)
    if wish.avoid and not row.avoid:
        changes.append("without --no, which this model does not know")
    if wish.seed is not None and not row.seed:
        changes.append("without --seed, which this model does not take")
    whole = ImageRequest(
        model=model,
        prompt=prompt,
        width=width,
        height=height,
        ratio=ratio,
        steps=_steps(wish, row, changes),
        avoid=wish.avoid if row.avoid else "",
        reference=reference if row.reference else b"",
    )
    return Fitted(tuple(_divided(whole, seeds, row)), tuple(changes))


def price(row: ImageRow, *, width: int, height: int, steps: int) -> Decimal | None:
    """Say what one picture costs in US dollars; None when that is not known."""
    if row.usd is not None:
        return row.usd
    if row.megapixel_usd is None:
        return None
    cost = row.megapixel_usd * width * height / MEGAPIXEL
    return cost * steps / row.priced_steps if row.priced_steps and steps else cost


def dearest(*, width: int, height: int) -> Decimal:
    """Say what one picture costs where it costs most, for models whose price nobody knows."""
    prices = [price(known(model, {}), width=width, height=height, steps=0) for model in TABLE]
    return max(usd for usd in prices if usd is not None)


def refused(wish: Wish, lost: Collection[str]) -> tuple[str, ...]:
    """Say which of the options that somebody asked for a server did not take after all."""
    asked = {
        "size": wish.size or wish.ratio,
        "seed": wish.seed is not None,
        "steps": wish.steps,
        "no": wish.avoid,
    }
    return tuple(
        f"without --{name}, which this model refused"
        for name in asked
        if asked[name] and name in lost
    )


def _steps(wish: Wish, row: ImageRow, changes: list[str]) -> int:
    if wish.steps is None:
        return row.steps
    if not row.most_steps:
        changes.append("without --steps, which this model does not take")
        return 0
    steps = min(max(wish.steps, row.least_steps), row.most_steps)
    if steps != wish.steps:
        changes.append(f"{steps} steps instead of {wish.steps}")
    return steps


def _shape(wish: Wish, row: ImageRow, changes: list[str]) -> tuple[int, int, str]:
    """Give width and height, and the ratio where the model wants that instead."""
    asked = wish.size or wish.ratio or (row.width, row.height)
    wanted = asked[0] / asked[1]
    if row.sizes:
        width, height = min(
            (_numbers(size) for size in row.sizes), key=lambda size: _far(size, wanted)
        )
        _tell(wish, (width, height), "", changes)
        return width, height, ""
    if row.ratios:
        ratio = min(row.ratios, key=lambda ratio: _far(_numbers(ratio), wanted))
        width, height = _area(row, *_numbers(ratio))
        _tell(wish, (width, height), ratio, changes)
        return width, height, ratio
    width, height = wish.size or _area(row, *asked)
    longest, shortest = max(width, height), min(width, height)
    scale = min(1.0, row.largest / longest) * max(1.0, row.smallest / shortest)
    width, height = _side(width * scale, row), _side(height * scale, row)
    _tell(wish, (width, height), "", changes)
    return width, height, ""


def _area(row: ImageRow, wide: int, high: int) -> tuple[int, int]:
    """Give the size of the model's usual area with another shape."""
    scale = math.sqrt(row.width * row.height / (wide * high))
    return _side(wide * scale, row), _side(high * scale, row)


def _side(length: float, row: ImageRow) -> int:
    """Round to what the model takes."""
    whole = round(length / row.multiple) * row.multiple
    lowest = math.ceil(row.smallest / row.multiple) * row.multiple
    return max(lowest, min(whole, row.largest // row.multiple * row.multiple))


def _tell(wish: Wish, size: tuple[int, int], ratio: str, changes: list[str]) -> None:
    """Say how far the shape is from what was asked, if one can see that."""
    shown = ratio or f"{size[0]}×{size[1]}"
    if wish.size and wish.size != size:
        changes.append(f"{shown} instead of {wish.size[0]}×{wish.size[1]}")
    if wish.ratio and _far(_numbers(ratio) if ratio else size, wish.ratio[0] / wish.ratio[1]) > 0.1:
        changes.append(f"{shown} instead of {wish.ratio[0]}:{wish.ratio[1]}")


def _far(size: tuple[int, int], wanted: float) -> float:
    return abs(math.log(size[0] / size[1] / wanted))


def _numbers(text: str) -> tuple[int, int]:
    wide, _, high = text.replace("x", ":").partition(":")
    return int(wide), int(high)


def _divided(whole: ImageRequest, seeds: Sequence[int], row: ImageRow) -> list[ImageRequest]:
    """Make as few requests as give every seed its own picture."""
    requests: list[ImageRequest] = []
    for seed in seeds:
        last = requests[-1] if requests else None
        follows = not row.seed or (
            last and last.seed is not None and seed == last.seed + last.count
        )
        if last and follows and last.count < row.count:
            requests[-1] = replace(last, count=last.count + 1)
        else:
            requests.append(replace(whole, seed=seed if row.seed else None))
    return requests
