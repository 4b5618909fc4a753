"""The messages that a model is given: system prompt, history, the words.

Pure. The rule that everything here serves: what was sent at one turn is, byte for byte, the
beginning of what is sent at the next, or a small machine reads it all again. So nothing here knows
the time, the history only grows, and when it no longer fits it is cut in one go to a quarter.
"""

from dataclasses import dataclass

from .messages import Message
from .vv import VV_REMINDER

# What a server that does not say gets: the smallest window in common use.
CAUTIOUS_WINDOW = 4096
# Kept free for the answer; a third of a small window, and enough for a long answer in a large one.
ANSWER_ROOM = 2048
QUARTER = 4


@dataclass(frozen=True, slots=True)
class Exchange:
    """An answered turn of the past: what was asked, how, and what came back."""

    turn: int
    question: str
    answer: str
    concise: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """What is particular about a model when it is spoken to; `window` is in tokens."""

    window: int = CAUTIOUS_WINDOW
    system_role: bool = True
    repeat_vv: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What is sent, the first turn of the past that is in it, and how many had to be left out.

    `room` are the tokens that the window has left for the answer, and `most` those that it may
    take, 0 where that is left open. `uncut` is what a server that remembers the chat has in mind,
    when something was left out.
    """

    messages: tuple[Message, ...]
    tokens: int
    first: int | None
    dropped: int
    room: int = 0
    most: int = 0
    uncut: tuple[Message, ...] = ()


def estimate(text: str) -> int:
    """Guess the tokens of a text, rather too many than too few.

    Three bytes a token holds for English in every tokenizer measured; other scripts take fewer
    characters but more bytes for each, so bytes serve both.
    """
    return len(text.encode("utf-8", "replace")) // 3 + 8


def build(
    system: str,
    history: tuple[Exchange, ...],
    question: str,
    *,
    concise: bool = False,
    manner: Manner | None = None,
    window: int | None = None,
) -> Context:
    """Put together what one model is asked; `window` overrules the manner's, after an overflow.

    The newest question is always in it, whether it fits or not: only the server can tell exactly.
    """
    manner = manner or Manner()
    window = window or manner.window
    room = window - min(ANSWER_ROOM, window // 3)
    asked = _asked(question, concise=concise, manner=manner)
    fixed = estimate(system) + estimate(asked)
    costs = [_cost(exchange, manner) for exchange in history]
    kept = _keep(costs, room=room - fixed)
    recent = history[len(history) - kept :]
    tokens = fixed + sum(costs[len(costs) - kept :])
    return Context(
        messages=_lines(system, recent, asked, manner),
        tokens=tokens,
        first=recent[0].turn if recent else None,
        dropped=len(history) - kept,
        room=max(0, window - tokens),
        uncut=_lines(system, history, "", manner) if kept < len(history) else (),
    )


def _lines(
    system: str, past: tuple[Exchange, ...], asked: str, manner: Manner
) -> tuple[Message, ...]:
    lines = [Message("system", system)]
    for each in past:
        lines.append(Message("user", _asked(each.question, concise=each.concise, manner=manner)))
        lines.append(Message("assistant", each.answer))
    lines.append(Message("user", asked))
    return tuple(lines) if manner.system_role else fold(tuple(lines))


def _asked(question: str, *, concise: bool, manner: Manner) -> str:
    if not concise:
        return question
    return f"vv {question}{VV_REMINDER if manner.repeat_vv else ''}"


def _cost(exchange: Exchange, manner: Manner) -> int:
    asked = _asked(exchange.question, concise=exchange.concise, manner=manner)
    return estimate(asked) + estimate(exchange.answer)


def _keep(costs: list[int], *, room: int) -> int:
    """Say how many of the newest turns stay: all while they fit, else what a quarter holds.

    A cut makes a server without tricks read again what stays. The less stays, the rarer the next
    cut: a quarter costs a third of a token for each that is new, a half would cost a whole one.
    """
    if sum(costs) <= room:
        return len(costs)
    kept, total = 0, 0
    for cost in reversed(costs):
        total += cost
        if total > room // QUARTER:
            break
        kept += 1
    return kept


def fold(lines: tuple[Message, ...]) -> tuple[Message, ...]:
    """Put the system prompt before the first question, for templates that know no system role."""
    if lines[0].role != "system":
        return lines
    system, first, *rest = lines
    return (Message("user", f"{system.content}\n\n{first.content}"), *rest)
