"""What a model suggests to remember. Only the person's tap stores it."""

from ..core.memory import MAX_CHARACTERS, tidy
from ..core.tools import FactSuggestion, ToolDefinition, ToolResult
from ..store import Store
from .tool import Arguments, ToolContext, ToolError


class Remember:
    """Suggests a fact about the person, in their private chat."""

    definition = ToolDefinition(
        name="remember",
        description="Suggests to remember a lasting fact that the user tells about themselves.",
        parameters={
            "type": "object",
            "properties": {"fact": {"type": "string", "description": "e.g. I am vegetarian"}},
            "required": ["fact"],
        },
        in_groups=False,
        in_terminal=False,
    )

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, arguments: Arguments) -> str:
        """Say that something is being noted."""
        return "Noting this…"

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """Suggest the fact, with a button under the answer."""
        fact = tidy(str(arguments["fact"]))
        known = [other.text for other in self._store.facts.all(context.turn.user_id)]
        if not fact or sum(map(len, [*known, fact])) > MAX_CHARACTERS:
            raise ToolError("This is too long to remember." if fact else "fact is empty.")
        suggestion = FactSuggestion(fact)
        if fact in known or suggestion in context.effects:
            return ToolResult("This is already known.")
        return ToolResult(
            "The user is asked with a button whether to remember this.",
            line=f"suggested to remember: {fact}",
            effects=(suggestion,),
        )
