"""Calls of tools in a streamed answer: put together from their pieces, and read out of the text.

Pure. llama.cpp and OpenAI send the name and the id once and then the arguments in pieces;
together.ai may send all of it at once. A small model also writes `<tool_call>{…}</tool_call>` into
its text, where it is told to call nothing or its server does not know its template: that is never
shown. What is kept of a call always parses, since llama.cpp answers a history in which it does not
with a failure of its own.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any

from ..core.tools import ToolCall
from .foreign_values import clean_name

# A model that has come to this is in a loop.
MAX_ARGUMENT_CHARACTERS = 20_000
# Mistral's template refuses any other id.
_ID = re.compile(r"[A-Za-z0-9]{9}")
NO_JSON = "The arguments were not a JSON object."
CUT = "The call was cut off: its arguments were too long."

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
# What a call that was written as text begins with: JSON, or Qwen's tags.
_BEGINNINGS = ("{", "[", "<function=")


@dataclass(slots=True)
class _Part:
    """One call as far as it has come."""

    call_id: str = ""
    name: str = ""
    arguments: str = ""


class ToolCallReader:
    """Puts the calls of one answer together."""

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}

    def __bool__(self) -> bool:
        return bool(self._parts)

    @property
    def is_endless(self) -> bool:
        """Whether the arguments are longer than those of any tool."""
        return sum(len(part.arguments) for part in self._parts.values()) > MAX_ARGUMENT_CHARACTERS

    def feed(self, pieces: Any) -> None:
        """Take in the `tool_calls` of a delta; malformed ones raise what Python raises."""
        for position, piece in enumerate(pieces or ()):
            function = piece.get("function") or {}
            index = piece.get("index")
            part = self._parts.setdefault(position if index is None else int(index), _Part())
            part.call_id = part.call_id or str(piece.get("id") or "")
            part.name = part.name or clean_name(function.get("name") or "")
            arguments = function.get("arguments") or ""
            # Ollama sends an object.
            part.arguments += arguments if isinstance(arguments, str) else json.dumps(arguments)

    def calls(self, *, cut: bool) -> tuple[ToolCall, ...]:
        """Return the calls; `cut` says that the answer ended too early."""
        return tuple(
            make_call(part.call_id or f"{number}", part.name, part.arguments, cut=cut)
            for number, part in sorted(self._parts.items())
            if part.name
        )


def make_call(call_id: str, name: str, arguments: str, *, cut: bool = False) -> ToolCall:
    """Make a call whose id every template takes and whose arguments parse."""
    if not _ID.fullmatch(call_id):
        call_id = blake2s(call_id.encode(), digest_size=5).hexdigest()[:9]
    try:
        parsed = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, Mapping):
        return ToolCall(call_id, name, "{}", fault=CUT if cut else NO_JSON)
    return ToolCall(call_id, name, arguments or "{}")


class LeakedCallFilter:
    """Takes calls out of streamed text, however the text is cut into pieces.

    A call counts at the beginning of a line and outside code, and only if JSON or a tag follows:
    text *about* such calls stays.
    """

    def __init__(self) -> None:
        self._held = ""
        # The line that is being written, and whether it is code.
        self._line, self._in_fence = "", False
        self._in_call = self._skips_blank = False
        self.bodies: list[str] = []

    def feed(self, text: str) -> str:
        """Return what may be shown; what may still become a call is held back."""
        self._held += text
        return self._parse(final=False)

    def end(self) -> str:
        """Return what was held back; a call that was not closed is dropped."""
        return self._parse(final=True)

    def _parse(self, *, final: bool) -> str:
        shown = ""
        while not self._in_call or self._close(final=final):
            length, begins = self._next_call(final=final)
            shown += self._show(length)
            if not begins:
                break
            self._held, self._in_call = self._held[len(_OPEN) :], True
        return shown

    def _close(self, *, final: bool) -> bool:
        """Take in a call's body; say whether its end has come."""
        body, mark, rest = self._held.partition(_CLOSE)
        if not mark and not final:
            return False
        self.bodies.append(body)
        self._held, self._in_call, self._skips_blank = rest, False, True
        return True

    def _next_call(self, *, final: bool) -> tuple[int, bool]:
        """Return how much may be shown, and whether a call begins behind it."""
        position = 0
        while (start := self._held.find(_OPEN, position)) >= 0:
            behind = self._held[start + len(_OPEN) :].lstrip()
            if self._is_at_line(start):
                if behind.startswith(_BEGINNINGS) or (final and not behind):
                    return start, True
                if not final and any(mark.startswith(behind) for mark in _BEGINNINGS):
                    return start, False
            position = start + len(_OPEN)
        return len(self._held) - (0 if final else self._partial_mark()), False

    def _partial_mark(self) -> int:
        """Return how many characters at the end may be the beginning of a mark."""
        lengths = range(min(len(_OPEN) - 1, len(self._held)), 0, -1)
        return next((length for length in lengths if _OPEN.startswith(self._held[-length:])), 0)

    def _is_at_line(self, start: int) -> bool:
        line, in_fence = self._after(self._held[:start])
        return not in_fence and not line.strip()

    def _after(self, text: str) -> tuple[str, bool]:
        """Return the line that is being written after a text, and whether it is code."""
        *whole, line = (self._line + text).split("\n")
        fences = sum(one.lstrip().startswith("```") for one in whole)
        return line, self._in_fence ^ (fences % 2 == 1)

    def _show(self, length: int) -> str:
        shown, self._held = self._held[:length], self._held[length:]
        self._line, self._in_fence = self._after(shown)
        if self._skips_blank:
            shown = shown.lstrip("\n")
            self._skips_blank = not shown
        return shown

    def calls(self, names: Collection[str]) -> tuple[ToolCall, ...]:
        """Read the calls of these tools that were written as text."""
        found = (_read_body(number, body, names) for number, body in enumerate(self.bodies))
        return tuple(call for call in found if call)


def _read_body(number: int, body: str, names: Collection[str]) -> ToolCall | None:
    try:
        call = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(call, dict) or call.get("name") not in names:
        return None
    arguments = call.get("arguments", call.get("parameters", {}))
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return make_call(f"text{number}", str(call["name"]), text)
