"""Reads XLSX files as tables of text: a line for each row, bars between the cells."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from ..core.file_errors import DamagedFile
from .xml_archive import XmlArchive, XmlReader

MAX_CELLS = 100_000
MAX_COLUMNS = 200
MAX_SHEETS = 100
# Numbers of the built-in formats for dates and times.
DATE_FORMATS = {*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)}
# A format of one's own is one of a date if it has these letters outside quotes and brackets.
LITERAL = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
DATE_LETTERS = re.compile(r"[ymdhs]", re.IGNORECASE)
# Hours that go on after 24; minutes and seconds may be counted so too.
DURATION = re.compile(r"\[[hms]+\]", re.IGNORECASE)
DURATION_FORMATS = {46}
# Excel takes 1900 for a leap year, so that days are right from March 1900 on.
EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  a sheet has no time zone
# Old versions for the Mac count from another day.
EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001  likewise
MAX_DAYS = 2_958_465
SECONDS_PER_DAY = 86_400


def xlsx_to_sheets(archive: XmlArchive) -> tuple[list[str], int, bool]:
    """Return each sheet's text under its name, how many there are, and if some was left out."""
    workbook, links = _Workbook(), _Links()
    archive.read("xl/workbook.xml", workbook)
    archive.read("xl/_rels/workbook.xml.rels", links)
    strings, styles = _Strings(), _Styles()
    archive.read_if_there("xl/sharedStrings.xml", strings)
    archive.read_if_there("xl/styles.xml", styles)
    texts, cells = [], 0
    is_cut = len(workbook.sheets) > MAX_SHEETS
    for name, link_id in workbook.sheets[:MAX_SHEETS]:
        target = links.targets.get(link_id, "").removeprefix("/")
        sheet = _Sheet(strings.values, styles, workbook.epoch, MAX_CELLS - cells)
        archive.read(target if target.startswith("xl/") else f"xl/{target}", sheet)
        texts.append("\n".join([name, *sheet.lines]))
        cells += sheet.cells
        is_cut = is_cut or sheet.is_cut
    if not texts:
        raise DamagedFile
    return texts, len(workbook.sheets), is_cut


class _Workbook(XmlReader):
    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.epoch = EPOCH

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "workbookPr" and attributes.get("date1904") in {"1", "true"}:
            self.epoch = EPOCH_1904
        elif name == "sheet":
            self.sheets.append((attributes.get("name", ""), attributes.get("id", "")))


class _Links(XmlReader):
    def __init__(self) -> None:
        self.targets: dict[str, str] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "Relationship":
            self.targets[attributes.get("Id", "")] = attributes.get("Target", "")


class _Strings(XmlReader):
    """The texts that cells refer to by number."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self._is_text = self._is_phonetic = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002
        if name == "si":
            self.values.append("")
        self._is_text = name == "t"
        self._is_phonetic = self._is_phonetic or name == "rPh"

    def text(self, text: str) -> None:
        if self._is_text and self.values and not self._is_phonetic:
            self.values[-1] += text

    def end(self, name: str) -> None:
        self._is_text = False
        self._is_phonetic = self._is_phonetic and name != "rPh"


class _Styles(XmlReader):
    """Which styles of cells show a number as a date, and which as hours that were counted."""

    def __init__(self) -> None:
        self.date_styles: set[int] = set()
        self.duration_styles: set[int] = set()
        self._date_formats = set(DATE_FORMATS)
        self._duration_formats = set(DURATION_FORMATS)
        self._style = -1
        self._is_cell_styles = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "numFmt":
            whole = attributes.get("formatCode", "")
            code, format_id = LITERAL.sub("", whole), _number(attributes.get("numFmtId", ""))
            if DURATION.search(whole):
                self._duration_formats.add(format_id)
            elif DATE_LETTERS.search(code.replace("General", "")):
                self._date_formats.add(format_id)
        elif name == "cellXfs":
            self._is_cell_styles = True
        elif name == "xf" and self._is_cell_styles:
            self._style += 1
            format_id = _number(attributes.get("numFmtId", ""))
            if format_id in self._duration_formats:
                self.duration_styles.add(self._style)
            elif format_id in self._date_formats:
                self.date_styles.add(self._style)

    def end(self, name: str) -> None:
        self._is_cell_styles = self._is_cell_styles and name != "cellXfs"


class _Sheet(XmlReader):
    """The rows of one sheet, up to a number of cells."""

    def __init__(
        self, strings: list[str], styles: _Styles, epoch: datetime, max_cells: int
    ) -> None:
        self.lines: list[str] = []
        self.cells = 0
        self.is_cut = False
        self._strings, self._styles, self._epoch = strings, styles, epoch
        self._max_cells = max_cells
        self._row: dict[int, str] = {}
        self._column, self._kind, self._style, self._value = 0, "", 0, ""
        self._formula = ""
        # In which of the elements of a cell the text is.
        self._inside = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "row":
            self._row, self._column = {}, 0
        elif name == "c":
            self._column = _column(attributes.get("r", "")) or self._column + 1
            self._kind, self._value, self._formula = attributes.get("t", "n"), "", ""
            self._style = _number(attributes.get("s", ""))
        self._inside = name

    def text(self, text: str) -> None:
        if self._inside in {"v", "t"}:
            self._value += text
        elif self._inside == "f":
            self._formula += text

    def end(self, name: str) -> None:
        self._inside = ""
        if name == "c" and (self._value or self._formula):
            if self._column <= MAX_COLUMNS:
                self._row[self._column] = self._shown_value().replace("\n", " ")
            else:
                self.is_cut = True
        elif name == "row" and self._row:
            self._end_row()

    def _end_row(self) -> None:
        if self.cells >= self._max_cells:
            self.is_cut = True
            return
        self.cells += len(self._row)
        columns = range(1, max(self._row) + 1)
        self.lines.append(" | ".join(self._row.get(column, "") for column in columns))

    def _shown_value(self) -> str:
        if not self._value:
            # Its program has not computed it.
            return f"={self._formula}"
        if self._kind == "s":
            index = _number(self._value)
            return self._strings[index] if 0 <= index < len(self._strings) else ""
        if self._kind == "b":
            return "TRUE" if self._value == "1" else "FALSE"
        if self._kind == "n" and self._style in self._styles.date_styles:
            return _date(self._value, self._epoch)
        if self._kind == "n" and self._style in self._styles.duration_styles:
            return _duration(self._value)
        return self._value


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1


def _column(reference: str) -> int:
    """Return the number of the column of a cell such as "AB12", counted from 1."""
    number = 0
    for letter in "".join(re.findall(r"^[A-Z]{1,3}", reference)):
        number = number * 26 + ord(letter) - 64
    return number


def _days(value: str) -> float | None:
    try:
        days = float(value)
    except ValueError:
        return None
    return days if 0 <= days <= MAX_DAYS else None


def _duration(value: str) -> str:
    """Write a number of days as hours and minutes."""
    days = _days(value)
    if days is None:
        return value
    minutes = round(days * SECONDS_PER_DAY / 60)
    return f"{minutes // 60}:{minutes % 60:02}"


def _date(value: str, epoch: datetime) -> str:
    """Write a number of days as a date, with the time if there is one."""
    days = _days(value)
    if days is None:
        return value
    moment = epoch + timedelta(seconds=round(days * SECONDS_PER_DAY))
    if days < 1:
        return f"{moment:%H:%M}"
    return f"{moment:%Y-%m-%d}" if days == int(days) else f"{moment:%Y-%m-%d %H:%M}"
