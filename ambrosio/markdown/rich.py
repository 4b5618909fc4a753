"""Markdown for Telegram's own parser (rich messages), made safe to parse.

Used for what entities cannot show: wide tables and display math. Removes HTML, images and invalid
links, since that parser accepts HTML and fetches images.
"""

import re
from dataclasses import dataclass
from typing import Any

from .emphasis import find_marks
from .events import INLINE, event_name, parse_events
from .placeholders import ANGLE, LITERAL_MARKS, NUMBERED
from .preprocess import PreparedMarkdown, prepare
from .spans import StyledText
from .walker import is_valid_link, label_link, walk_markdown

_MAX_RICH_CHARS = 32_768
_RICH_DANGER = re.compile(r"<(?!https?://)[a-z/!?]|!\[", re.IGNORECASE)

# Marks, formulas, spoilers (`||`), highlighting (`==`) and pictures. An underscore within a word
# means nothing to any parser.
_ESCAPED = re.compile(
    r"[\\`*$~]|(?<![^\W_])_|_(?![^\W_])|\|(?=\|)|(?<=\|)\||=(?==)|(?<==)=|(?<=!)\["
)
_ENTITY = re.compile(r"&(?=#?\w{1,32};|$)")
_JOINER = "\u2060"


def needs_rich(markdown: str) -> bool:
    """Return whether the answer needs a rich message and can safely be sent as one."""
    if not walk_markdown(markdown).needs_rich:
        return False
    cleaned = rich(markdown)
    # The two parsers may disagree on what is code, so HTML and images are not allowed anywhere.
    return len(cleaned) <= _MAX_RICH_CHARS and not _RICH_DANGER.search(cleaned)


