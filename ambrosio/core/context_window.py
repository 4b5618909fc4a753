"""Builds the messages for a model: system prompt, history and question, within its context window.

Pure. Servers cache the prompt by its prefix, so what was sent in one turn must be, byte for byte,
the beginning of what is sent in the next; otherwise a small machine reads everything again. So
nothing here depends on the time, the history only grows, and when it no longer fits it is cut to a
quarter at once. Only the worked exchanges of a concise turn come and go: they stand behind the
history, so that everything before them is read once. Earlier concise turns are sent as a list: as
exchanges they would be examples, and teach a small model to answer all in a word.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .messages import Message, PicturePart
from .tools import NO_TOOLS, ToolDefinition, ToolRound, ToolUse
from .vv import AnswerPlan, add_vv, plan_answer

# For local servers that do not report their context window: the smallest in common use.
DEFAULT_WINDOW_TOKENS = 4096
# For hosted models nobody has told the window of: few have less, and a refusal tells.
HOSTED_WINDOW_TOKENS = 32_768
# Reserved for the answer, but at most a third of the window.
ANSWER_TOKENS = 2048
# The worked exchanges may take at most this part of the space for the prompt: an eighth.
EXAMPLES_DIVISOR = 8
# After a cut, the history takes at most this part of the space for the prompt: a quarter.
CUT_DIVISOR = 4
# Pictures in one request at most: each is some 300 KB, and all of them are in memory at once.
MAX_PICTURES = 20
# What a picture counts, as the Qwen vision models do: a token for each square of so many pixels,
# and the marks around it. Measured with llama.cpp, see `ProviderConfig.picture_tokens`.
PIXELS_PER_TOKEN = 32
MARK_TOKENS = 18
# Stands in for each picture in the history of a model that cannot see.
UNSEEN_PICTURE = "[a picture that you cannot see]"

# What stands above the list of concise turns, and what answers it, in whatever language the rest
# is. Without the answer, a small model takes the list for a part of the next question.
CONCISE_TURNS, NOTED = "vv:\n", "OK."


# The JSON around each definition, and what a template says of them all.
WRAPPER_TOKENS = 20
HEADING_TOKENS = 150


@dataclass(frozen=True, slots=True)
class PastTurn:
    """An answered turn: the question, whether it was concise or local only, and the answer.

    `note` was sent before the question, `pictures` with it; `fact_ids` stood behind the system
    prompt, which named the tools `tool_names`. `rounds` are the calls before the answer.
    `preface` was sent before both. `from_outside` says that the question held what neither
    the person nor the bot wrote, `read_outside` that the conversation did by then, so that the
    answer may repeat it.
    """

    turn_id: int
    question: str
    answer: str
    concise: bool = False
    local_only: bool = False
    note: str = ""
    fact_ids: tuple[int, ...] = ()
    tool_names: tuple[str, ...] = ()
    rounds: tuple[ToolRound, ...] = ()
    pictures: tuple[PicturePart, ...] = ()
    preface: str = ""
    from_outside: bool = False
    read_outside: bool = False

    @property
    def sent(self) -> str:
        """The question with all around it, as it was sent."""
        return add_preface(self.preface, add_note(self.note, self.question))


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """What a model supports; `window` is its context window in tokens.

    With `shapes_vv`, a vv question has an `AnswerPlan`; without it, as the rice test may ask, only
    the words of the prompt call for a short answer. With `vision` it sees pictures, each as at most
    `picture_tokens`; 0 is no limit.
    """

    window: int = DEFAULT_WINDOW_TOKENS
    system_role: bool = True
    repeat_vv: bool = False
    shapes_vv: bool = True
    tools: bool = False
    vision: bool = False
    picture_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """The messages to send, and what was left out of them; sizes are estimates in tokens.

    Attributes:
        tokens: the size of the messages.
        first_turn_id: the oldest turn that is included, None if there is none.
        dropped_turns: how many older turns did not fit.
        free_tokens: what the window has left for the answer.
        max_tokens: the limit for the answer, 0 for none.
        plan: what answer a concise turn wants, None for an ordinary one.
        full_history: if turns were dropped, all messages with an empty question, for a server
            that still has them in its cache.
        tools: the tools that the prompt names.
    """

    messages: tuple[Message, ...]
    tokens: int
    first_turn_id: int | None
    dropped_turns: int
    free_tokens: int = 0
    max_tokens: int = 0
    plan: AnswerPlan | None = None
    full_history: tuple[Message, ...] = ()
    tools: ToolUse = NO_TOOLS


def add_preface(preface: str, question: str) -> str:
    """Return a question with a text before it, such as that of a file."""
    return f"{preface}\n\n{question}" if preface else question


def add_note(note: str, question: str) -> str:
    """Return a question with a note above it, such as the time.

    Behind the question, SmolLM2 took it for the question, and answered "(Fri 2026-11-27 15:16)".
    """
    return f"{note}\n\n{question}" if note else question


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text, rather too many than too few.

    Three bytes per token is our own rule of thumb: English has about four. Other scripts have fewer
    characters per token but more bytes per character, so bytes work for both.
    """
    return len(text.encode("utf-8", "replace")) // 3 + 8


