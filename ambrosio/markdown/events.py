"""The parser, pyromark, and its events.

telegramify-markdown uses it too. We use its events directly, because telegramify-markdown drops
what must stay visible: HTML, the URLs of invalid links, wide tables.
"""

from typing import Any

import pyromark
from pyromark import Options
from pyromark.event import BrokenLink

from .placeholders import COLON
from .preprocess import PreparedMarkdown

_OPTIONS = Options.ENABLE_TABLES | Options.ENABLE_TASKLISTS | Options.ENABLE_FOOTNOTES

# The events within a line; at every other one, the text so far is complete.
INLINE = frozenset(
    {
        *("Text", "Html", "InlineHtml", "Code", "SoftBreak", "HardBreak", "FootnoteReference"),
        *("Start Link", "End Link", "Start Image", "End Image", "TaskListMarker"),
    }
)

Extent = dict[str, int]


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
