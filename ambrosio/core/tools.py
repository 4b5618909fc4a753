"""What a model may call, what it called, and what came of it.

Frozen values. A tool changes nothing by itself: what it wants done is an effect, which is stored
with the answer in one transaction, so that a turn that runs again after a crash does it once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .reminders import Rule
from .tool_policy import ToolKind

# How often a model may call tools before it has to answer.
MAX_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as a model is told of it, and what must be known to decide who may use it where.

    Attributes:
        name: at most 64 letters, digits, `_` or `-`.
        description: a short sentence or two; a model reads them with every conversation.
        parameters: the JSON schema of the arguments, an object.
        kind: what it does, which decides where it may be used, by `tool_policy`.
        destination: who gets the arguments if they leave this machine, as `/where` says it.
        in_groups: whether it is offered in groups.
        in_terminal: whether it is offered in the terminal.
        for_guests: whether it is offered to people who are not owners.
    """

    name: str
    description: str
    parameters: Mapping[str, object]
    kind: ToolKind = ToolKind.LOCAL
    destination: str = ""
    in_groups: bool = True
    in_terminal: bool = True
    for_guests: bool = True


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call as a model made it; `arguments` is the JSON of an object, `{}` if it was none.

    `fault` says what was wrong with the arguments; such a call is not run.
    """

    call_id: str
    name: str
    arguments: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where something was read: a page's title and address."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class ReminderOrder:
    """A reminder that a model wants made; `needs_tap` says that the person is asked first."""

    text: str
    rule: Rule
    due: float
    needs_tap: bool = False


@dataclass(frozen=True, slots=True)
class FactSuggestion:
    """A fact that a model suggests to remember; only the person's tap stores it."""

    text: str


@dataclass(frozen=True, slots=True)
class ProposedCall:
    """A call that is only made after the person's tap.

    Attributes:
        name: of the tool.
        arguments: what it is called with, as JSON.
        question: what the person is asked.
        shown: all that would be sent, word for word.
        label: the button that agrees.
    """

    name: str
    arguments: str
    question: str
    shown: str
    label: str


@dataclass(frozen=True, slots=True)
class TappedCall:
    """A call that the person has agreed to, and the proposal that it answers."""

    proposal_id: int
    call: ToolCall


ToolEffect = ReminderOrder | FactSuggestion | ProposedCall


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call.

    Attributes:
        content: what the model is told.
        line: what the person is told, in one line: "searched: basmati harvest 2026".
        from_outside: whether anything was read that neither the person nor the bot wrote.
        sources: where it was read.
        effects: what is to be done with the answer.
    """

    content: str
    line: str = ""
    from_outside: bool = False
    sources: tuple[Source, ...] = ()
    effects: tuple[ToolEffect, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolRound:
    """What a model called in one request, the result of each call, and what it said before."""

    calls: tuple[ToolCall, ...]
    results: tuple[ToolResult, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The tools of one request.

    Attributes:
        offered: the definitions in the prompt, in their order.
        rounds: what was called in this turn before.
        must_answer: whether nothing more may be called; the definitions stay in the prompt, since
            without them all of it would be read again.
    """

    offered: tuple[ToolDefinition, ...] = ()
    rounds: tuple[ToolRound, ...] = ()
    must_answer: bool = False


NO_TOOLS = ToolUse()
