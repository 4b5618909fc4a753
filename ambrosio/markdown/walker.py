"""Converts the parser's events into text with spans.

The parser is pyromark, which telegramify-markdown uses too. We use its events directly, because
telegramify-markdown drops what must stay visible: HTML, the URLs of invalid links, wide tables.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyromark
from pyromark import Options
from pyromark.event import BrokenLink

from .preprocess import COLON, PreparedMarkdown, prepare
from .spans import StyledText, StyledTextBuilder
from .tables import MarkdownTable

_OPTIONS = (
    Options.ENABLE_TABLES
    | Options.ENABLE_STRIKETHROUGH
    | Options.ENABLE_TASKLISTS
    | Options.ENABLE_FOOTNOTES
)

# Telegram rejects a whole message for one invalid link. URLs with a user name, or
# with a port of five digits, are not linked: they are more often deceptive than useful.
_GOOD_LINK = re.compile(r"https?://[\w-]+(\.[\w-]+)+(:[1-9]\d{0,3})?([/?#]\S*)?", re.IGNORECASE)

_STYLES = {"Strong": "bold", "Emphasis": "italic", "Strikethrough": "strikethrough"}
_RULE = "———"
_LANGUAGE = re.compile(r"[{.\s]*([\w+#.-]{1,32})[},;\s]*(?!\S*[=:])")


Extent = dict[str, int]
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


def parse_events(source: PreparedMarkdown) -> list[tuple[Any, Any]]:
    """Return the parser's events with their ranges, in UTF-8 bytes of the source."""
    text = source.text
    definitions: dict[str, Any] = {}
    if COLON in text:
        plain = text.replace(COLON, ":")
        labels = pyromark.reference_definitions(plain, options=_OPTIONS)
        definitions = {label.casefold(): definition for label, definition in labels.items()}

    def resolve(link: BrokenLink) -> tuple[str, str] | None:
        definition = definitions.get(link["reference"].casefold())
        return definition and (definition["dest"], "")

    return list(pyromark.events_with_range(text, options=_OPTIONS, broken_link_callback=resolve))


