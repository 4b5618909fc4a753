"""Markdown for Telegram's own parser (rich messages), made safe to parse.

Used for what entities cannot show: wide tables and display math. Removes HTML, images and invalid
links, since that parser accepts HTML and fetches images.
"""

import re

from .preprocess import PreparedMarkdown, prepare
from .walker import event_name, is_valid_link, label_link, parse_events, walk_markdown

_MAX_RICH_CHARS = 32_768
_RICH_DANGER = re.compile(r"<(?!https?://)[a-z/!?]|!\[", re.IGNORECASE)


def needs_rich(markdown: str) -> bool:
    """Return whether the answer needs a rich message and can safely be sent as one."""
    if not walk_markdown(markdown).needs_rich:
        return False
    cleaned = rich(markdown)
    # The two parsers may disagree on what is code, so HTML and images are not allowed anywhere.
    return len(cleaned) <= _MAX_RICH_CHARS and not _RICH_DANGER.search(cleaned)


def rich(markdown: str) -> str:
    """Return the Markdown for Telegram's own parser, without HTML, images and invalid links."""
    source = prepare(markdown)
    data = source.text.encode()
    parts: list[str] = []
    position = 0
    for start, end, text in _replacements(source):
        parts += (_prose(source, data[position:start]), text)
        position = end
    return "".join((*parts, _prose(source, data[position:])))


def _replacements(source: PreparedMarkdown) -> list[tuple[int, int, str]]:
    """Return (start, end, replacement) in UTF-8 bytes for code, images and invalid links."""
    found: list[tuple[int, int, str]] = []
    label: list[str] = []
    targets: list[str] = []
    data = source.text.encode()
    for event, extent in parse_events(source):
        kind, value = event_name(event)
        start, end = extent["start"], extent["end"]
        if kind in {"Code", "Start CodeBlock"} and not targets:
            found.append((start, end, source.raw(data[start:end].decode())))
        elif kind in {"Text", "Code"} and targets:
            label.append(source.shown(value))
        elif kind in {"Start Link", "Start Image"}:
            url = source.raw(value["dest_url"])
            if targets or kind == "Start Image" or not is_valid_link(url):
                targets.append(url)
        elif kind in {"End Link", "End Image"} and targets:
            label.append(label_link("".join(label).strip(), targets.pop()))
            if not targets:
                found.append((start, end, _escape("".join(label))))
                label.clear()
    return found


def _escape(text: str) -> str:
    text = re.sub(r"([\\`*_\[\]!$|~=#])", r"\\\1", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _prose(source: PreparedMarkdown, data: bytes) -> str:
    return source.rich(data.decode()).replace("![", r"!\[")
