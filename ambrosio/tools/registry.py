"""The table of all tools, in the order in which a model reads them.

A tool is a module and a row here. New tools come last, so that the prompts of conversations that go
on stay as they are.
"""

from collections.abc import Sequence

from ..store import Store
from .calculator import Calculator
from .remember import Remember
from .remind import Remind
from .search_past import SearchPast
from .tool import Tool


def make_tools(store: Store, web: Sequence[Tool] = ()) -> tuple[Tool, ...]:
    """Make the tools, in their order.

    Args:
        store: what was said and is remembered.
        web: those of the web, if a search is set up.
    """
    return (Calculator(), Remind(), SearchPast(store), Remember(store), *web)
