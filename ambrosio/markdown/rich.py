"""TODO docstring."""

import re

from .preprocess import PreparedMarkdown, prepare
from .walker import event_name, is_valid_link, label_link, parse_events, walk_markdown

_MAX_RICH_CHARS = 32_768
_RICH_DANGER = re.compile(r"<(?!https?://)[a-z/!?]|!\[", re.IGNORECASE)


def needs_rich(markdown: str) -> bool:
    """Say whether entities cannot express the answer and a rich message safely can."""
    if not walk_markdown(markdown).needs_rich:
        return False
    cleaned = rich(markdown)
    # Where two parsers could disagree on what is code, no HTML and no picture may stand at all.
    return len(cleaned) <= _MAX_RICH_CHARS and not _RICH_DANGER.search(cleaned)


def rich(markdown: str) -> str:
    """Return the Markdown for Telegram's own parser, which would take HTML and fetch pictures."""
    source = prepare(markdown)
    data = source.text.encode()
    parts: list[str] = []
    place = 0
    for start, end, text in _replacements(source):
        parts += (_prose(source, data[place:start]), text)
        place = end
    return "".join((*parts, _prose(source, data[place:])))


# --- for Telegram's own parser --------------------------------------------------------------------


def _replacements(source: PreparedMarkdown) -> list[tuple[int, int, str]]:
    """Return what must not be passed on as prose: code, pictures and links that are refused."""
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
