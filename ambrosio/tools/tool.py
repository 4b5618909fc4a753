"""What a tool is: a definition, a word on what it is doing, and a coroutine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..core.context_window import PastTurn
from ..core.messages import Turn
from ..core.tool_policy import Situation
from ..core.tools import ToolDefinition, ToolEffect, ToolResult, ToolRound
from ..router.request import ExpenseSink

# The arguments of a call, with the names and types that the definition's schema asks for.
Arguments = Mapping[str, object]


class ToolError(Exception):
    """A call that cannot be carried out; the text is for the model, which may try again."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """For whom a call is made, and what was said and read before it.

    Attributes:
        turn: what the person asked, and where.
        history: the conversation before it.
        rounds: the calls before this one in the same turn.
        now: the Unix time.
        zone: the person's time zone.
        report: is told what a call of a model has cost.
        round_results: what the calls before this one in the same round came to.
        tapped: whether the person has agreed to this very call.
        interrupted: whether an earlier attempt at the turn was cut off after it had begun to change
            something elsewhere.
    """

    turn: Turn
    history: tuple[PastTurn, ...]
    rounds: tuple[ToolRound, ...]
    now: float
    zone: str
    report: ExpenseSink
    round_results: tuple[ToolResult, ...] = ()
    tapped: bool = False
    interrupted: bool = False

    @property
    def situation(self) -> Situation:
        """What matters about the conversation before this call, for `tool_policy.decide`."""
        results = (result for one in self.rounds for result in one.results)
        return Situation(
            local_only=self.turn.local_only or any(past.local_only for past in self.history),
            read_outside=self.turn.from_outside
            or any(past.from_outside or past.read_outside for past in self.history)
            or any(result.from_outside for result in results),
        )

    @property
    def effects(self) -> list[ToolEffect]:
        """What the calls before this one in the same turn want done."""
        results = [result for one in self.rounds for result in one.results]
        return [effect for result in (*results, *self.round_results) for effect in result.effects]


class Tool(Protocol):
    """One tool; a module of `tools` for each, and a row in `registry`."""

    @property
    def definition(self) -> ToolDefinition:
        """What a model is told of it; the same for the life of the process."""
        ...

    def note(self, arguments: Arguments) -> str:
        """Say in plain text what is being done, for the person who waits: "Searching: …"."""
        ...

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """Carry out a call, or raise `ToolError`; cancelled when the person stops the answer."""
        ...
