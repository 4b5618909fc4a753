"""Fit an order to what an image model can do.

Pure. What each model can do is in `config.image_models`; sections in `ambrosio.toml` override it.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from ..config.image_models import ImageModelConfig
from ..core.images import ImageOrder, ImagePrompt

# Ratios closer than this look the same; a difference of logarithms.
MAX_RATIO_DIFFERENCE = 0.1


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One request to one model, within its limits; 0, "" and None leave a value to the model.

    Attributes:
        model: the model's id.
        prompt: no longer than the model accepts.
        width: in pixels.
        height: in pixels.
        ratio: replaces width and height for models that only accept a ratio, like "16:9".
        count: the number of images, whose seeds count up from `seed`.
        seed: of the first image.
        steps: the number of sampling steps.
        negative_prompt: what the image should not show.
        reference: an image file to vary.
    """

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


def fit(
    order: ImageOrder, model: str, config: ImageModelConfig
) -> tuple[tuple[ImageRequest, ...], tuple[str, ...]]:
    """Return the closest requests the model can serve, and what they change, a phrase each.

    Together the requests generate one image for each seed of the order.
    """
    prompt, changes = order.prompt, list[str]()
    text = prompt.prompt
    if config.max_prompt_chars and len(text) > config.max_prompt_chars:
        text = text[: config.max_prompt_chars]
        changes.append(f"prompt cut at {config.max_prompt_chars} characters")
    width, height, ratio = _fit_shape(prompt, config, changes)
    if prompt.negative_prompt and not config.negative_prompt:
        changes.append("without --no, which this model does not know")
    if prompt.seed is not None and not config.seed:
        changes.append("without --seed, which this model does not take")
    request = ImageRequest(
        model=model,
        prompt=text,
        width=width,
        height=height,
        ratio=ratio,
        steps=_fit_steps(prompt, config, changes),
        negative_prompt=prompt.negative_prompt if config.negative_prompt else "",
        reference=order.reference if config.reference else b"",
    )
    return tuple(_split(request, order.seeds, config)), tuple(changes)


def describe_dropped(prompt: ImagePrompt, dropped_options: Collection[str]) -> tuple[str, ...]:
    """List the dropped options that the user had set, a phrase each."""
    is_set = {
        "size": prompt.size or prompt.ratio,
        "seed": prompt.seed is not None,
        "steps": prompt.steps,
        "no": prompt.negative_prompt,
    }
    return tuple(
        f"without --{name}, which this model refused"
        for name in is_set
        if is_set[name] and name in dropped_options
    )


def _fit_steps(prompt: ImagePrompt, config: ImageModelConfig, changes: list[str]) -> int:
    if prompt.steps is None:
        return config.steps
    if not config.max_steps:
        changes.append("without --steps, which this model does not take")
        return 0
    steps = min(max(prompt.steps, config.min_steps), config.max_steps)
    if steps != prompt.steps:
        changes.append(f"{steps} steps instead of {prompt.steps}")
    return steps


def _fit_shape(
    prompt: ImagePrompt, config: ImageModelConfig, changes: list[str]
) -> tuple[int, int, str]:
    """Return width, height, and the ratio if the model takes that instead."""
    requested = prompt.size or prompt.ratio or (config.width, config.height)
    aspect = requested[0] / requested[1]
    if config.sizes:
        width, height = min(
            (_parse_pair(size) for size in config.sizes),
            key=lambda size: _ratio_difference(size, aspect),
        )
        _note_shape_change(prompt, (width, height), "", changes)
        return width, height, ""
    if config.ratios:
        ratio = min(config.ratios, key=lambda ratio: _ratio_difference(_parse_pair(ratio), aspect))
        width, height = _scale_to_usual_area(config, *_parse_pair(ratio))
        _note_shape_change(prompt, (width, height), ratio, changes)
        return width, height, ratio
    width, height = prompt.size or _scale_to_usual_area(config, *requested)
    longest, shortest = max(width, height), min(width, height)
    scale = min(1.0, config.max_side / longest) * max(1.0, config.min_side / shortest)
    width, height = _round_side(width * scale, config), _round_side(height * scale, config)
    _note_shape_change(prompt, (width, height), "", changes)
    return width, height, ""


def _scale_to_usual_area(config: ImageModelConfig, width: int, height: int) -> tuple[int, int]:
    """Keep the ratio of a size, but with as many pixels as the model usually generates."""
    scale = math.sqrt(config.width * config.height / (width * height))
    return _round_side(width * scale, config), _round_side(height * scale, config)


def _round_side(length: float, config: ImageModelConfig) -> int:
    """Round to the nearest number of pixels that the model accepts."""
    rounded = round(length / config.multiple) * config.multiple
    min_side = math.ceil(config.min_side / config.multiple) * config.multiple
    max_side = config.max_side // config.multiple * config.multiple
    return max(min_side, min(rounded, max_side))


def _note_shape_change(
    prompt: ImagePrompt, size: tuple[int, int], ratio: str, changes: list[str]
) -> None:
    """Add to `changes` if the shape visibly differs from the requested one."""
    fitted = ratio or f"{size[0]}×{size[1]}"
    if prompt.size and prompt.size != size:
        changes.append(f"{fitted} instead of {prompt.size[0]}×{prompt.size[1]}")
    if prompt.ratio:
        pair = _parse_pair(ratio) if ratio else size
        if _ratio_difference(pair, prompt.ratio[0] / prompt.ratio[1]) > MAX_RATIO_DIFFERENCE:
            changes.append(f"{fitted} instead of {prompt.ratio[0]}:{prompt.ratio[1]}")


def _ratio_difference(size: tuple[int, int], aspect: float) -> float:
    # On a logarithmic scale, so that 2:1 is as far from a square as 1:2.
    return abs(math.log(size[0] / size[1] / aspect))


def _parse_pair(text: str) -> tuple[int, int]:
    width, _, height = text.replace("x", ":").partition(":")
    return int(width), int(height)


def _split(
    request: ImageRequest, seeds: Sequence[int], config: ImageModelConfig
) -> list[ImageRequest]:
    """Return the fewest requests that generate an image for each seed."""
    requests: list[ImageRequest] = []
    for seed in seeds:
        last = requests[-1] if requests else None
        continues = not config.seed or (
            last and last.seed is not None and seed == last.seed + last.count
        )
        if last and continues and last.count < config.max_count:
            requests[-1] = replace(last, count=last.count + 1)
        else:
            requests.append(replace(request, seed=seed if config.seed else None))
    return requests
