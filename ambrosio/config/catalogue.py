"""What is known of models by their id, from the list that comes with Ambrosio.

The list is data with a date and not a promise: ids retire and prices change, and rows in
`ambrosio.toml` overrule it.
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Literal

CatalogueKind = Literal["chat", "images", "speech"]


@cache
def _shipped() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("data", "prices.toml").read_text("utf-8")
    return tomllib.loads(text, parse_float=Decimal)


def look_up(model: str, kind: CatalogueKind = "chat") -> Mapping[str, Any]:
    """Look up what is known of a model; nothing for a stranger."""
    found: Mapping[str, Any] = _shipped()[kind].get(model, {})
    return found


def as_of() -> date:
    """Tell from which day the prices are."""
    day: date = _shipped()["as_of"]
    return day


def highest_price(price: str) -> Decimal:
    """Give the highest price of this name among chat models, for those that are not in the list."""
    return max(Decimal(row.get(price, 0)) for row in _shipped()["chat"].values())