class Walker:
    """Converts one answer; `styled_text`, `codes` and `needs_rich` are the result."""

    def __init__(self, source: PreparedMarkdown) -> None:
        self._source = source
        self._bytes = source.text.encode()
        self._out = self._page = StyledTextBuilder()
        self._gap = 0
        self._first = True
        self._marker = ""
        self._lists: list[_List] = []
        self._quotes = 0
        self._code: list[str] | None = None
        self._info = ""
        self._targets: list[tuple[str, str, int]] = []
        self._table = MarkdownTable(())
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
            handler = handlers.get(kind)
            if handler:
                handler(value, extent)

    def _handlers(self) -> dict[str, _Handler]:
        handlers: dict[str, _Handler] = {
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
            "End Heading": self._close,
            "Start BlockQuote": self._quote,
            "End BlockQuote": self._end_quote,
            "Start CodeBlock": self._begin_code,
            "End CodeBlock": self._end_code,
            "Start List": self._list,
            "End List": self._end_list,
            "Start Item": self._item,
            "End Item": self._end_item,
            "Start Link": self._target,
            "End Link": self._end_link,
            "Start Image": self._target,
            "End Image": self._end_image,
            "Start Table": self._begin_table,
            "Start TableHead": self._row,
            "Start TableRow": self._row,
            "Start TableCell": self._cell,
            "End TableCell": self._end_cell,
            "End TableHead": self._end_row,
            "End TableRow": self._end_row,
            "End Table": self._end_table,
        }
        for tag, style in _STYLES.items():
            handlers[f"Start {tag}"] = partial(self._style, style)
            handlers[f"End {tag}"] = self._close
        return handlers

    # Space between blocks is written only before more text, so that there is none at the end.

    def _block(self, extent: Extent, *, own_line: bool = False) -> None:
        """Start a block, after a blank line if the model left one."""
        if own_line and self._marker:
            self._flush()
            self._gap = 1
        elif not self._first:
            self._gap = 2 if self._after_blank(extent["start"]) else 1
        self._first = False

    def _after_blank(self, start: int) -> bool:
        """Return whether the line before the one with this byte is empty."""
        line = self._bytes.rfind(b"\n", 0, start)
        before = self._bytes.rfind(b"\n", 0, max(line, 0))
        return line >= 0 and not self._bytes[before + 1 : line].strip(b" \t>")

    def _flush(self, *, indent: bool = True) -> None:
        """Write the pending space and list marker."""
        if self._out is not self._page:
            return
        if self._gap and self._page.length:
            self._page.write("\n" * (self._gap - self._page.newlines()))
            indented = indent and not self._marker
            self._page.write(self._indent(len(self._lists)) if indented else "")
        self._page.write(self._marker)
        self._gap, self._marker = 0, ""

    def _write(self, text: str, kind: str = "") -> None:
        if text:
            self._flush()
            self._out.write(text, kind)
            self._first = False

    def _text(self, value: str, _: object) -> None:
        if self._code is not None:
            self._code.append(value)
            return
        self.needs_rich = self.needs_rich or self._source.has_display_math(value)
        self._write(self._source.shown(value))

    def _inline_code(self, value: str, _: object) -> None:
        self._write(self._source.raw(value).replace("\t", " "), "code")

    def _break(self, *_: object) -> None:
        in_cell = self._out is not self._page
        self._write(" " if in_cell else "\n" + self._indent(len(self._lists)))

    def _rule(self, _: object, extent: Extent) -> None:
        self._block(extent)
        self._write(_RULE)

    def _footnote_reference(self, label: str, _: object) -> None:
        self._write(f"[{self._source.shown(label)}]")

    def _footnote(self, label: str, extent: Extent) -> None:
        self._block(extent)
        self._write(f"[{self._source.shown(label)}] ")
        self._first = True

    def _paragraph(self, _: object, extent: Extent) -> None:
        self._block(extent)

    def _heading(self, _: object, extent: Extent) -> None:
        self._block(extent)
        self._style("bold")

    def _style(self, style: str, *_: object) -> None:
        self._flush()
        self._out.open(style)

    def _close(self, *_: object) -> None:
        self._out.close()

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
        self._first = False

    def _begin_code(self, value: Any, _: object) -> None:
        self._code = []
        self._info = self._source.raw(value["Fenced"]) if isinstance(value, dict) else ""

    def _end_code(self, _: object, extent: Extent) -> None:
        text = self._source.raw("".join(self._code or ())).strip("\n")
        self._code = None
        language = _LANGUAGE.match(self._info)
        rest = self._info[language.end() if language and text.strip() else 0 :].strip()
        if not text.strip() and not rest:
            return
        self._block(extent, own_line=True)
        self._flush(indent=False)
        if text.strip():
            code = Code(language[1] if language else "", text)
            self._page.write(rest and rest.replace("\t", " ") + "\n")
            self._page.write(text.expandtabs(4), "pre", language=code.language)
            self.codes.append(code)
        else:
            self._write(rest)
        self._first = False

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

    def _target(self, value: dict[str, str], _: object) -> None:
        """Start a link or an image; a reference such as `[1]` keeps its brackets."""
        self._flush()
        short = str(value["link_type"]).startswith(("Shortcut", "Collapsed"))
        self._write("[" if short else "")
        url = self._source.raw(value["dest_url"])
        self._targets.append((url, "]" if short else "", self._out.length))

    def _end_link(self, *_: object) -> None:
        url, end, start = self._targets.pop()
        if is_valid_link(url):
            self._out.write("" if self._label(start, url) else url)
            self._out.mark("text_link", start, url=url)
            self._write(end)
        else:
            self._write(end + label_link(self._label(start, url), url))

    def _end_image(self, *_: object) -> None:
        url, end, start = self._targets.pop()
        self._write(end + label_link(self._label(start, url), url))

    def _label(self, start: int, url: str) -> str:
        """Return the label from `start` on, only as much of its end as the URL is long."""
        return self._out.since(max(start, self._out.length - len(url) - 1)).strip()

    def _begin_table(self, alignments: tuple[str, ...], extent: Extent) -> None:
        self._block(extent, own_line=True)
        self._table = MarkdownTable(alignments)

    def _row(self, *_: object) -> None:
        self._table.rows.append([])

    def _cell(self, *_: object) -> None:
        self._out = StyledTextBuilder()

    def _end_cell(self, _: object, extent: Extent) -> None:
        self._table.rows[-1].append(self._out.build())
        self._out = self._page
        self._cell_end = extent["end"]

    def _end_row(self, _: object, extent: Extent) -> None:
        """Append surplus cells, which the parser leaves out, to the last cell."""
        left = self._bytes[self._cell_end : extent["end"]].decode().strip(" \t|\n")
        if left and self._table.rows[-1]:
            last = self._table.rows[-1].pop()
            self._out = StyledTextBuilder()
            self._out.append(last)
            self._out.write(f" | {self._source.shown(left)}")
            self._end_cell(None, extent)

    def _end_table(self, *_: object) -> None:
        self.needs_rich = self.needs_rich or self._table.wide
        self._flush(indent=False)
        self._table.write(self._page)
        self._first = False


def event_name(event: Any) -> tuple[str, Any]:
    """Return the name of an event, such as `Start Heading`, and its data."""
    if isinstance(event, str):
        return event, None
    ((kind, value),) = event.items()
    if kind not in {"Start", "End"}:
        return kind, value
    if isinstance(value, str):
        return f"{kind} {value}", None
    ((tag, data),) = value.items()
    return f"{kind} {tag}", data


def walk_markdown(markdown: str) -> Walker:
    """Prepare, parse and convert Markdown."""
    walker = Walker(prepare(markdown))
    walker.walk()
    return walker
