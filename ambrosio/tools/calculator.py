"""The calculator: exact decimal arithmetic, at which models of every size are unsure."""

from ..core.arithmetic import NotCalculated, calculate
from ..core.tools import ToolDefinition, ToolResult
from .tool import Arguments, ToolContext, ToolError


class Calculator:
    """Works out an expression. Needs nothing and changes nothing."""

    definition = ToolDefinition(
        name="calculator",
        description="Works out arithmetic exactly. Use it for every calculation.",
        parameters={
            "type": "object",
            "properties": {
                "expression": {
                    "type": "string",
                    "description": "e.g. 17 % of 4380, (3.5 + 2) * 4, sqrt(2), round(10 / 3, 2)",
                }
            },
            "required": ["expression"],
        },
    )

    def note(self, arguments: Arguments) -> str:
        """Say what is being worked out."""
        return f"Calculating: {_tidy(arguments)}"

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """Work out the expression."""
        expression = _tidy(arguments)
        try:
            found = calculate(expression)
        except NotCalculated as exc:
            raise ToolError(str(exc)) from None
        sign = "=" if found.exact else "≈"
        return ToolResult(str(found), line=f"calculated: {expression} {sign} {found}")


def _tidy(arguments: Arguments) -> str:
    return " ".join(str(arguments["expression"]).split()).rstrip("= ")
