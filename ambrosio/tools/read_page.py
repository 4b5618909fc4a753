"""The tool that reads a page that the person or the search gave, or that the person taps for."""

import json
from collections.abc import Mapping

import httpx

from ..core.errors import PageNotRead
from ..core.tool_policy import ArgumentSource, ToolKind
from ..core.tools import ProposedCall, Source, ToolDefinition, ToolResult
from .fetching import PageFetcher, parse_url
from .own_words import normalize, source_of_address
from .page_reader import PageReader
from .quoting import quote
from .tool import Arguments, ToolContext, ToolError

NO_ADDRESS = "url must be the whole address of a web page."


class ReadPage:
    """Fetches a page and has it read for the person's question.

    Args:
        fetcher: gets it.
        reader: reads it, knowing nothing but the question.
    """

    definition = ToolDefinition(
        "read_page",
        "Read a web page whose address the user wrote or web_search returned.",
        {
            "type": "object",
            "properties": {"url": {"type": "string", "description": "the whole address"}},
            "required": ["url"],
        },
        kind=ToolKind.PAGE,
        destination="the page's own server",
    )

    def __init__(self, fetcher: PageFetcher, reader: PageReader) -> None:
        self._fetcher, self._reader = fetcher, reader

    def note(self, arguments: Arguments) -> str:
        """Say which host is being asked."""
        return f"Reading {_host(arguments)}"

    def source(self, arguments: Arguments, context: ToolContext) -> ArgumentSource:
        """Say who gave the address."""
        return source_of_address(_url(arguments), context)

    def proposal(self, arguments: Arguments) -> ProposedCall:
        """Ask the person whether this address may be opened, as it is sent."""
        url = normalize(_url(arguments))
        if not url:
            raise ToolError(NO_ADDRESS)
        sent = json.dumps({"url": url})
        return ProposedCall("read_page", sent, "Shall I open this address?", url, "Open")

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """Read the page."""
        url = _url(arguments)
        host = _host(arguments)
        try:
            page = await self._fetcher.fetch(url)
            text = await self._reader.text_of(page, host)
            reading = await self._reader.ask(text, page.url, context.turn, context.report)
        except PageNotRead as exc:
            return ToolResult(f"Error: {exc.problem_text}", f"could not read {host}: {exc.reason}")
        title = text.split("\n", 1)[0][:100].strip() or host
        return ToolResult(
            quote(reading, page.url),
            f"read: {_domain(page.url)}",
            from_outside=True,
            sources=(Source(title, page.url),),
        )


def _url(arguments: Arguments) -> str:
    return str(arguments["url"]).strip()


def _host(arguments: Mapping[str, object]) -> str:
    try:
        return parse_url(str(arguments["url"])).host
    except PageNotRead:
        return "this address"


def _domain(url: str) -> str:
    return httpx.URL(url).host.removeprefix("www.")
