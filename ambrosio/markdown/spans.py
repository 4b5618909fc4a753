"""Formatted text of any length: a text and spans with their entity types.

Spans count code points, so that Python can slice; `splitting` converts them to UTF-16 code units.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Span:
    """Formatting of `text[start:end]`; `type` is an entity type of the Bot API."""

    type: str
    start: int
    end: int
    url: str = ""
    language: str = ""

    @property
    def is_code(self) -> bool:
        """Whether it is code, inside which Telegram allows no other formatting."""
        return self.type in {"code", "pre"}

    @property
    def nesting(self) -> int:
        """The nesting order among spans of the same text, 0 for the outermost."""
        return 3 if self.is_code else {"blockquote": 0, "text_link": 2}.get(self.type, 1)


@dataclass(frozen=True, slots=True)
class StyledText:
    """A text of any length with its spans, in order."""

    text: str
    spans: tuple[Span, ...] = ()


class StyledTextBuilder:
    """Builds a `StyledText` by appending; a span is opened and closed at the current end."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._spans: list[Span] = []
        self._open: list[tuple[str, int]] = []
        self.length = 0

    def write(self, text: str, kind: str = "", *, language: str = "") -> None:
        """Append text, as a span of its own if `kind` is given."""
        if kind and text:
            end = self.length + len(text)
            self._spans.append(Span(kind, self.length, end, language=language))
        self._parts.append(text)
        self.length += len(text)

    def append(self, styled: StyledText) -> None:
        """Append text with its own spans."""
        shift = self.length
        for span in styled.spans:
            start, end = span.start + shift, span.end + shift
            self._spans.append(Span(span.type, start, end, span.url, span.language))
        self.write(styled.text)

    def open(self, kind: str) -> None:
        """Start a span at the current end."""
        self._open.append((kind, self.length))

    def close(self) -> None:
        """Close the span that was opened last."""
        self.mark(*self._open.pop())

    def mark(self, kind: str, start: int, *, url: str = "") -> None:
        """Add a span from `start` to the current end."""
        if start < self.length:
            self._spans.append(Span(kind, start, self.length, url=url))

    def newlines(self) -> int:
        """Count the newlines at the current end."""
        last = next((part for part in reversed(self._parts) if part), "")
        return len(last) - len(last.rstrip("\n"))

    def take(self) -> StyledText:
        """Return the text with its spans as they were added, and begin anew."""
        taken = StyledText("".join(self._parts), tuple(self._spans))
        self._parts, self._spans, self.length = [], [], 0
        return taken

    def build(self) -> StyledText:
        """Return the text with its spans merged and nested as Telegram accepts them."""
        text = "".join(self._parts)
        return StyledText(text, tuple(_normalize(self._spans)))


def _normalize(spans: list[Span]) -> list[Span]:
    """Merge overlapping spans of one type, and remove other formatting from code."""
    links = [span for span in spans if span.type == "text_link"]
    blocks = [span for span in spans if span.is_code]
    kept = list(_cut_out(blocks, links))
    kept += links
    kept += (span for span in spans if span.type == "blockquote")
    for kind in ("bold", "italic", "strikethrough"):
        same = [span for span in spans if span.type == kind]
        kept += _without_holes(_merge(same), blocks)
    return sorted(kept, key=lambda span: (span.start, -span.end, span.nesting))


def _cut_out(spans: Iterable[Span], others: Iterable[Span]) -> Iterator[Span]:
    """Yield the spans that overlap none of the others; both are sorted."""
    rest = iter(others)
    other = next(rest, None)
    for span in spans:
        while other and other.end <= span.start:
            other = next(rest, None)
        if other is None or other.start >= span.end:
            yield span


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Join spans of one kind that overlap or touch."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if merged and span.start <= merged[-1].end:
            merged[-1] = replace(merged[-1], end=max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _without_holes(spans: Iterable[Span], holes: list[Span]) -> Iterator[Span]:
    """Yield the spans with the holes cut out; both are sorted."""
    first = 0
    for span in spans:
        start = span.start
        while first < len(holes) and holes[first].end <= start:
            first += 1
        index = first
        while index < len(holes) and holes[index].start < span.end:
            if start < holes[index].start:
                yield replace(span, start=start, end=holes[index].start)
            start = holes[index].end
            index += 1
        if start < span.end:
            yield replace(span, start=start)
