"""How each kind of server is asked for pictures, and how it answers.

Pure. OpenAI's endpoint is the same everywhere and its parameters are nowhere: together.ai has its
own, LocalAI adds some, and stable-diffusion.cpp reads everything beyond OpenAI's from the prompt.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..config.image_models import ImageModelConfig
from ..config.provider import Dialect
from .fitting import ImageRequest

# Without these it is another request.
ESSENTIAL = frozenset({"model", "prompt", "n"})
# What each parameter is to the person who typed it.
OPTIONS: Mapping[str, str] = {
    "width": "size",
    "height": "size",
    "aspect_ratio": "size",
    "size": "size",
    "steps": "steps",
    "step": "steps",
    "seed": "seed",
    "negative_prompt": "no",
    "image_url": "reference",
    "reference_images": "reference",
}


@dataclass(frozen=True, slots=True)
class ImageData:
    """One picture of an answer: its bytes, or the address where they are."""

    content: bytes = field(default=b"", repr=False)
    url: str = ""


def supported_by(row: ImageModelConfig, dialect: Dialect) -> ImageModelConfig:
    """Take from a model what cannot be said to its server."""
    if dialect == "together":
        return row
    mute: dict[str, object] = {"ratios": (), "reference": ""}
    if dialect == "openai":
        mute |= {"seed": False, "negative_prompt": False, "steps": 0, "max_steps": 0}
    return row.model_copy(update=mute)


def request_body(request: ImageRequest, row: ImageModelConfig, dialect: Dialect) -> dict[str, Any]:
    """Put together what is sent; nothing that is left to the model."""
    said: dict[str, Any] = {"model": request.model, "prompt": request.prompt, "n": request.count}
    size = f"{request.width}x{request.height}"
    steps, avoid = request.steps or None, request.negative_prompt or None
    match dialect:
        case "together":
            said |= {"response_format": "base64", **_shape(request), **_reference(request, row)}
            said |= _present(steps=steps, seed=request.seed, negative_prompt=avoid)
        case "openai":
            said |= {"size": size, "response_format": "b64_json"}
        case "localai":
            said |= {"size": size, "response_format": "b64_json"}
            said |= _present(step=steps, seed=request.seed)
            if request.negative_prompt:
                said["prompt"] = f"{request.prompt}|{request.negative_prompt}"
        case "sdcpp":
            said |= {"size": size, "output_format": "png", "prompt": _tagged(request)}
    return said | row.extra_body


def response_items(answer: object) -> Iterator[ImageData | None]:
    """Read an answer's pictures; None for one that cannot be read."""
    data = answer.get("data") if isinstance(answer, dict) else None
    for each in data if isinstance(data, list) else ():
        yield _item(each) if isinstance(each, dict) else None


def _item(each: Mapping[str, Any]) -> ImageData | None:
    coded, url = each.get("b64_json"), each.get("url")
    if not coded and isinstance(url, str) and url.startswith("data:"):
        coded = url.partition(",")[2]
    if isinstance(coded, str) and coded:
        try:
            return ImageData(base64.b64decode(coded, validate=True))
        except (binascii.Error, ValueError):
            return None
    return ImageData(url=url) if isinstance(url, str) and url else None


def _shape(request: ImageRequest) -> dict[str, Any]:
    if request.ratio:
        return {"aspect_ratio": request.ratio}
    return {"width": request.width, "height": request.height}


def _reference(request: ImageRequest, row: ImageModelConfig) -> dict[str, Any]:
    if not request.reference or not row.reference:
        return {}
    url = "data:image/png;base64," + base64.b64encode(request.reference).decode()
    return {row.reference: url if row.reference == "image_url" else [url]}


def _tagged(request: ImageRequest) -> str:
    native = _present(seed=request.seed, negative_prompt=request.negative_prompt or None)
    if request.steps:
        native["sample_params"] = {"sample_steps": request.steps}
    # Nobody else may set such things.
    prompt = request.prompt.replace("sd_cpp_extra_args", "")
    return f"{prompt} <sd_cpp_extra_args>{json.dumps(native)}</sd_cpp_extra_args>"


def _present(**values: object) -> dict[str, Any]:
    """Keep what is set."""
    return {name: value for name, value in values.items() if value is not None}
