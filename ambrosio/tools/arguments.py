"""The arguments of a call, checked against the schema of its tool. Pure.

Not a JSON schema validator: it looks at what models get wrong, which is a missing name, a number
for a text, and a word that is not in the list. What a schema says beyond that, its tool checks.
"""

import json
from collections.abc import Mapping

from ..core.tools import ToolCall, ToolDefinition
from .tool import Arguments, ToolError


def read_arguments(call: ToolCall, definition: ToolDefinition) -> Arguments:
    """Return the arguments of a call, or raise `ToolError` with what is wrong with them."""
    if call.fault:
        raise ToolError(call.fault)
    given = json.loads(call.arguments)
    properties = _mapping(definition.parameters.get("properties"))
    required = definition.parameters.get("required")
    names = required if isinstance(required, list) else []
    missing = [str(name) for name in names if name not in given]
    if missing:
        raise ToolError(f"Missing: {', '.join(missing)}.")
    return {
        name: _read(name, value, _mapping(properties.get(name))) for name, value in given.items()
    }


def _read(name: str, value: object, schema: Mapping[str, object]) -> object:
    if schema.get("type") == "string" and not isinstance(value, str):
        # "expression": 2 is meant as "2"; a list or an object is not meant as a text.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ToolError(f"{name} must be a text.")
        value = str(value)
    allowed = schema.get("enum")
    if isinstance(allowed, list) and value not in allowed:
        raise ToolError(f"{name} must be one of: {', '.join(map(str, allowed))}.")
    return value


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
