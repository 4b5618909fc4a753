"""What in a call is the person's own: words that they wrote, and addresses that they gave. Pure.

A model that has read a page may be told there what to search for and which address to open. A query
of nothing but the person's words, and an address that the person or the search gave, carry nothing
out that somebody else could have put there.
"""

import re

from ..core.errors import PageNotRead
from ..core.tool_policy import ArgumentSource
from .fetching import parse_url
from .tool import ToolContext

# The name of the search among the tools.
SEARCH_NAME = "web_search"
WORD = re.compile(r"\w+")
ADDRESS = re.compile(r"https?://[^\s<>\"'`]+", re.IGNORECASE)
# What ends a sentence or a bracket rather than an address.
TRAILING = ".,;:!?)]}»”’*_"


def source_of_query(query: str, context: ToolContext) -> ArgumentSource:
    """Say who worded a query."""
    own = {word for text in _own_texts(context) for word in _words(text)}
    return ArgumentSource.PERSON if _words(query) <= own else ArgumentSource.MODEL


def source_of_address(url: str, context: ToolContext) -> ArgumentSource:
    """Say who gave an address; the same address in another spelling counts as the same."""
    wanted = normalize(url)
    if wanted in {normalize(found) for text in _own_texts(context) for found in addresses_in(text)}:
        return ArgumentSource.PERSON
    if wanted in {normalize(found) for found in _searched(context)}:
        return ArgumentSource.SEARCH
    return ArgumentSource.MODEL


def addresses_in(text: str) -> list[str]:
    """Find the addresses in a text, also without the sign that ends its sentence."""
    found = []
    for match in ADDRESS.finditer(text):
        address = match[0]
        found.append(address)
        # A bracket may belong to an address, as in those of Wikipedia.
        while address and address[-1] in TRAILING:
            address = address[:-1]
            found.append(address)
    return found


def normalize(url: str) -> str:
    """Write an address as it is fetched; "" if it may not be."""
    try:
        return str(parse_url(url))
    except PageNotRead:
        return ""


def _words(text: str) -> set[str]:
    return set(WORD.findall(text.casefold()))


def _own_texts(context: ToolContext) -> list[str]:
    """List what the person wrote themselves in this conversation."""
    past = [turn.question for turn in context.history if not turn.from_outside]
    return past if context.turn.from_outside else [*past, context.turn.question]


def _searched(context: ToolContext) -> list[str]:
    """List what the search returned in this conversation."""
    rounds = [one for turn in context.history for one in turn.rounds] + [*context.rounds]
    return [
        source.url
        for one in rounds
        for call, result in zip(one.calls, one.results, strict=True)
        if call.name == SEARCH_NAME
        for source in result.sources
    ]
