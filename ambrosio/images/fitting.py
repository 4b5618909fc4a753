"""Image models: what each can do, and a wish brought to the nearest of it.

Pure. The table says what is known of models as together.ai serves them in autumn 2026, prices are
in `catalogue`, and rows in `ambrosio.toml` overrule both. A stranger is asked for as little as
possible.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from ..config.image_models import ImageModelConfig
from ..core.images import ImagePrompt


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
    negative_prompt: str = ""
    reference: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Fitted:
    """The requests that a wish takes, and in words what is not as it was asked."""

    requests: tuple[ImageRequest, ...]
    changes: tuple[str, ...] = ()


def fit(
    wish: ImagePrompt,
    seeds: Sequence[int],
    model: str,
    row: ImageModelConfig,
    *,
    reference: bytes = b"",
) -> Fitted:
    """Bring a wish to the nearest that a model can do; one picture for each of the seeds."""
    changes: list[str] = []
    prompt = wish.prompt
    if row.max_prompt_chars and len(prompt) > row.max_prompt_chars:
        prompt = prompt[: row.max_prompt_chars]
        changes.append(f"prompt cut at {row.max_prompt_chars} characters")
    width, height, ratio = _shape(wish, row, changes)
    if wish.negative_prompt and not row.negative_prompt:
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
        negative_prompt=wish.negative_prompt if row.negative_prompt else "",
        reference=reference if row.reference else b"",
    )
    return Fitted(tuple(_divided(whole, seeds, row)), tuple(changes))


def describe_dropped(wish: ImagePrompt, lost: Collection[str]) -> tuple[str, ...]:
    """Say which of the options that somebody asked for a server did not take after all."""
    asked = {
        "size": wish.size or wish.ratio,
        "seed": wish.seed is not None,
        "steps": wish.steps,
        "no": wish.negative_prompt,
    }
    return tuple(
        f"without --{name}, which this model refused"
        for name in asked
        if asked[name] and name in lost
    )


def _steps(wish: ImagePrompt, row: ImageModelConfig, changes: list[str]) -> int:
    if wish.steps is None:
        return row.steps
    if not row.max_steps:
        changes.append("without --steps, which this model does not take")
        return 0
    steps = min(max(wish.steps, row.min_steps), row.max_steps)
    if steps != wish.steps:
        changes.append(f"{steps} steps instead of {wish.steps}")
    return steps


def _shape(wish: ImagePrompt, row: ImageModelConfig, changes: list[str]) -> tuple[int, int, str]:
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
    scale = min(1.0, row.max_side / longest) * max(1.0, row.min_side / shortest)
    width, height = _side(width * scale, row), _side(height * scale, row)
    _tell(wish, (width, height), "", changes)
    return width, height, ""


def _area(row: ImageModelConfig, wide: int, high: int) -> tuple[int, int]:
    """Give the size of the model's usual area with another shape."""
    scale = math.sqrt(row.width * row.height / (wide * high))
    return _side(wide * scale, row), _side(high * scale, row)


def _side(length: float, row: ImageModelConfig) -> int:
    """Round to what the model takes."""
    whole = round(length / row.multiple) * row.multiple
    lowest = math.ceil(row.min_side / row.multiple) * row.multiple
    return max(lowest, min(whole, row.max_side // row.multiple * row.multiple))


def _tell(wish: ImagePrompt, size: tuple[int, int], ratio: str, changes: list[str]) -> None:
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


def _divided(
    whole: ImageRequest, seeds: Sequence[int], row: ImageModelConfig
) -> list[ImageRequest]:
    """Make as few requests as give every seed its own picture."""
    requests: list[ImageRequest] = []
    for seed in seeds:
        last = requests[-1] if requests else None
        follows = not row.seed or (
            last and last.seed is not None and seed == last.seed + last.count
        )
        if last and follows and last.count < row.max_count:
            requests[-1] = replace(last, count=last.count + 1)
        else:
            requests.append(replace(whole, seed=seed if row.seed else None))
    return requests
