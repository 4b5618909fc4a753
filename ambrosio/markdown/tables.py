"""Tables for a narrow screen: aligned columns if they fit, else one record per row."""

import re
import unicodedata
from dataclasses import dataclass, field

from .spans import StyledText, StyledTextBuilder

# The monospaced characters that fit one line on a phone.
MAX_TABLE_COLUMNS = 36

_GAP = "  "


@dataclass(slots=True)
class MarkdownTable:
    """The cells of a table while it is parsed; the first row is the header."""

    alignments: tuple[str, ...]
    rows: list[list[StyledText]] = field(default_factory=list)

    @property
    def wide(self) -> bool:
        """Whether the columns together are wider than a phone's screen."""
        return sum(self._widths()) + len(_GAP) * (len(self.alignments) - 1) > MAX_TABLE_COLUMNS

    def write(self, out: StyledTextBuilder) -> None:
        """Write the table; as records if the columns do not fit or a cell has a link."""
        linked = any(span.url for row in self.rows for cell in row for span in cell.spans)
        if self.wide or linked:
            self._write_records(out)
        else:
            out.write(self._columns(), "pre")

    def _widths(self) -> list[int]:
        widths = [1] * len(self.alignments)
        for row in self.rows:
            for index, cell in enumerate(row):
                widths[index] = max(widths[index], width(_line(cell.text)))
        return widths

    def _columns(self) -> str:
        widths = self._widths()
        lines = [self._columns_line(row, widths) for row in self.rows]
        lines.insert(1, _GAP.join("─" * width for width in widths))
        return "\n".join(lines)

    def _columns_line(self, row: list[StyledText], widths: list[int]) -> str:
        cells = zip(row, widths, self.alignments, strict=False)
        padded = (_pad(_line(cell.text), room, align) for cell, room, align in cells)
        return _GAP.join(padded).rstrip()

    def _write_records(self, out: StyledTextBuilder) -> None:
        head, *rows = self.rows
        if not rows or len(head) == 1:
            rows = [head, *rows]
            head = []
        for number, row in enumerate(rows):
            if number:
                out.write("\n" if not head else "\n\n")
            _write_record(out, head, row)


def width(text: str) -> int:
    """Return the width of a text in monospaced columns; wide characters (CJK, emoji) take two."""
    total = previous = 0
    joined = False
    for character in text:
        if character == "\ufe0f":
            total += previous == 1
            previous = 2
            continue
        previous = 0 if joined else _character_width(character)
        joined = character == "\u200d"
        total += previous
    return total


def _character_width(character: str) -> int:
    if "\U0001f3fb" <= character <= "\U0001f3ff":
        return 0
    if unicodedata.category(character) in {"Mn", "Me", "Cf", "Cc"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _pad(text: str, room: int, alignment: str) -> str:
    free = room - width(text)
    left = {"Right": free, "Center": free // 2}.get(alignment, 0)
    return " " * left + text + " " * (free - left)


def _write_record(out: StyledTextBuilder, head: list[StyledText], row: list[StyledText]) -> None:
    lines = 0
    for index, cell in enumerate(row):
        name = head[index] if index < len(head) else StyledText("")
        if not (name.text.strip() or cell.text.strip()):
            continue
        out.write("\n" if lines else "")
        lines += 1
        if index == 0:
            out.open("bold")
        if name.text.strip():
            out.append(name)
            out.write(": ")
        out.append(cell if cell.text.strip() else StyledText("–"))
        if index == 0:
            out.close()
