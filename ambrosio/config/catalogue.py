"""Prices and limits of hosted models, from the list in `data/prices.toml`.

The list has a date, since models are retired and prices change; `ambrosio.toml` overrides it.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Literal

# Families of models that see, as their names are written at Ollama, OpenRouter and elsewhere.
SEEING_NAMES = re.compile(
    r"vision|(?<![a-z])vl(?![a-z])|llava|pixtral|moondream|minicpm-?v|smolvlm|internvl"
    r"|gpt-(?:4o|4\.1|5)|(?<![a-z0-9])o[34](?![a-z0-9])|claude|gemini|gemma-?[34](?!n)|qwen3\.5"
    r"|llama-?4|mistral-(?:small|medium)-?[3-9]",
    re.IGNORECASE,
)
CatalogueKind = Literal["chat", "images", "transcription", "speech"]


@cache
def _shipped() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("data", "prices.toml").read_text("utf-8")
    return tomllib.loads(text, parse_float=Decimal)


def look_up(model: str, kind: CatalogueKind = "chat") -> Mapping[str, Any]:
    """Return fields of `ProviderConfig` or `ImageModelConfig` for a model; empty if unknown."""
    fields: Mapping[str, Any] = _shipped()[kind].get(model, {})
    return fields


def may_see(model: str) -> bool:
    """Say whether a model that nobody has told of probably takes pictures, by its name."""
    return bool(SEEING_NAMES.search(model))


def that_see() -> list[str]:
    """List the models that are known to take pictures, in the order of the list."""
    return [model for model, row in _shipped()["chat"].items() if row.get("vision")]


def as_of() -> date:
    """Return the date of the prices."""
    day: date = _shipped()["as_of"]
    return day


def highest_price(price: str, kind: CatalogueKind = "chat") -> Decimal:
    """Return the highest price of a kind, such as "input_usd", for models not in the list."""
    return max(Decimal(row.get(price, 0)) for row in _shipped()[kind].values())
