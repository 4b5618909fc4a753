"""`ambrosio chat`: the same assistant in the terminal.

Answers go to stdout as the model writes them, everything else to stderr.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace

from ..assistant.answers import Answer, Assistant
from ..assistant.progress import Progress
from ..core import texts
from ..core.messages import TERMINAL, Turn
from ..core.vv import split_vv


async def talk(
    assistant: Assistant, words: str, *, model: str, fresh: bool, now: Callable[[], float]
) -> int:
    """Answer one question, or one after the other until the input ends; give the exit code."""
    if fresh:
        state = assistant.store.conversations.chat_state(TERMINAL)
        assistant.store.conversations.set_chat_state(TERMINAL, replace(state, latest_turn_id=None))
    if words:
        return await _answer(assistant, words, model=model, now=now)
    if not sys.stdin.isatty():
        print(f"error: {texts.NO_QUESTION}", file=sys.stderr)
        return 2
    print("Ctrl+D ends the conversation, Ctrl+C an answer", file=sys.stderr)
    while (line := await asyncio.to_thread(_ask)) is not None:
        if line.strip():
            await _answer(assistant, line, model=model, now=now)
    return 0


def _ask() -> str | None:
    # The prompt is not part of the data, so it goes to stderr.
    print("> ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line or None


async def _answer(assistant: Assistant, words: str, *, model: str, now: Callable[[], float]) -> int:
    concise, question = split_vv(words)
    turn = Turn(
        chat=TERMINAL,
        message_id=int(now() * 1000),
        user_id=TERMINAL.chat_id,
        question=question.strip(),
        concise=concise,
        parent_id=assistant.latest_turn_id(TERMINAL),
        model=model,
    )
    progress, paper = Progress(), TerminalOutput()
    async with asyncio.TaskGroup() as group:
        showing = group.create_task(_show(progress, paper))
        try:
            answer = await assistant.answer(turn, progress)
        finally:
            showing.cancel()
    paper.write(answer.text)
    if answer.text:
        print()
    _print_end(answer)
    assistant.save(answer)
    return 1 if answer.failure else 0


class TerminalOutput:
    """What stands on the screen already, which cannot be taken back."""

    def __init__(self) -> None:
        self._text = ""

    def write(self, text: str) -> None:
        """Print what is new; when another provider starts afresh, all of it."""
        if not text.startswith(self._text):
            print("\n\n(starting afresh)\n", file=sys.stderr)
            self._text = ""
        print(text[len(self._text) :], end="", flush=True)
        self._text = text


async def _show(progress: Progress, paper: TerminalOutput) -> None:
    while True:
        await progress.changed.wait()
        progress.changed.clear()
        if progress.text:
            paper.write(progress.text)


def _print_end(answer: Answer) -> None:
    if answer.failure:
        print(f"error: {answer.failure.user_message}", file=sys.stderr)
    elif answer.is_loop:
        print("(cut off: the model only repeated itself from here on)", file=sys.stderr)
    elif answer.is_cut:
        print("(cut off: the answer reached its length limit)", file=sys.stderr)
    elif answer.finished:
        print(f"({answer.finished.ref})", file=sys.stderr)
