"""The request and response formats of the supported image servers.

Pure. All of them have OpenAI's endpoint, but the parameters differ: together.ai has its own,
LocalAI adds a few, and stable-diffusion.cpp reads everything beyond OpenAI's from tags in the
prompt.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..config.image_models import ImageModelConfig
from ..config.provider import Dialect
from .fitting import ImageRequest

# Leaving one of these out would ask for something else.
ESSENTIAL = frozenset({"model", "prompt", "n"})
# The option of `/imagine` that each parameter comes from.
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


def supported_by(config: ImageModelConfig, dialect: Dialect) -> ImageModelConfig:
    """Return `config` without the options that the dialect cannot express."""
    if dialect == "together":
        return config
    unsupported: dict[str, object] = {"ratios": (), "reference": ""}
    if dialect == "openai":
        unsupported |= {"seed": False, "negative_prompt": False, "steps": 0, "max_steps": 0}
    return config.model_copy(update=unsupported)


def request_body(
    request: ImageRequest, config: ImageModelConfig, dialect: Dialect
) -> dict[str, Any]:
    """Build the JSON body of a request, without the parameters that are left to the model."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt, "n": request.count}
    size = f"{request.width}x{request.height}"
    steps, negative_prompt = request.steps or None, request.negative_prompt or None
    match dialect:
        case "together":
            body |= {"response_format": "base64", **_shape(request), **_reference(request, config)}
            body |= _drop_unset(steps=steps, seed=request.seed, negative_prompt=negative_prompt)
        case "openai":
            body |= {"size": size, "response_format": "b64_json"}
        case "localai":
            body |= {"size": size, "response_format": "b64_json"}
            body |= _drop_unset(step=steps, seed=request.seed)
            if request.negative_prompt:
                body["prompt"] = f"{request.prompt}|{request.negative_prompt}"
        case "sdcpp":
            body |= {"size": size, "output_format": "png", "prompt": _tag_prompt(request)}
    return body | config.extra_body


def response_items(response: object) -> Iterator[bytes | str | None]:
    """Yield each image of a response as its content or its URL, or None if it is malformed."""
    data = response.get("data") if isinstance(response, dict) else None
    for item in data if isinstance(data, list) else ():
        yield _parse_item(item) if isinstance(item, dict) else None


def _parse_item(item: Mapping[str, Any]) -> bytes | str | None:
    encoded, url = item.get("b64_json"), item.get("url")
    if not encoded and isinstance(url, str) and url.startswith("data:"):
        encoded = url.partition(",")[2]
    if isinstance(encoded, str) and encoded:
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return None
    return url if isinstance(url, str) and url else None


def _shape(request: ImageRequest) -> dict[str, Any]:
    if request.ratio:
        return {"aspect_ratio": request.ratio}
    return {"width": request.width, "height": request.height}


def _reference(request: ImageRequest, config: ImageModelConfig) -> dict[str, Any]:
    if not request.reference or not config.reference:
        return {}
    url = "data:image/png;base64," + base64.b64encode(request.reference).decode()
    return {config.reference: url if config.reference == "image_url" else [url]}


def _tag_prompt(request: ImageRequest) -> str:
    """Append stable-diffusion.cpp's parameters to the prompt."""
    parameters = _drop_unset(seed=request.seed, negative_prompt=request.negative_prompt or None)
    if request.steps:
        parameters["sample_params"] = {"sample_steps": request.steps}
    # Otherwise a user could set any parameter of the server.
    prompt = request.prompt.replace("sd_cpp_extra_args", "")
    return f"{prompt} <sd_cpp_extra_args>{json.dumps(parameters)}</sd_cpp_extra_args>"


def _drop_unset(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
