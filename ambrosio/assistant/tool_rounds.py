"""The calls of tools in one turn: which are offered, and running what a model calls."""

from collections.abc import Callable
from dataclasses import replace

from ..core.messages import Chat
from ..core.tool_policy import CHANGES_ELSEWHERE
from ..core.tools import MAX_ROUNDS, ToolCall, ToolDefinition, ToolResult, ToolRound, ToolUse
from ..tools.tool import ToolContext
from ..tools.toolbox import Toolbox
from .progress import Progress

# A model that asks for more at once has lost its way.
MAX_CALLS = 3
TOO_MANY = f"Error: not run. At most {MAX_CALLS} calls at once."
# The chat, the tool, and who gets its arguments.
UseRecorder = Callable[[Chat, str, str], None]


class ToolRounds:
    """Up to three requests to a model: two in which it may call tools, and one to answer.

    Args:
        toolbox: the tools.
        offered: those that the prompt names.
        context: what the tools are told; its rounds grow.
        may_call: False for a turn that only keeps the definitions, because they stood in the prompt
            of the turns before.
        record: is told of each use before it happens.
        on_change: is called before something may be changed elsewhere.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        offered: tuple[ToolDefinition, ...],
        context: ToolContext,
        *,
        may_call: bool,
        record: UseRecorder,
        on_change: Callable[[], None],
    ) -> None:
        self._toolbox, self._offered, self._context = toolbox, offered, context
        self._may_call, self._record, self._on_change = may_call, record, on_change

    @property
    def done(self) -> tuple[ToolRound, ...]:
        """The rounds so far."""
        return self._context.rounds

    @property
    def read_outside(self) -> bool:
        """Whether anything from outside was read in the conversation so far."""
        return self._context.situation.read_outside

    @property
    def use(self) -> ToolUse:
        """What the next request says about tools."""
        last = len(self.done) + 1 >= MAX_ROUNDS
        return ToolUse(self._offered, self.done, must_answer=last or not self._may_call)

    async def run(self, calls: tuple[ToolCall, ...], text: str, progress: Progress) -> None:
        """Run what a model has called, one call after the other; `text` is what it said before."""
        results: list[ToolResult] = []
        for number, call in enumerate(calls):
            if number >= MAX_CALLS:
                results.append(ToolResult(TOO_MANY))
                continue
            context = replace(self._context, round_results=tuple(results))
            results.append(await self._run_one(call, context, progress))
        self._add(ToolRound(calls, tuple(results), text))

    async def run_tapped(self, call: ToolCall, progress: Progress) -> None:
        """Run the call that the person has agreed to, before a model is asked."""
        result = await self._run_one(call, replace(self._context, tapped=True), progress)
        self._add(ToolRound((call,), (result,)))

    def _add(self, done: ToolRound) -> None:
        self._context = replace(self._context, rounds=(*self.done, done))

    async def _run_one(
        self, call: ToolCall, context: ToolContext, progress: Progress
    ) -> ToolResult:
        def begin(definition: ToolDefinition, note: str) -> None:
            progress.set_note(note)
            self._record(context.turn.chat, definition.name, definition.destination)
            if definition.kind in CHANGES_ELSEWHERE:
                self._on_change()

        progress.reset()
        return await self._toolbox.run(call, context, self._offered, begin=begin)
