"""Finding what was said before, in conversations that the prompt does not hold."""

from ..core.tools import ToolDefinition, ToolResult
from ..core.zones import local_time
from ..store import SearchHit, Store
from .tool import Arguments, ToolContext, ToolError

MAX_HITS = 5
SHOWN_CHARACTERS = 300
QUOTED_CHARACTERS = 20
QUOTED_WORDS = 48
# Shorter words are in every conversation.
MIN_WORD_CHARACTERS = 4


class SearchPast:
    """Searches what this person asked, and what was answered: in a group, in this group only.

    What was said in private mode is found in private mode only.
    """

    definition = ToolDefinition(
        name="search_past",
        description="Finds earlier conversations with the user, if they refer to one.",
        parameters={
            "type": "object",
            "properties": {"words": {"type": "string", "description": "a few rare words of it"}},
            "required": ["words"],
        },
    )

    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, arguments: Arguments) -> str:
        """Say what is searched for."""
        return f"Searching our past messages: {arguments['words']}"

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """Search for all words, and if nothing has them all, for any of them."""
        words = " ".join(str(arguments["words"]).split())
        if not words:
            raise ToolError("words is empty.")
        rare = " ".join(word for word in words.split() if len(word) >= MIN_WORD_CHARACTERS)
        hits = self._find(words, context) or self._find(rare, context, any_word=True)
        lines = [_line(found, context.zone) for found in hits]
        return ToolResult(
            "\n".join(lines) or "Nothing was found.",
            line=f"searched our past messages: {words}",
            from_outside=any(found.from_outside for found in hits),
        )

    def _find(self, words: str, context: ToolContext, *, any_word: bool = False) -> list[SearchHit]:
        turn = context.turn
        return self._store.turn_search.find(
            words,
            user_id=turn.user_id,
            chat_id=turn.chat.chat_id if not turn.chat.is_private else None,
            limit=MAX_HITS,
            any_word=any_word,
            local_only=context.situation.local_only,
            quoted_words=QUOTED_WORDS,
        )


def _line(found: SearchHit, zone: str) -> str:
    """Write a turn: the passage that was found, and the beginning of what stands beside it."""
    asked, answered = " ".join(found.question.split()), " ".join(found.answer.split())
    quote = " ".join(found.quote.split())
    if quote.strip("… ")[:QUOTED_CHARACTERS] not in asked:
        answered = quote
    return (
        f"- {local_time(found.at, zone):%Y-%m-%d}, the user: {asked[:SHOWN_CHARACTERS]}\n"
        f"  You: {answered[:SHOWN_CHARACTERS]}"
    )
