"""Checks calls against a description of the Bot API: names, required parameters, basic types.

Reads the description's own notation (`list[MessageEntity] | None`). It does not check values.
"""

import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from .. import Json

BASIC: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "ChatIdUnion": lambda value: isinstance(value, int | str) and not isinstance(value, bool),
    "DateTime": lambda value: isinstance(value, int),
    "DateTimeUnion": lambda value: isinstance(value, int),
    "InputFile": lambda value: isinstance(value, str),
    "InputFileUnion": lambda value: isinstance(value, str),
}
# Unions whose members are told apart by their field `type`.
KINDS = {
    "MediaUnion": "InputMedia",
    "InputMediaUnion": "InputMedia",
    "BotCommandScopeUnion": "BotCommandScope",
    "MenuButtonUnion": "MenuButton",
    "ReactionTypeUnion": "ReactionType",
}
KEYBOARDS = {
    "inline_keyboard": "InlineKeyboardMarkup",
    "keyboard": "ReplyKeyboardMarkup",
    "remove_keyboard": "ReplyKeyboardRemove",
    "force_reply": "ForceReply",
}


class Schema:
    """A description of the Bot API, loaded from a file."""

    def __init__(self, path: Path) -> None:
        description = json.loads(path.read_text(encoding="utf-8"))
        self._methods: dict[str, Json] = description["methods"]
        self._types: dict[str, Json] = description["types"]

    def faults(self, method: str, params: Json, uploads: Collection[str] = ()) -> list[str]:
        """List the errors of a call; `uploads` are the parameters sent as files."""
        if method not in self._methods:
            return [f"{method} is not a method"]
        fields = self._methods[method]["params"]
        return self._object_faults(method, fields, params, set(uploads))

    def _object_faults(self, where: str, fields: Json, value: Json, uploads: set[str]) -> list[str]:
        # Python has no `from` as a name: the description may call it `from_user`.
        faults = [f"{where} has no {name}" for name in value if name not in fields]
        for name, field in fields.items():
            if name in value:
                faults += self._faults(f"{where}.{name}", field["type"], value[name])
            elif field["required"] and name not in uploads:
                faults.append(f"{where} needs {name}")
        return faults

    def _faults(self, where: str, notation: str, value: object) -> list[str]:
        """Check a value against `one | another`; one matching option is enough."""
        options = [name for name in notation.split(" | ") if name not in {"None", "Default"}]
        results = [self._option_faults(where, option, value) for option in options]
        return min(results, key=len, default=[])

    def _option_faults(self, where: str, option: str, value: object) -> list[str]:
        if check := BASIC.get(option):
            return [] if check(value) else [f"{where} is not {option}"]
        if option.startswith("list["):
            return self._list_faults(where, option[5:-1], value)
        if option.startswith("Literal["):
            return [] if isinstance(value, str | bool) else [f"{where} is not {option}"]
        if not isinstance(value, dict):
            return [f"{where} is not an object ({option})"]
        name = self._type_name(option, value)
        if name is None:
            return [f"{where} is no kind of {option}"]
        fields = self._types.get(name)
        # Of other unions we only check that the value is an object.
        return [] if fields is None else self._object_faults(where, fields, value, set())

    def _list_faults(self, where: str, option: str, value: object) -> list[str]:
        if not isinstance(value, list):
            return [f"{where} is not a list"]
        return [
            fault
            for i, item in enumerate(value)
            for fault in self._faults(f"{where}[{i}]", option, item)
        ]

    def _type_name(self, option: str, value: Json) -> str | None:
        """Return the object's type name; None if the union has no such type."""
        if option == "ReplyMarkupUnion":
            return next((KEYBOARDS[key] for key in KEYBOARDS if key in value), None)
        if option not in KINDS:
            return option
        name = KINDS[option] + re.sub(r"(?:^|_)(.)", _capital, str(value.get("type", "")))
        return name if name in self._types else None


def _capital(match: re.Match[str]) -> str:
    return match.group(1).upper()
