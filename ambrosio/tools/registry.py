"""The table of all tools, in the order in which a model reads them.

A tool is a module and a row here. New tools come last, so that the prompts of conversations that go
on stay as they are.
"""

from ..store import Store
from .calculator import Calculator
from .remember import Remember
from .remind import Remind
from .search_past import SearchPast
from .tool import Tool


def make_tools(store: Store) -> tuple[Tool, ...]:
    """Make the tools, in their order."""
    return (Calculator(), Remind(), SearchPast(store), Remember(store))