def estimate_tools(definitions: Iterable[ToolDefinition]) -> int:
    """Estimate the tokens of the definitions at the top of a prompt, and of what is around them."""
    sizes = [
        estimate_tokens(tool.name + tool.description + json.dumps(tool.parameters)) + WRAPPER_TOKENS
        for tool in definitions
    ]
    return sum(sizes) + HEADING_TOKENS if sizes else 0


def build_context(
    system: str,
    history: tuple[PastTurn, ...],
    question: str,
    *,
    pictures: tuple[PicturePart, ...] = (),
    preface: str = "",
    concise: bool = False,
    profile: ModelProfile | None = None,
    window: int | None = None,
    tools: ToolUse = NO_TOOLS,
) -> Context:
    """Build the messages for one request; `window` overrides the profile's, after an overflow.

    The question is always included, even if it seems too long: only the server knows for sure. So
    are its pictures, if the model sees, and the `preface` before it. A model without tools is shown
    none of them, and reads what came of their calls as a text.
    """
    profile = profile or ModelProfile()
    uses_tools = profile.tools and bool(tools.offered)
    window = window or profile.window
    prompt_limit = window - min(ANSWER_TOKENS, window // 3)
    plan = plan_answer(question) if concise and profile.shapes_vv else None
    text = add_preface(preface, question)
    asked = _user_message(text, pictures, concise=concise, profile=profile)
    examples = _examples(plan, limit=prompt_limit // EXAMPLES_DIVISOR)
    last = (*examples, asked, *_round_messages(tools.rounds))
    if not uses_tools:
        history = tuple(replace(turn, rounds=()) for turn in history)
        last = fold_tools(last)
    fixed = estimate_tokens(system) + _estimate_messages(last, profile)
    fixed += estimate_tools(tools.offered) if uses_tools else 0
    sizes = [_estimate_messages(_past_messages(turn, profile), profile) for turn in history]
    kept = _count_kept(sizes, limit=prompt_limit - fixed)
    kept = min(kept, _count_kept(_picture_sizes(history, profile), limit=MAX_PICTURES))
    recent = history[len(history) - kept :]
    tokens = fixed + sum(sizes[len(sizes) - kept :])
    return Context(
        messages=_messages(system, recent, last, profile),
        tokens=tokens,
        first_turn_id=recent[0].turn_id if recent else None,
        dropped_turns=len(history) - kept,
        free_tokens=max(0, window - tokens),
        plan=plan,
        full_history=(
            _messages(system, history, (Message("user", ""),), profile)
            if kept < len(history)
            else ()
        ),
        tools=tools if uses_tools else NO_TOOLS,
    )


def _examples(plan: AnswerPlan | None, *, limit: int) -> tuple[Message, ...]:
    """Write the worked exchanges as messages; none where they take more than `limit` tokens."""
    messages: list[Message] = []
    for question, answer in plan.examples if plan else ():
        messages.append(Message("user", add_vv(question, reminder=False)))
        messages.append(Message("assistant", answer))
    tokens = sum(estimate_tokens(line.content) for line in messages)
    return tuple(messages) if tokens <= limit else ()


def _messages(
    system: str, history: tuple[PastTurn, ...], last: tuple[Message, ...], profile: ModelProfile
) -> tuple[Message, ...]:
    messages = [Message("system", system)]
    concise: list[PastTurn] = []
    for turn in history:
        if turn.concise and not (turn.pictures or turn.preface or turn.rounds):
            concise.append(turn)
        else:
            messages += _concise_turns(concise)
            messages += _past_messages(turn, profile)
            concise = []
    messages += _concise_turns(concise)
    messages += last
    return tuple(messages) if profile.system_role else merge_system_into_user(tuple(messages))


def _concise_turns(turns: Sequence[PastTurn]) -> tuple[Message, ...]:
    """Write concise turns in a row as one exchange that holds a list of them.

    As exchanges of their own they would be examples of short answers: a small model then answers
    every other question in a few words, too. Worked exchanges come behind the list, so that it
    stays in the server's cache while it grows.
    """
    if not turns:
        return ()
    lines = [CONCISE_TURNS, *map(_concise_line, turns)]
    return Message("user", "\n".join(lines)), Message("assistant", NOTED)


def _concise_line(turn: PastTurn) -> str:
    # Code, a list or a poem begins on a line of its own.
    gap = "\n" if "\n" in turn.answer else " "
    return f"- {turn.sent} →{gap}{turn.answer}"


def _past_messages(turn: PastTurn, profile: ModelProfile) -> tuple[Message, ...]:
    asked = _user_message(turn.sent, turn.pictures, concise=turn.concise, profile=profile)
    return asked, *_round_messages(turn.rounds), Message("assistant", turn.answer)


def _round_messages(rounds: Iterable[ToolRound]) -> list[Message]:
    """Write what a model called, and what came of it, as messages."""
    messages: list[Message] = []
    for one in rounds:
        messages.append(Message("assistant", one.text, calls=one.calls))
        for call, result in zip(one.calls, one.results, strict=True):
            messages.append(Message("tool", result.content, call_id=call.call_id))
    return messages


def fold_tools(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Leave out the calls of tools; the results of the newest ones go behind the question."""
    kept: list[Message] = []
    results: list[str] = []
    for message in messages:
        if message.role == "user":
            results.clear()
        if message.role == "tool":
            results.append(message.content)
        elif not message.calls:
            kept.append(message)
    if results:
        note = "\n".join(f"(Found for this: {result})" for result in results)
        kept[-1] = replace(kept[-1], content=f"{kept[-1].content}\n\n{note}")
    return tuple(kept)


def _user_message(
    question: str, pictures: tuple[PicturePart, ...], *, concise: bool, profile: ModelProfile
) -> Message:
    """Write a question; for a model that cannot see, a line stands in for each picture."""
    if not profile.vision and pictures:
        question = "\n".join([*[UNSEEN_PICTURE] * len(pictures), question])
    text = add_vv(question, reminder=profile.repeat_vv) if concise else question
    return Message("user", text, pictures if profile.vision else ())


def _estimate_messages(messages: Iterable[Message], profile: ModelProfile) -> int:
    return sum(
        estimate_tokens(
            message.content + "".join(call.name + call.arguments for call in message.calls)
        )
        + sum(count_picture_tokens(picture, profile) for picture in message.pictures)
        for message in messages
    )


def count_picture_tokens(picture: PicturePart, profile: ModelProfile) -> int:
    """Return how many tokens of a prompt a picture takes."""
    columns, rows = -(-picture.width // PIXELS_PER_TOKEN), -(-picture.height // PIXELS_PER_TOKEN)
    tokens = columns * rows
    return min(tokens, profile.picture_tokens or tokens) + MARK_TOKENS


def _picture_sizes(history: Iterable[PastTurn], profile: ModelProfile) -> list[int]:
    return [len(turn.pictures) if profile.vision else 0 for turn in history]


def _count_kept(sizes: list[int], *, limit: int) -> int:
    """Count the newest turns to keep: all while they fit, else what fits into a quarter.

    After a cut, a server without `--cache-reuse` reads again what was kept. The less is kept, the
    rarer the next cut: keeping a quarter costs a third of a token read again per new token, keeping
    half would cost one.
    """
    if sum(sizes) <= limit:
        return len(sizes)
    kept, total = 0, 0
    for size in reversed(sizes):
        total += size
        if total > limit // CUT_DIVISOR:
            break
        kept += 1
    return kept


def merge_system_into_user(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Put the system prompt before the first question, for chat templates without a system role."""
    if messages[0].role != "system":
        return messages
    system, first, *rest = messages
    return (replace(first, content=f"{system.content}\n\n{first.content}"), *rest)
