"""Prices and limits of hosted models, from the list in `data/prices.toml`.

The list has a date, since models are retired and prices change; `ambrosio.toml` overrides it.
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Literal

CatalogueKind = Literal["chat", "images", "transcription", "speech"]


@cache
def _shipped() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("data", "prices.toml").read_text("utf-8")
    return tomllib.loads(text, parse_float=Decimal)


def look_up(model: str, kind: CatalogueKind = "chat") -> Mapping[str, Any]:
    """Return fields of `ProviderConfig` or `ImageModelConfig` for a model; empty if unknown."""
    fields: Mapping[str, Any] = _shipped()[kind].get(model, {})
    return fields


def as_of() -> date:
    """Return the date of the prices."""
    day: date = _shipped()["as_of"]
    return day


def highest_price(price: str, kind: CatalogueKind = "chat") -> Decimal:
    """Return the highest price of a kind, such as "input_usd", for models not in the list."""
    return max(Decimal(row.get(price, 0)) for row in _shipped()[kind].values())
