"""What is filled into the rows of `ambrosio.toml` from the lists of known models."""

from collections.abc import Callable, Mapping
from typing import Any

from . import catalogue
from .image_models import look_up_image_model


def complete_rows(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables that hold rows; what a row says itself takes precedence."""
    return {
        "providers": _with_defaults(tables.get("providers", {}), _provider_defaults),
        "images": _with_defaults(tables.get("images", {}), _image_defaults),
        "mcp": tables.get("mcp", {}),
    }


def known_of(model: str, context: int) -> dict[str, Any]:
    """Return what is known of a hosted model; a window from the settings overrules the list."""
    return {**catalogue.look_up(model), **({"context": context} if context else {})}


def _with_defaults(table: Any, defaults: Callable[[str, dict[str, Any]], Mapping[str, Any]]) -> Any:
    """Fill each row with defaults for its model; pydantic reports anything invalid later."""
    if not isinstance(table, dict):
        return table
    return {
        name: {**defaults(name, row), **row} if isinstance(row, dict) else row
        for name, row in table.items()
    }


def _provider_defaults(_name: str, row: dict[str, Any]) -> Mapping[str, Any]:
    return {
        **catalogue.look_up(str(row.get("model", ""))),
        **catalogue.look_up(str(row.get("transcription_model", "")), "transcription"),
        **catalogue.look_up(str(row.get("speech_model", "")), "speech"),
    }


def _image_defaults(model: str, _row: dict[str, Any]) -> Mapping[str, Any]:
    return look_up_image_model(model, {}).model_dump()
