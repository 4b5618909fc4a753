"""Converts a model's Markdown into text and entities for Telegram; entities cannot fail to parse.

Start with `render`. The steps: `preprocess`, `walker` (parse, write `spans`), `splitting`. Imports
`core` only. Sends nothing and fetches nothing.
"""

from .render import Rendered, expandable, plain, preview, render
from .rich import needs_rich, rich

__all__ = ["Rendered", "expandable", "needs_rich", "plain", "preview", "render", "rich"]
