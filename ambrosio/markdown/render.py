"""Renders a model's Markdown as Telegram messages: text with entities.

Everything the model wrote is shown; what Telegram cannot format is shown as plain text. Links are
not fetched or checked; the reader has to judge whether one is safe.
"""

from dataclasses import dataclass

from ..core.messages import Entity, File, FormattedText
from . import splitting
from .fence_info import EXTENSIONS
from .preprocess import clean
from .splitting import utf16_len
from .walker import Code, walk_markdown

# Code with more characters is also sent as a file, which is easier to save on a phone.
_MAX_INLINE_CODE = 3500


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer ready to send: its messages in order, and its long code blocks as files."""

    chunks: tuple[FormattedText, ...]
    files: tuple[File, ...] = ()


def render(markdown: str, *, files: bool = True) -> Rendered:
    """Render a complete answer as messages, with long code blocks also as files."""
    walker = walk_markdown(markdown)
    long = [code for code in walker.codes if files and len(code.text) > _MAX_INLINE_CODE]
    named = tuple(_file(code, number) for number, code in enumerate(long, start=1))
    return Rendered(splitting.split_messages(walker.styled_text), named)


def preview(markdown: str) -> FormattedText:
    """Render an unfinished answer as one message: closes open marks, keeps the end if too long."""
    return splitting.last_message(walk_markdown(markdown.rstrip(), unfinished=True).styled_text)


def plain(text: str) -> FormattedText:
    """Return text without formatting, cut to fit one message."""
    return FormattedText(splitting.first_message(clean(text).expandtabs(4)))


def expandable(reasoning: str) -> FormattedText:
    """Return a model's reasoning as an expandable quote, cut to fit one message."""
    text = splitting.first_message(clean(reasoning).expandtabs(4))
    if not text:
        return FormattedText("")
    return FormattedText(text, (Entity("expandable_blockquote", 0, utf16_len(text)),))


def _file(code: Code, number: int) -> File:
    language = code.language.lower()
    extension = language if language in EXTENSIONS.values() else EXTENSIONS.get(language, "txt")
    return File(f"code-{number}.{extension}", code.text.encode() + b"\n")
