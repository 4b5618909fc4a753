"""Splits text into Telegram messages of at most 4,096 UTF-16 code units and 100 entities.

Telegram accepts more than 100 entities but silently drops the rest, so both limits apply.
"""

import re
import unicodedata
from bisect import bisect_right
from itertools import accumulate

from ..core.messages import Entity, FormattedText
from .spans import Span, StyledText

MAX_UTF16_UNITS = 4096
MAX_ENTITIES = 100

# Put before a message that would start with indented code: Telegram trims white space at the start,
# which would shift the offsets.
_LEAD = "…\n"

# Where to split, best first, and whether a code block may be split there.
_BREAKS = (
    (re.compile(r"\n[ \t]*\n"), False),
    (re.compile(r"\n"), False),
    (re.compile(r"\n\n(?=\S)"), True),
    (re.compile(r"\n(?=\S)"), True),
    (re.compile(r"\n"), True),
    (re.compile(r"[.!?…][\"'”’»)\]]*\s|[。！？]"), True),
)
_SPACE = re.compile(r"\s")

_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Zl", "Zp", "Zs"})
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def split_messages(styled: StyledText) -> tuple[FormattedText, ...]:
    """Split at paragraphs, lines or sentences; no message is empty or invisible."""
    splitter = _Splitter(styled)
    chunks: list[FormattedText] = []
    start = splitter.begin(0)
    while start < len(styled.text):
        cut = splitter.cut(start)
        chunk = splitter.chunk(start, cut)
        if is_visible(chunk.text):
            chunks.append(chunk)
        start = splitter.begin(cut)
    return tuple(chunks)


def last_message(styled: StyledText) -> FormattedText:
    """Return the text as one message, or only its end after an ellipsis if it is too long."""
    splitter = _Splitter(styled)
    start = splitter.begin(0)
    if start >= len(styled.text) or not is_visible(styled.text):
        return FormattedText("")
    if splitter.cut(start) == len(styled.text):
        return splitter.chunk(start, len(styled.text))
    return splitter.chunk(splitter.last(), len(styled.text), lead=_LEAD)


def first_message(text: str) -> str:
    """Return the text, cut to fit one message, with an ellipsis if it was cut."""
    text = text.strip()
    if not is_visible(text):
        return ""
    if utf16_len(text) <= MAX_UTF16_UNITS:
        return text
    splitter = _Splitter(StyledText(text))
    return text[: splitter.cut(0, room=MAX_UTF16_UNITS - 1)].rstrip() + "…"


def utf16_len(text: str) -> int:
    """Count UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def is_visible(text: str) -> bool:
    """Return whether the text has a visible character; Telegram rejects a message without one."""
    return any(
        unicodedata.category(character) not in _INVISIBLE and character not in _BLANKS
        for character in text
    )


class _Splitter:
    """A text with the tables needed to split it."""

    def __init__(self, styled: StyledText) -> None:
        self._text = styled.text
        self._spans = styled.spans
        self._code = [span for span in styled.spans if span.type == "pre"]
        self._code_starts = [span.start for span in self._code]
        sizes = (1 + (character > "\uffff") for character in styled.text)
        self._units = list(accumulate(sizes, initial=0))

    def begin(self, start: int) -> int:
        """Return the position after leading white space, but keep the indentation of code."""
        text = self._text
        while start < len(text) and text[start].isspace():
            code = self._in_code(start)
            if code is None:
                start += 1
                continue
            line_end = text.find("\n", start, code.end)
            if text[start : code.end if line_end < 0 else line_end].strip():
                break
            start = code.end if line_end < 0 else line_end + 1
        return start

    def cut(self, start: int, *, room: int = 0) -> int:
        """Return where a message that starts at `start` should end."""
        room = room or MAX_UTF16_UNITS - len(self._lead(start))
        end = self._reach(start, room)
        if end == len(self._text):
            return end
        low = start + (end - start) // 2
        for pattern, code_too in _BREAKS:
            ends = (match.end() for match in pattern.finditer(self._text, low, end))
            fitting = [index for index in ends if code_too or not self._splits_code(index)]
            if fitting:
                return fitting[-1]
        spaces = [match.end() for match in _SPACE.finditer(self._text, start + 1, end + 1)]
        if spaces:
            return min(spaces[-1], end)
        return self._whole(start, end)

    def last(self) -> int:
        """Return where the last part that fits one message starts."""
        floor = self._units[-1] - (MAX_UTF16_UNITS - len(_LEAD))
        start = bisect_right(self._units, max(floor - 1, 0))
        if len(self._spans) > MAX_ENTITIES:
            ends = sorted(span.end for span in self._spans)
            start = max(start, ends[-MAX_ENTITIES - 1])
        stop = min(start + MAX_UTF16_UNITS // 4, len(self._text))
        for pattern, _ in (*_BREAKS[:2], _BREAKS[-1], (_SPACE, True)):
            match = pattern.search(self._text, start, stop)
            if match and match.end() < stop:
                start = match.end()
                break
        else:
            start = self._whole(0, start, step=1)
        return self.begin(start)

    def chunk(self, start: int, end: int, *, lead: str = "") -> FormattedText:
        """Return `text[start:end]`, trimmed, with its entities."""
        lead = lead or self._lead(start)
        end = start + len(self._text[start:end].rstrip())
        entities = (
            self._entity(span, start, end, len(lead))
            for span in self._spans
            if span.start < end and span.end > start
        )
        return FormattedText(
            lead + self._text[start:end], tuple(entity for entity in entities if entity)
        )

    def _entity(self, span: Span, start: int, end: int, shift: int) -> Entity | None:
        first, last = max(span.start, start), min(span.end, end)
        if first >= last or not self._text[first:last].strip():
            return None
        if span.type != "pre":
            piece = self._text[first:last]
            first += len(piece) - len(piece.lstrip())
            last -= len(piece) - len(piece.rstrip())
        offset = self._units[first] - self._units[start] + shift
        length = self._units[last] - self._units[first]
        return Entity(span.type, offset, length, span.url, span.language)

    def _lead(self, start: int) -> str:
        return _LEAD if self._text[start : start + 1].isspace() else ""

    def _reach(self, start: int, room: int) -> int:
        end = bisect_right(self._units, self._units[start] + room) - 1
        active = [span.start for span in self._spans if span.end > start and span.start < end]
        if len(active) > MAX_ENTITIES:
            end = max(active[MAX_ENTITIES], start + 1)
        return end

    def _in_code(self, index: int) -> Span | None:
        number = bisect_right(self._code_starts, index) - 1
        if number >= 0 and index < self._code[number].end:
            return self._code[number]
        return None

    def _splits_code(self, index: int) -> bool:
        code = self._in_code(index)
        return code is not None and code.start < index

    def _whole(self, start: int, end: int, *, step: int = -1) -> int:
        """Move a cut out of an emoji or other grapheme cluster, if its end is near."""
        for index in range(end, end + 40 * step, step):
            if start < index < len(self._text) and not _is_joined(self._text, index):
                return index
        return end


def _is_joined(text: str, index: int) -> bool:
    """Return whether the characters before and after `index` are drawn as one."""
    if not 0 < index < len(text):
        return False
    before, after = text[index - 1], text[index]
    if before == "\u200d" or after == "\u200d" or unicodedata.category(after) in {"Mn", "Mc", "Me"}:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    flags = 0
    while flags < index and _is_regional(text[index - 1 - flags]):
        flags += 1
    return _is_regional(after) and flags % 2 == 1


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
