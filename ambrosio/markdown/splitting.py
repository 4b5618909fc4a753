"""Cut a passage into messages that Telegram takes: 4,096 UTF-16 units and 100 entities each.

Telegram takes more than 100 entities and then drops some of them silently, so they are a border
like the length.
"""

import re
import unicodedata
from bisect import bisect_right
from itertools import accumulate

from ..core.messages import Entity, FormattedText
from .spans import Span, StyledText

MAX_UTF16_UNITS = 4096
MAX_ENTITIES = 100

# What stands in front of a chunk that would begin with the indentation of code: Telegram trims
# white space at the start of a message, and the offsets would no longer be true.
_LEAD = "…\n"

# Where to cut, from the best place to the worst, and whether code may be cut there.
_BORDERS = (
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


def split_messages(passage: StyledText) -> tuple[FormattedText, ...]:
    """Cut at natural borders, so that everything arrives in order and nothing is empty."""
    sheet = _Splitter(passage)
    chunks: list[FormattedText] = []
    start = sheet.begin(0)
    while start < len(passage.text):
        cut = sheet.cut(start)
        chunk = sheet.chunk(start, cut)
        if is_visible(chunk.text):
            chunks.append(chunk)
        start = sheet.begin(cut)
    return tuple(chunks)


def last_message(passage: StyledText) -> FormattedText:
    """Return the passage if it fits into one message, and else its end behind an ellipsis."""
    sheet = _Splitter(passage)
    start = sheet.begin(0)
    if start >= len(passage.text) or not is_visible(passage.text):
        return FormattedText("")
    if sheet.cut(start) == len(passage.text):
        return sheet.chunk(start, len(passage.text))
    return sheet.chunk(sheet.last(), len(passage.text), lead=_LEAD)


def first_message(text: str) -> str:
    """Return the beginning of a text that fits into one message, with an ellipsis if it is cut."""
    text = text.strip()
    if not is_visible(text):
        return ""
    if utf16_len(text) <= MAX_UTF16_UNITS:
        return text
    sheet = _Splitter(StyledText(text))
    return text[: sheet.cut(0, room=MAX_UTF16_UNITS - 1)].rstrip() + "…"


def utf16_len(text: str) -> int:
    """Count UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def is_visible(text: str) -> bool:
    """Say whether there is anything to see; Telegram refuses a message without."""
    return any(
        unicodedata.category(character) not in _INVISIBLE and character not in _BLANKS
        for character in text
    )


class _Splitter:
    """A passage with the measures that cutting needs."""

    def __init__(self, passage: StyledText) -> None:
        self._text = passage.text
        self._spans = passage.spans
        self._code = [span for span in passage.spans if span.type == "pre"]
        self._code_starts = [span.start for span in self._code]
        sizes = (1 + (character > "\uffff") for character in passage.text)
        self._units = list(accumulate(sizes, initial=0))

    def begin(self, start: int) -> int:
        """Skip the white space that no message may begin with, but not code's indentation."""
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
        """Return where a chunk that begins at `start` should end."""
        room = room or MAX_UTF16_UNITS - len(self._lead(start))
        end = self._reach(start, room)
        if end == len(self._text):
            return end
        low = start + (end - start) // 2
        for pattern, code_too in _BORDERS:
            places = (match.end() for match in pattern.finditer(self._text, low, end))
            fitting = [place for place in places if code_too or not self._splits_code(place)]
            if fitting:
                return fitting[-1]
        spaces = [match.end() for match in _SPACE.finditer(self._text, start + 1, end + 1)]
        if spaces:
            return min(spaces[-1], end)
        return self._whole(start, end)

    def last(self) -> int:
        """Return where the last part that fits into one message begins."""
        floor = self._units[-1] - (MAX_UTF16_UNITS - len(_LEAD))
        start = bisect_right(self._units, max(floor - 1, 0))
        if len(self._spans) > MAX_ENTITIES:
            ends = sorted(span.end for span in self._spans)
            start = max(start, ends[-MAX_ENTITIES - 1])
        stop = min(start + MAX_UTF16_UNITS // 4, len(self._text))
        for pattern, _ in (*_BORDERS[:2], _BORDERS[-1], (_SPACE, True)):
            match = pattern.search(self._text, start, stop)
            if match and match.end() < stop:
                start = match.end()
                break
        else:
            start = self._whole(0, start, step=1)
        return self.begin(start)

    def chunk(self, start: int, end: int, *, lead: str = "") -> FormattedText:
        """Return the chunk of `text[start:end]`, trimmed, with its entities."""
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

    def _in_code(self, place: int) -> Span | None:
        index = bisect_right(self._code_starts, place) - 1
        if index >= 0 and place < self._code[index].end:
            return self._code[index]
        return None

    def _splits_code(self, place: int) -> bool:
        code = self._in_code(place)
        return code is not None and code.start < place

    def _whole(self, start: int, end: int, *, step: int = -1) -> int:
        """Move a cut out of an emoji or another cluster, if that is a few steps away."""
        for place in range(end, end + 40 * step, step):
            if start < place < len(self._text) and not _is_joined(self._text, place):
                return place
        return end


def _is_joined(text: str, place: int) -> bool:
    """Say whether the characters on both sides of `place` are drawn as one."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    if before == "\u200d" or after == "\u200d" or unicodedata.category(after) in {"Mn", "Mc", "Me"}:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    flags = 0
    while flags < place and _is_regional(text[place - 1 - flags]):
        flags += 1
    return _is_regional(after) and flags % 2 == 1


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
