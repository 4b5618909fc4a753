"""A tool's schema, cut down to what models understand and chat templates take. Pure.

Servers describe arguments in all of JSON Schema; llama.cpp makes a grammar of it, and one keyword
that it does not know fails every request of the conversation.
"""

import json
from collections.abc import Mapping
from typing import Any

from ...core.context_window import estimate_tokens
from ...core.visible_text import drop_unseen, is_visible

# Of one tool, with its description: five tools of this size are read with every conversation.
MAX_TOOL_TOKENS = 400
MAX_DESCRIPTION_CHARACTERS = 300
MAX_DEPTH = 5
TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object"})


def simplify(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with nothing but types, names, lists and descriptions."""
    return {**_simplify(schema, MAX_DEPTH), "type": "object"}


def shorten(description: str) -> str:
    """Write a description as one line that is not too long, of signs that an owner can see."""
    line = " ".join(drop_unseen(description).split())
    limit = MAX_DESCRIPTION_CHARACTERS
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def is_too_large(name: str, description: str, schema: Mapping[str, Any]) -> bool:
    """Say whether a tool would take too much of every prompt."""
    return estimate_tokens(name + description + json.dumps(schema)) > MAX_TOOL_TOKENS


def _simplify(schema: Any, depth: int) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or not depth:
        return {}
    kept: dict[str, Any] = {}
    schema = _first_choice(schema)
    if (kind := _type(schema.get("type"))) is not None:
        kept["type"] = kind
    if isinstance(description := schema.get("description"), str):
        kept["description"] = shorten(description)
    if isinstance(words := schema.get("enum"), list):
        kept["enum"] = [
            word for word in words if isinstance(word, str | int | float) and is_visible(str(word))
        ]
    if isinstance(properties := schema.get("properties"), Mapping):
        kept["properties"] = {
            name: _simplify(value, depth - 1)
            for name, value in properties.items()
            if is_visible(name)
        }
        if isinstance(required := schema.get("required"), list):
            kept["required"] = [name for name in required if name in kept["properties"]]
    if "items" in schema:
        kept["items"] = _simplify(schema["items"], depth - 1)
    return kept


def _first_choice(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take the first of several ways to write a value, which is how optional ones are described."""
    for word in ("anyOf", "oneOf"):
        choices = schema.get(word)
        if isinstance(choices, list):
            found = (each for each in choices if isinstance(each, Mapping))
            first = next((each for each in found if each.get("type") != "null"), {})
            return {**first, **{key: value for key, value in schema.items() if key != word}}
    return schema


def _type(value: Any) -> str | None:
    names = value if isinstance(value, list) else [value]
    return next((name for name in names if isinstance(name, str) and name in TYPES), None)
