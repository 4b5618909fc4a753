"""The table of all tools, in the order in which a model reads them.

A tool is a module and a row here. The order never changes for a running conversation's sake: new
tools come last.
"""

from collections.abc import Sequence

from .calculator import Calculator
from .tool import Tool


def make_tools(web: Sequence[Tool] = ()) -> tuple[Tool, ...]:
    """Make the tools, in their order.

    Args:
        web: those of the web, if a search is set up.
    """
    return (Calculator(), *web)
