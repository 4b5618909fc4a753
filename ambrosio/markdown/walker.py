"""Converts the parser's events into text with spans."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .emphasis import apply_marks
from .events import INLINE, Extent, event_name, parse_events
from .fence_info import parse_info
from .preprocess import PreparedMarkdown, prepare
from .spans import StyledText, StyledTextBuilder
from .tables import MarkdownTable

# Telegram rejects a whole message for one invalid link. URLs with a user name, or
# with a port of five digits, are not linked: they are more often deceptive than useful.
_GOOD_LINK = re.compile(r"https?://[\w-]+(\.[\w-]+)+(:[1-9]\d{0,3})?([/?#]\S*)?", re.IGNORECASE)

_RULE = "———"

_Handler = Callable[[Any, Any], None]


@dataclass(frozen=True, slots=True)
class Code:
    """A code block: the language named after the fence ("" if none), and the code."""

    language: str
    text: str


@dataclass(slots=True)
class _List:
    number: int | None
    started: bool = False


def is_valid_link(url: str) -> bool:
    """Return whether Telegram accepts the URL as a link."""
    return _GOOD_LINK.fullmatch(url) is not None


def label_link(label: str, url: str) -> str:
    """Return the text after a label that shows a URL which is not linked."""
    if not url or url == label:
        return ""
    return f" ({url})" if label else url


@dataclass(slots=True)
class _Link:
    """A link or an image whose label is being read; `outer` is the text around it."""

    url: str
    bracketed: bool
    outer: StyledTextBuilder


class Walker:
    """Converts one answer; `styled_text`, `codes` and `needs_rich` are the result."""

    def __init__(self, source: PreparedMarkdown, *, unfinished: bool = False) -> None:
        self._source = source
        self._bytes = source.text.encode()
        # Where the last line of an unfinished answer ends.
        self._end = len(self._bytes.rstrip(b" \t\n|")) if unfinished else len(self._bytes) + 1
        self._inline_end = 0
        self._page = StyledTextBuilder()
        self._line = StyledTextBuilder()
        self._gap = 0
        self._first = True
        self._after_block = False
        self._marker = ""
        self._lists: list[_List] = []
        self._quotes = 0
        self._code: list[str] | None = None
        self._info = ""
        self._links: list[_Link] = []
        self._table: MarkdownTable | None = None
        self._cell_end = 0
        self.codes: list[Code] = []
        self.needs_rich = False

    @property
    def styled_text(self) -> StyledText:
        """The text written so far."""
        return self._page.build()

    def walk(self) -> None:
        """Convert the whole source."""
        handlers = self._handlers()
        for event, extent in parse_events(self._source):
            kind, value = event_name(event)
            if kind in INLINE:
                self._inline_end = extent["end"]
            elif self._table is None:
                self._end_line()
            handler = handlers.get(kind)
            if handler:
                handler(value, extent)
        self._end_line()

    def _handlers(self) -> dict[str, _Handler]:
        return {
            "Text": self._text,
            "Html": self._text,
            "InlineHtml": self._text,
            "Code": self._inline_code,
            "SoftBreak": self._break,
            "HardBreak": self._break,
            "Rule": self._rule,
            "TaskListMarker": self._task,
            "FootnoteReference": self._footnote_reference,
            "Start FootnoteDefinition": self._footnote,
            "Start Paragraph": self._paragraph,
            "Start HtmlBlock": self._paragraph,
            "Start Heading": self._heading,
            "End Heading": self._end_heading,
            "Start BlockQuote": self._quote,
            "End BlockQuote": self._end_quote,
            "Start CodeBlock": self._begin_code,
            "End CodeBlock": self._end_code,
            "Start List": self._list,
            "End List": self._end_list,
            "Start Item": self._item,
            "End Item": self._end_item,
            "Start Link": self._link,
            "End Link": self._end_link,
            "Start Image": self._link,
            "End Image": self._end_image,
            "Start Table": self._begin_table,
            "Start TableHead": self._row,
            "Start TableRow": self._row,
            "End TableCell": self._end_cell,
            "End TableHead": self._end_row,
            "End TableRow": self._end_row,
            "End Table": self._end_table,
        }

    # A line is the text of one paragraph, heading, list item, cell or label. What its marks mean
    # is decided when it is complete.

    def _take_line(self) -> StyledText:
        """Return the line that is complete, with its marks applied."""
        unfinished = self._inline_end >= self._end
        return apply_marks(self._line.take(), unfinished=unfinished)

    def _end_line(self) -> None:
        """Write the line that is complete."""
        if not self._line.length:
            return
        line = self._take_line()
        text = line.text.rstrip("\n ")
        if text:
            if self._after_block and not self._marker:
                self._gap = self._gap or 1
            self._flush()
            self._page.append(line)
            self._first = False

    # Space between blocks is written only before more text, so that there is none at the end.

    def _block(self, extent: Extent, *, own_line: bool = False) -> None:
        """Start a block, after a blank line if the model left one."""
        if own_line and self._marker:
            self._flush()
            self._gap = 1
        elif not self._first:
            self._gap = 2 if self._after_blank(extent["start"]) else 1
        self._first = False

    def _end_block(self) -> None:
        """End a block; text of a list item that follows has no start of its own."""
        self._first, self._after_block = False, True

    def _after_blank(self, start: int) -> bool:
        """Return whether the line before the one with this byte is empty."""
        line = self._bytes.rfind(b"\n", 0, start)
        before = self._bytes.rfind(b"\n", 0, max(line, 0))
        return line >= 0 and not self._bytes[before + 1 : line].strip(b" \t>")

    def _flush(self, *, indent: bool = True) -> None:
        """Write the pending space and list marker."""
        if self._gap and self._page.length:
            self._page.write("\n" * (self._gap - self._page.newlines()))
            indented = indent and not self._marker
            self._page.write(self._indent(len(self._lists)) if indented else "")
        self._page.write(self._marker)
        self._gap, self._marker, self._after_block = 0, "", False

    def _text(self, value: str, _: object) -> None:
        if self._code is not None:
            self._code.append(value)
            return
        self.needs_rich = self.needs_rich or self._source.has_display_math(value)
        shown = self._source.shown(value)
        if "\n" in shown and self._table is None:
            shown = shown.replace("\n", "\n" + self._indent(len(self._lists)))
        self._line.write(shown)

    def _inline_code(self, value: str, _: object) -> None:
        self._line.write(self._source.raw(value).replace("\t", " "), "code")

    def _break(self, *_: object) -> None:
        if not self._line.newlines():
            self._line.write("\n" + self._indent(len(self._lists)))

    def _rule(self, _: object, extent: Extent) -> None:
        self._block(extent)
        self._line.write(_RULE)

    def _footnote_reference(self, label: str, _: object) -> None:
        self._line.write(f"[{self._source.raw(label)}]")

    def _footnote(self, label: str, extent: Extent) -> None:
        self._block(extent)
        self._flush()
        self._page.write(f"[{self._source.raw(label)}] ")
        self._first = True

    def _paragraph(self, _: object, extent: Extent) -> None:
        self._block(extent)

    def _heading(self, _: object, extent: Extent) -> None:
        self._block(extent)
        self._flush()
        self._page.open("bold")

    def _end_heading(self, *_: object) -> None:
        self._page.close()
        self._end_block()

    def _quote(self, _: object, extent: Extent) -> None:
        self._block(extent, own_line=True)
        self._flush(indent=False)
        if not self._quotes:
            self._page.open("blockquote")
        self._quotes += 1
        self._first = True

    def _end_quote(self, *_: object) -> None:
        self._quotes -= 1
        if not self._quotes:
            self._page.close()
        self._end_block()

    def _begin_code(self, value: Any, _: object) -> None:
        self._code = []
        self._info = self._source.raw(value["Fenced"]) if isinstance(value, dict) else ""

    def _end_code(self, _: object, extent: Extent) -> None:
        text = self._source.raw("".join(self._code or ())).strip("\n")
        self._code = None
        info = parse_info(self._info)
        if not text.strip():
            self._write_info(self._info.strip(), extent)
            return
        self._block(extent, own_line=True)
        self._flush(indent=False)
        if info.caption:
            self._page.write(info.caption.replace("\t", " ") + "\n")
        self._page.write(text.expandtabs(4), "pre", language=info.language)
        self.codes.append(Code(info.language, text))
        self._end_block()

    def _write_info(self, info: str, extent: Extent) -> None:
        """Write what stands behind the fence of an empty block."""
        if info:
            self._block(extent, own_line=True)
            self._flush(indent=False)
            self._line.write(info)

    def _list(self, number: int | None, extent: Extent) -> None:
        self._block(extent, own_line=True)
        self._lists.append(_List(number))

    def _end_list(self, *_: object) -> None:
        self._lists.pop()
        self._first = False

    def _item(self, _: object, extent: Extent) -> None:
        current = self._lists[-1]
        if current.started:
            self._gap = 2 if self._after_blank(extent["start"]) else 1
        marker = "• "
        if current.number is not None:
            written = re.match(rb"[0-9]+", self._bytes[extent["start"] : extent["start"] + 9])
            number = max(int(written[0]) if written else 0, current.number)
            marker = f"{number}. "
            current.number = number + 1
        self._marker = self._indent(len(self._lists) - 1) + marker
        current.started = self._first = True

    def _end_item(self, *_: object) -> None:
        self._flush()
        self._first = False

    def _task(self, done: bool, _: object) -> None:
        self._marker = self._marker.removesuffix("• ") + ("☑ " if done else "☐ ")

    @staticmethod
    def _indent(depth: int) -> str:
        return "  " * min(depth, 8)

    def _link(self, value: dict[str, str], _: object) -> None:
        """Start a link or an image; a reference such as `[1]` keeps its brackets."""
        bracketed = str(value["link_type"]).startswith(("Shortcut", "Collapsed"))
        url = self._source.raw(value["dest_url"])
        self._links.append(_Link(url, bracketed, self._line))
        self._line = StyledTextBuilder()

    def _end_link(self, *_: object) -> None:
        link, label = self._end_label()
        if not is_valid_link(link.url):
            self._write_label(link, label)
            return
        self._line.write("[" if link.bracketed else "")
        start = self._line.length
        self._line.append(label if label.text.strip() else StyledText(link.url))
        self._line.mark("text_link", start, url=link.url)
        self._line.write("]" if link.bracketed else "")

    def _end_image(self, *_: object) -> None:
        self._write_label(*self._end_label())

    def _end_label(self) -> tuple[_Link, StyledText]:
        """Return the link that ends and its label, and go on with the text around it."""
        label = self._take_line()
        link = self._links.pop()
        self._line = link.outer
        return link, label

    def _write_label(self, link: _Link, label: StyledText) -> None:
        self._line.write("[" if link.bracketed else "")
        self._line.append(label)
        self._line.write("]" if link.bracketed else "")
        self._line.write(label_link(label.text.strip(), link.url))

    def _begin_table(self, alignments: tuple[str, ...], extent: Extent) -> None:
        self._block(extent, own_line=True)
        self._table = MarkdownTable(alignments)

    def _row(self, *_: object) -> None:
        if self._table:
            self._table.rows.append([])

    def _end_cell(self, _: object, extent: Extent) -> None:
        if self._table:
            self._table.rows[-1].append(self._take_line())
        self._cell_end = extent["end"]

    def _end_row(self, _: object, extent: Extent) -> None:
        """Append surplus cells, which the parser leaves out, to the last cell."""
        left = self._bytes[self._cell_end : extent["end"]].decode().strip(" \t|\n")
        if left and self._table and self._table.rows[-1]:
            self._line.append(self._table.rows[-1].pop())
            self._line.write(f" | {self._source.shown(left)}")
            self._end_cell(None, extent)

    def _end_table(self, *_: object) -> None:
        if self._table:
            self.needs_rich = self.needs_rich or self._table.wide
            self._flush(indent=False)
            self._table.write(self._page)
        self._table = None
        self._end_block()


def walk_markdown(markdown: str, *, unfinished: bool = False) -> Walker:
    """Prepare, parse and convert Markdown; `unfinished` completes what is half-typed."""
    walker = Walker(prepare(markdown, unfinished=unfinished), unfinished=unfinished)
    walker.walk()
    return walker
