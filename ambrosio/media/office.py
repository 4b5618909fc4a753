"""Takes the text out of Word and OpenDocument files; tables become lines with bars."""

from collections.abc import Mapping

from ..core.file_errors import FileTooDemanding
from .markup import tidy
from .xml_archive import XmlArchive, XmlReader

# Far more than is kept; enough to be sure that it is no document.
MAX_CHARACTERS = 20_000_000
MAX_SPACES = 100
# Elements of Word that stand for a character.
CHARACTERS = {"br": "\n", "cr": "\n", "tab": "\t", "noBreakHyphen": "-"}


def docx_to_text(archive: XmlArchive) -> str:
    """Return the text of a Word document."""
    reader = _WordReader()
    archive.read("word/document.xml", reader)
    reader.add("\n")
    for name in ("word/footnotes.xml", "word/endnotes.xml"):
        archive.read_if_there(name, reader)
    return tidy("".join(reader.parts))


def opendocument_to_text(archive: XmlArchive) -> str:
    """Return the text of an OpenDocument file, a text or a table."""
    reader = _OpenDocumentReader()
    archive.read("content.xml", reader)
    return tidy("".join(reader.parts))


class _Collector(XmlReader):
    """Collects text, and knows where in a table it is."""

    # Elements without text of the document.
    skipped: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._characters = 0
        self._skipping = 0
        self._cells: list[int] = []

    def add(self, text: str) -> None:
        """Add text, unless it is in a part that is skipped."""
        if self._skipping:
            return
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS:
            raise FileTooDemanding
        self.parts.append(text)

    def begin_row(self) -> None:
        """Begin a line of a table."""
        self._cells.append(0)

    def begin_cell(self) -> None:
        """Begin a cell, behind a bar unless it is the first one."""
        if self._cells:
            # The end of the paragraph in the cell before has left a space.
            self.add("| " if self._cells[-1] else "")
            self._cells[-1] += 1

    def end_row(self) -> None:
        """End a line of a table."""
        if self._cells:
            self._cells.pop()
        self.end_paragraph()

    def end_paragraph(self) -> None:
        """End a paragraph, which in a cell is no reason for a new line."""
        self.add(" " if self._cells else "\n")

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        self._skipping += name in self.skipped
        self.begin(name, attributes)

    def end(self, name: str) -> None:
        """Take the end of an element."""
        self.finish(name)
        self._skipping -= name in self.skipped

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """Do what the beginning of an element means."""

    def finish(self, name: str) -> None:
        """Do what the end of an element means."""


class _WordReader(_Collector):
    # A fallback says the same once more, for programs that do not know text boxes. What was moved
    # away is at its new place too.
    skipped = frozenset({"Fallback", "moveFrom"})

    def __init__(self) -> None:
        super().__init__()
        self._is_text = False

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        match name:
            case "t":
                self._is_text = True
            case "tr":
                self.begin_row()
            case "tc":
                self.begin_cell()
            case "br" | "cr" | "tab" | "noBreakHyphen":
                self.add(CHARACTERS[name])
            case "footnoteReference" | "endnoteReference":
                self.add(f"[{name.removesuffix('Reference')} {attributes.get('id', '')}]")
            # The others are lines between the text and the notes.
            case "footnote" | "endnote" if "type" not in attributes:
                self.add(f"[{name} {attributes.get('id', '')}] ")
            case _:
                pass

    def text(self, text: str) -> None:
        if self._is_text:
            self.add(text)

    def finish(self, name: str) -> None:
        match name:
            case "t":
                self._is_text = False
            case "tr":
                self.end_row()
            case "p":
                self.end_paragraph()
            case _:
                pass


class _OpenDocumentReader(_Collector):
    skipped = frozenset({"annotation", "tracked-changes", "automatic-styles", "scripts"})

    def __init__(self) -> None:
        super().__init__()
        self._paragraphs = 0

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        match name:
            case "p" | "h":
                self._paragraphs += 1
            case "table-row":
                self.begin_row()
            case "table-cell":
                self.begin_cell()
            case "s":
                count = attributes.get("c", "1")
                self.add(" " * min(MAX_SPACES, int(count) if count.isdecimal() else 1))
            case "line-break":
                self.add("\n")
            case "tab":
                self.add("\t")
            case _:
                pass

    def text(self, text: str) -> None:
        if self._paragraphs:
            self.add(text)

    def finish(self, name: str) -> None:
        match name:
            case "p" | "h":
                self._paragraphs -= 1
                self.end_paragraph()
            case "table-row":
                self.end_row()
            case _:
                pass