def rich(markdown: str) -> str:
    """Return the Markdown for Telegram's own parser, without HTML, images and invalid links.

    Bold, links, lists, tables and formulas stay; every other character that the parser would take
    for markup is escaped.
    """
    writer = _RichWriter(prepare(markdown))
    writer.walk()
    return writer.text


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a line: its place in the source in UTF-8 bytes, its text, and what replaces it.

    Without a replacement, it is text whose marks are not yet known.
    """

    start: int
    end: int
    text: str
    replacement: str | None = None


class _RichWriter:
    """Copies the source, and replaces text, code, images and invalid links."""

    def __init__(self, source: PreparedMarkdown) -> None:
        self._source = source
        self._data = source.text.encode()
        self._position = 0
        self._parts: list[str] = []
        self._line: list[_Piece] = []
        self._label: list[str] = []
        self._targets: list[str] = []
        self._in_table = self._in_code = False

    @property
    def text(self) -> str:
        """The Markdown written so far."""
        return "".join(self._parts)

    def walk(self) -> None:
        """Copy the whole source."""
        for event, extent in parse_events(self._source):
            kind, value = event_name(event)
            if kind not in INLINE:
                self._end_line()
            self._read(kind, value, extent["start"], extent["end"])
        self._end_line()
        self._copy_to(len(self._data))

    def _read(self, kind: str, value: Any, start: int, end: int) -> None:
        if kind in {"Start Link", "Start Image", "End Link", "End Image"}:
            self._read_link(kind, value, start, end)
        elif kind in {"Start CodeBlock", "End CodeBlock"}:
            self._in_code = kind.startswith("Start")
            if self._in_code:
                self._replace(start, end, self._raw(start, end))
        elif kind in {"Start Table", "End Table"}:
            self._in_table = kind.startswith("Start")
        elif kind in INLINE and not self._in_code:
            self._read_inline(kind, value, start, end)

    def _read_inline(self, kind: str, value: Any, start: int, end: int) -> None:
        if kind in {"Text", "Code"} and self._targets:
            self._label.append(self._source.shown(value).translate(LITERAL_MARKS))
        elif kind == "Code":
            text = self._source.raw(value)
            self._line.append(_Piece(start, end, text, self._raw(start, end)))
        elif kind in {"Text", "InlineHtml", "Html"}:
            self._line.append(_Piece(start, end, value))
        elif kind in {"SoftBreak", "HardBreak"}:
            self._line.append(_Piece(start, end, "\n", self._raw(start, end)))

    def _read_link(self, kind: str, value: Any, start: int, end: int) -> None:
        if kind.startswith("Start"):
            url = self._source.raw(value["dest_url"])
            if self._targets or kind == "Start Image" or not is_valid_link(url):
                self._targets.append(url)
        elif self._targets:
            self._label.append(label_link("".join(self._label).strip(), self._targets.pop()))
            if not self._targets:
                text = "".join(self._label)
                self._line.append(_Piece(start, end, text, _escape_all(text)))
                self._label.clear()

    def _end_line(self) -> None:
        """Write the line that is complete."""
        text = "".join(piece.text for piece in self._line)
        marks = written_marks(text, self._line_code()) if self._line else {}
        place = 0
        for piece in self._line:
            if piece.replacement is None:
                self._replace(piece.start, piece.end, self._text(piece, place, marks))
            else:
                self._replace(piece.start, piece.end, piece.replacement)
            place += len(piece.text)
        self._line.clear()

    def _line_code(self) -> list[tuple[int, int]]:
        """Return the ranges of the line in which there is no plain text."""
        ranges: list[tuple[int, int]] = []
        place = 0
        for piece in self._line:
            if piece.replacement is not None and piece.text != "\n":
                ranges.append((place, place + len(piece.text)))
            place += len(piece.text)
        return ranges

    def _text(self, piece: _Piece, place: int, marks: dict[int, tuple[int, str]]) -> str:
        """Write a piece of text with its marks; `place` is where it begins in its line."""
        parts: list[str] = []
        index = 0
        if self._data[piece.start - 1 : piece.start] == b"\\" and self._position < piece.start:
            # The backslash that escapes the first character is copied with what is between.
            parts.append(piece.text[:1])
            index = 1
        while index < len(piece.text):
            width, written = marks.get(place + index, (0, ""))
            if width:
                parts.append(written)
                index += width
                continue
            end = index + 1
            while end < len(piece.text) and place + end not in marks:
                end += 1
            parts.append(self._escaped(piece.text[index:end]))
            index = end
        return "".join(parts)

    def _escaped(self, text: str) -> str:
        parts = NUMBERED.split(text)
        for index, part in enumerate(parts):
            if index % 2:
                replacement = self._source.replacements[int(part)]
                line_break = " · " if self._in_table else "\\\n"
                shown = escape(replacement.shown).replace("\n", line_break)
                parts[index] = replacement.rich or shown
            else:
                parts[index] = escape(self._source.shown(part).translate(LITERAL_MARKS))
        return "".join(parts)

    def _replace(self, start: int, end: int, text: str) -> None:
        if start >= self._position:
            self._copy_to(start)
            self._parts.append(text)
            self._position = end

    def _copy_to(self, end: int) -> None:
        gap = self._source.raw(self._data[self._position : end].decode().replace(ANGLE, "&lt;"))
        self._parts.append(gap.replace("![", r"!\["))
        self._position = max(self._position, end)

    def _raw(self, start: int, end: int) -> str:
        return self._source.raw(self._data[start:end].decode())


def written_marks(text: str, code: list[tuple[int, int]]) -> dict[int, tuple[int, str]]:
    """Return for the position of each mark that is one, how long it is and how it is written.

    CommonMark does not see a mark between punctuation and a letter; a word joiner helps.
    """
    marks: dict[int, tuple[int, str]] = {}
    found = find_marks(StyledText(text))
    for start, end in found.hidden:
        marks[start] = (end - start, "")
    inside_code = {place for first, last in code for place in (first, last - 1)}

    def is_letter(place: int) -> bool:
        return text[place : place + 1].isalnum() and place not in inside_code

    for pair in found.pairs:
        mark = {"bold": "**", "italic": "*"}.get(pair.style, "~~")
        inner, outer = pair.open + pair.width, pair.close + pair.width
        opens = pair.open and text[pair.open - 1].isalnum() and not is_letter(inner)
        closes = text[outer : outer + 1].isalnum() and not is_letter(pair.close - 1)
        marks[pair.open] = (marks[pair.open][0], mark + (_JOINER if opens else ""))
        marks[pair.close] = (pair.width, (_JOINER if closes else "") + mark)
    return marks


def escape(text: str) -> str:
    """Escape what Telegram's parser would take for markup in plain text."""
    text = _ENTITY.sub("&amp;", text).replace("<", "&lt;")
    return _ESCAPED.sub(r"\\\g<0>", text)


def _escape_all(text: str) -> str:
    """Escape text that stood in brackets, where it could be cut at any character."""
    text = re.sub(r"([\\`*_\[\]!$|~=#])", r"\\\1", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
