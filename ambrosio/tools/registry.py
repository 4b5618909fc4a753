"""The table of all tools, in the order in which a model reads them.

A tool is a module and a row here. The order never changes for a running conversation's sake: new
tools come last.
"""

from .calculator import Calculator
from .tool import Tool


def make_tools() -> tuple[Tool, ...]:
    """Make the tools, in their order."""
    return (Calculator(),)
