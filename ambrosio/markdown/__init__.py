"""A model's Markdown as text and entities for Telegram, which cannot fail to parse.

Start with `render`. Imports `core` only. Sends nothing, fetches nothing and knows no chat.
"""

from .render import Rendered, expandable, plain, preview, render
from .rich import needs_rich, rich

__all__ = ["Rendered", "expandable", "needs_rich", "plain", "preview", "render", "rich"]
