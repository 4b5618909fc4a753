"""Which tools a turn has, and running one call.

The list is short and in a fixed order, and a conversation keeps the one that it began with: the
definitions stand at the top of the prompt, and another list means that all of it is read again.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ..core.messages import TERMINAL, Chat, Turn
from ..core.tool_policy import Situation, is_offered
from ..core.tools import ToolCall, ToolDefinition, ToolResult
from .arguments import read_arguments
from .asking import ask_first
from .tool import Tool, ToolContext, ToolError

# Stands for the private chat of any person.
PERSONS_CHAT = Chat(1)

log = logging.getLogger(__name__)

# What a model is told of a result at most, some 1,500 tokens: it is read in every later turn.
MAX_RESULT_CHARACTERS = 6000


# What is told of a call that is about to be made.
Beginning = Callable[[ToolDefinition, str], None]


def _never(_user_id: int) -> bool:
    return False


def _ignore(_definition: ToolDefinition, _note: str) -> None:
    return None


class Toolbox:
    """All tools that the owner has set up, in a fixed order.

    Args:
        tools: those that are always there.
        more: returns those that an owner may allow while the bot runs.
        is_guest: whether a user is no owner.
    """

    def __init__(
        self,
        tools: Iterable[Tool] = (),
        *,
        more: Callable[[], Iterable[Tool]] = tuple,
        is_guest: Callable[[int], bool] = _never,
    ) -> None:
        self._always, self._more, self._is_guest = tuple(tools), more, is_guest

    @property
    def _tools(self) -> Mapping[str, Tool]:
        return {tool.definition.name: tool for tool in (*self._always, *self._more())}

    def offered(self, turn: Turn) -> tuple[ToolDefinition, ...]:
        """List the tools that a turn's prompt may name, in their order.

        Nothing that sends anything out is in the prompt of a local-only turn; `with_privacy` has
        looked at its history before.
        """
        situation = Situation(local_only=turn.local_only)
        return tuple(
            tool.definition
            for tool in self._tools.values()
            if is_offered(tool.definition.kind, situation)
            and _fits(tool.definition, turn.chat)
            and (tool.definition.for_guests or not self._is_guest(turn.user_id))
        )

    def usual(self, *, local_only: bool) -> tuple[ToolDefinition, ...]:
        """List the tools of an ordinary turn in the chat of one person."""
        return self.offered(Turn(PERSONS_CHAT, 0, 0, "", local_only=local_only))

    async def run(
        self,
        call: ToolCall,
        context: ToolContext,
        offered: Iterable[ToolDefinition],
        *,
        begin: Beginning = _ignore,
    ) -> ToolResult:
        """Carry out a call of an offered tool; what is wrong, the model is told.

        `begin` is told of it before it happens, and only if it does: with the definition, and what
        is being done in plain text.
        """
        definition = next((tool for tool in offered if tool.name == call.name), None)
        tool = self._tools.get(call.name)
        if definition is None or tool is None:
            return ToolResult(f"Error: there is no tool {call.name}.")
        try:
            arguments = read_arguments(call, definition)
            if question := ask_first(tool, arguments, context):
                return question
            begin(definition, tool.note(arguments))
            result = await tool.run(arguments, context)
        except ToolError as exc:
            log.info("a call of %s was refused", definition.name)
            return ToolResult(f"Error: {exc}")
        return replace(result, content=result.content[:MAX_RESULT_CHARACTERS])


def _fits(definition: ToolDefinition, chat: Chat) -> bool:
    if chat == TERMINAL:
        return definition.in_terminal
    return chat.is_private or definition.in_groups
