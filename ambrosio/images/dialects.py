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
from urllib.parse import unquote

from ..config.image_models import ImageModelConfig
from ..config.provider import Dialect
from .fitting import ImageRequest

# Leaving one of these out would ask for something else.
ESSENTIAL = frozenset({"model", "prompt", "n"})
# Where servers put the list of images: OpenAI, SGLang and AUTOMATIC1111, Stability, Cloudflare.
LIST_FIELDS = ("data", "images", "artifacts", "output", "result")
# Where they put an image: OpenAI, gateways, Stability, AUTOMATIC1111, Cloudflare; and its URL.
CONTENT_FIELDS = ("b64_json", "b64", "base64", "image_base64", "image_b64", "image")
URL_FIELDS = ("url", "image_url", "uri")
URL_SAFE = str.maketrans("-_", "+/")
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
    for item in _listing(response):
        yield _parse_item(item)


def _listing(response: object) -> list[object]:
    """Return what a response lists; a single image counts as a list of one."""
    if isinstance(response, list):
        return response
    if not isinstance(response, dict):
        return []
    for name in LIST_FIELDS:
        found = response.get(name)
        if isinstance(found, list):
            return found
        if isinstance(found, dict):
            return _listing(found) or [found]
    return [response] if response.keys() & {*CONTENT_FIELDS, *URL_FIELDS} else []


def _parse_item(item: object) -> bytes | str | None:
    if isinstance(item, str):
        return _parse_text(item)
    if not isinstance(item, dict):
        return None
    for name in (*CONTENT_FIELDS, *URL_FIELDS):
        found = item.get(name)
        if isinstance(found, dict):
            # OpenAI's chat API nests the URL.
            found = found.get("url")
        if isinstance(found, str) and found:
            is_path = name in URL_FIELDS and found.startswith("/")
            return found if is_path else _parse_text(found)
    return None


def _parse_text(text: str) -> bytes | str | None:
    """Return the content that a text encodes, or the text if it is a URL."""
    prefix, comma, data = text.strip().partition(",")
    if prefix[:5].lower() == "data:":
        return decode_base64(unquote(data)) if comma else None
    return text.strip() if "://" in text[:10] else decode_base64(text)


def decode_base64(text: str) -> bytes | None:
    """Decode base64 of either alphabet, with or without padding and line breaks; None if broken."""
    compact = "".join(text.split()).translate(URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


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
