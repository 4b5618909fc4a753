"""Tables for a narrow screen: aligned columns if they fit, else a list with one entry per row."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from .spans import StyledText, StyledTextBuilder

# The monospaced characters that fit one line on a phone.
MAX_TABLE_COLUMNS = 45

_GAP = "  "
# A row whose other cells are longer than this gets one line for each of them.
_MAX_LINE = 120


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
        """Write the table; as a list if the columns do not fit or a cell has a link."""
        linked = any(span.url for row in self.rows for cell in row for span in cell.spans)
        if self.wide or linked:
            self._write_list(out)
        else:
            out.write(self._columns(), "pre")

    def _widths(self) -> list[int]:
        widths = [1] * len(self.alignments)
        for row in self.rows:
            for index, cell in enumerate(row):
                widths[index] = max(widths[index], *map(width, _cell_lines(cell)))
        return widths

    def _columns(self) -> str:
        widths = self._widths()
        head, *rows = ("\n".join(self._row_lines(row, widths)) for row in self.rows)
        return "\n".join((head, _GAP.join("─" * width for width in widths), *rows))

    def _row_lines(self, row: list[StyledText], widths: list[int]) -> Iterator[str]:
        """Yield the lines of a row; there are several if a cell has line breaks."""
        for lines in zip_longest(*map(_cell_lines, row), fillvalue=""):
            cells = zip(lines, widths, self.alignments, strict=False)
            yield _GAP.join(_pad(line, room, align) for line, room, align in cells).rstrip()

    def _write_list(self, out: StyledTextBuilder) -> None:
        """Write one entry a row: the first cell, and the others with the names of their columns."""
        head, *rows = self.rows
        if not rows or len(head) == 1:
            rows = [head, *rows]
            head = []
        below = any(map(_needs_lines, rows))
        if head and head[0].text.strip():
            out.append(head[0])
            out.write(":\n")
        for number, row in enumerate(rows):
            if number:
                out.write("\n\n" if below else "\n")
            _write_entry(out, head, row, separator="\n" if below else " · ")


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


def _cell_lines(cell: StyledText) -> list[str]:
    return [re.sub(r"\s+", " ", line).strip() for line in cell.text.strip().split("\n")]


def _pad(text: str, room: int, alignment: str) -> str:
    free = room - width(text)
    left = {"Right": free, "Center": free // 2}.get(alignment, 0)
    return " " * left + text + " " * (free - left)


def _needs_lines(row: list[StyledText]) -> bool:
    """Return whether the cells behind the first are too long for one line, or have several."""
    texts = [cell.text.strip() for cell in row[1:]]
    return sum(map(len, texts)) > _MAX_LINE or any("\n" in text for text in texts)


def _write_entry(
    out: StyledTextBuilder, head: list[StyledText], row: list[StyledText], *, separator: str
) -> None:
    out.open("bold")
    out.append(row[0] if row[0].text.strip() else StyledText("–"))
    out.close()
    for index, cell in enumerate(row[1:], start=1):
        if not cell.text.strip():
            continue
        out.write(separator)
        if index < len(head) and head[index].text.strip():
            out.append(head[index])
            out.write(": ")
        out.append(cell)
