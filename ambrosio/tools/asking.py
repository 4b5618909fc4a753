"""Calls that reach outside, and which of them wait for the person's tap.

One place decides for all such tools, so that none can forget to ask. What the person is shown is
all that would be sent: a call that does not fit on a screen, or that hides a part of itself, is
refused instead.
"""

from dataclasses import replace
from typing import Protocol, runtime_checkable

from ..core.messages import TERMINAL
from ..core.tool_policy import CHANGES_ELSEWHERE, ArgumentSource, ToolKind, Verdict, decide
from ..core.tools import ProposedCall, ToolResult
from ..core.visible_text import is_visible
from .tool import Arguments, Tool, ToolContext, ToolError

# Reminders and facts to remember wait by themselves: they are shown with buttons of their own.
ASKED = frozenset({ToolKind.SEARCH, ToolKind.PAGE, ToolKind.LOCAL_SERVER, ToolKind.REMOTE_SERVER})
# More than that nobody reads before they tap.
MAX_SHOWN_CHARACTERS = 500
ASKS = "Not done yet: the user is asked with a button. Say what you know without it."
ONE_AT_A_TIME = "Not done: the user is already asked about another call. Only one can wait."
UNREADABLE = (
    "Not done: the user must agree to this, and cannot read all of it. Use at most "
    f"{MAX_SHOWN_CHARACTERS} ordinary characters."
)
MAYBE_MADE = "I was interrupted after I had called it, so this may have been sent already."
NOT_HERE = (
    "Not done: only words and addresses that the person wrote are used for this here. Use those, "
    "or ask the person for them."
)


@runtime_checkable
class AsksFirst(Protocol):
    """A tool whose calls may wait for the person."""

    def source(self, arguments: Arguments, context: ToolContext) -> ArgumentSource:
        """Say where the arguments come from."""
        ...

    def proposal(self, arguments: Arguments) -> ProposedCall:
        """Write the question to the person, or raise `ToolError`."""
        ...


def ask_first(tool: Tool, arguments: Arguments, context: ToolContext) -> ToolResult | None:
    """Return the question that a call waits for; None if it may be made.

    Raises `ToolError` if it may not be made, and the person cannot be asked either.
    """
    kind = tool.definition.kind
    if kind not in ASKED:
        return None
    asks = tool if isinstance(tool, AsksFirst) else None
    source = asks.source(arguments, context) if asks else ArgumentSource.MODEL
    verdict = decide(
        kind,
        context.situation,
        source=source,
        tapped=context.tapped,
        interrupted=context.interrupted,
    )
    if verdict is Verdict.ALLOWED:
        return None
    if asks is None or verdict is Verdict.ABSENT or context.turn.chat == TERMINAL:
        raise ToolError(NOT_HERE)
    proposal = asks.proposal(arguments)
    if context.interrupted and kind in CHANGES_ELSEWHERE:
        proposal = replace(proposal, question=f"{MAYBE_MADE} {proposal.question}")
    if len(proposal.shown) > MAX_SHOWN_CHARACTERS or not is_visible(proposal.shown):
        raise ToolError(UNREADABLE)
    if any(isinstance(effect, ProposedCall) for effect in context.effects):
        raise ToolError(ONE_AT_A_TIME)
    return ToolResult(ASKS, effects=(proposal,))
