"""The messages that a model is given: system prompt, history, the words.

Pure. The rule that everything here serves: what was sent at one turn is, byte for byte, the
beginning of what is sent at the next, or a small machine reads it all again. So nothing here knows
the time, the history only grows, and when it no longer fits it is cut in one go to a quarter.
"""

from dataclasses import dataclass

from .messages import Message
from .vv import VV_REMINDER

# What a server that does not say gets: the smallest window in common use.
DEFAULT_WINDOW_TOKENS = 4096
# Kept free for the answer; a third of a small window, and enough for a long answer in a large one.
ANSWER_TOKENS = 2048
QUARTER = 4


@dataclass(frozen=True, slots=True)
class PastTurn:
    """An answered turn of the past: what was asked, how, and what came back."""

    turn_id: int
    question: str
    answer: str
    concise: bool = False
    local_only: bool = False


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What is particular about a model when it is spoken to; `window` is in tokens."""

    window: int = DEFAULT_WINDOW_TOKENS
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
    first_turn_id: int | None
    dropped_turns: int
    free_tokens: int = 0
    max_tokens: int = 0
    full_history: tuple[Message, ...] = ()


def estimate_tokens(text: str) -> int:
    """Guess the tokens of a text, rather too many than too few.

    Three bytes a token holds for English in every tokenizer measured; other scripts take fewer
    characters but more bytes for each, so bytes serve both.
    """
    return len(text.encode("utf-8", "replace")) // 3 + 8


def build_context(
    system: str,
    history: tuple[PastTurn, ...],
    question: str,
    *,
    concise: bool = False,
    profile: ModelProfile | None = None,
    window: int | None = None,
) -> Context:
    """Put together what one model is asked; `window` overrules the manner's, after an overflow.

    The newest question is always in it, whether it fits or not: only the server can tell exactly.
    """
    profile = profile or ModelProfile()
    window = window or profile.window
    room = window - min(ANSWER_TOKENS, window // 3)
    asked = _user_text(question, concise=concise, manner=profile)
    fixed = estimate_tokens(system) + estimate_tokens(asked)
    costs = [_cost(exchange, profile) for exchange in history]
    kept = _count_kept(costs, room=room - fixed)
    recent = history[len(history) - kept :]
    tokens = fixed + sum(costs[len(costs) - kept :])
    return Context(
        messages=_messages(system, recent, asked, profile),
        tokens=tokens,
        first_turn_id=recent[0].turn_id if recent else None,
        dropped_turns=len(history) - kept,
        free_tokens=max(0, window - tokens),
        full_history=_messages(system, history, "", profile) if kept < len(history) else (),
    )


def _messages(
    system: str, past: tuple[PastTurn, ...], asked: str, manner: ModelProfile
) -> tuple[Message, ...]:
    lines = [Message("system", system)]
    for each in past:
        lines.append(
            Message("user", _user_text(each.question, concise=each.concise, manner=manner))
        )
        lines.append(Message("assistant", each.answer))
    lines.append(Message("user", asked))
    return tuple(lines) if manner.system_role else merge_system_into_user(tuple(lines))


def _user_text(question: str, *, concise: bool, manner: ModelProfile) -> str:
    if not concise:
        return question
    return f"vv {question}{VV_REMINDER if manner.repeat_vv else ''}"


def _cost(exchange: PastTurn, manner: ModelProfile) -> int:
    asked = _user_text(exchange.question, concise=exchange.concise, manner=manner)
    return estimate_tokens(asked) + estimate_tokens(exchange.answer)


def _count_kept(costs: list[int], *, room: int) -> int:
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


def merge_system_into_user(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Put the system prompt before the first question, for templates that know no system role."""
    if messages[0].role != "system":
        return messages
    system, first, *rest = messages
    return (Message("user", f"{system.content}\n\n{first.content}"), *rest)
