"""The tool that searches the web."""

import json

from ..core.errors import SearchFailed
from ..core.tool_policy import ArgumentSource, ToolKind
from ..core.tools import ProposedCall, Source, ToolDefinition, ToolResult
from .metered_search import MeteredSearch
from .own_words import SEARCH_NAME, source_of_query
from .quoting import HEADING, quote_lines
from .search_engines import SearchReply
from .tool import Arguments, ToolContext, ToolError

# Key words; more would be a letter to whoever reads the queries.
MAX_QUERY_CHARACTERS = 150


class WebSearch:
    """Searches, and returns titles, addresses and two lines of each."""

    def __init__(self, search: MeteredSearch) -> None:
        self._search = search
        self.definition = ToolDefinition(
            SEARCH_NAME,
            "Search the web for news, prices, opening hours and other facts that change or that "
            "you do not know.",
            {
                "type": "object",
                "properties": {"query": {"type": "string", "description": "a few key words"}},
                "required": ["query"],
            },
            kind=ToolKind.SEARCH,
            destination=search.name,
        )

    def note(self, arguments: Arguments) -> str:
        """Say what is searched for."""
        return f"Searching: {_query(arguments)}"

    def source(self, arguments: Arguments, context: ToolContext) -> ArgumentSource:
        """Say who worded the query."""
        return source_of_query(_query(arguments), context)

    def proposal(self, arguments: Arguments) -> ProposedCall:
        """Ask the person whether these words may go to the search."""
        query = _checked_query(arguments)
        sent = json.dumps({"query": query}, ensure_ascii=False)
        question = f"Shall I search {self._search.name} for this?"
        return ProposedCall(SEARCH_NAME, sent, question, query, "Search")

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """Search, or raise `ToolError`."""
        query = _checked_query(arguments)
        try:
            reply = await self._search.search(query, user_id=context.turn.user_id)
        except SearchFailed as exc:
            return ToolResult(f"Error: {exc.problem_text}", f"could not search: {exc.reason}")
        return ToolResult(
            _content(query, reply),
            f"searched: {query}",
            from_outside=bool(reply.results),
            sources=tuple(Source(result.title, result.url) for result in reply.results),
        )


def _query(arguments: Arguments) -> str:
    return " ".join(str(arguments["query"]).split())


def _checked_query(arguments: Arguments) -> str:
    """Return the query, or raise `ToolError`."""
    query = _query(arguments)
    if not query or len(query) > MAX_QUERY_CHARACTERS:
        raise ToolError(f"The query must have 1 to {MAX_QUERY_CHARACTERS} characters.")
    return query


def _content(query: str, reply: SearchReply) -> str:
    if not reply.results:
        return f"The web search for {query!r} found nothing."
    results = [
        f"{number}. {result.title}\n{result.url}\n{result.text}"
        for number, result in enumerate(reply.results, start=1)
    ]
    return HEADING.format(what="Results of the web search") + quote_lines("\n".join(results))
