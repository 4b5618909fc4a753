"""`ambrosio chat`: the same assistant in the terminal.

Answers go to stdout as the model writes them, everything else to stderr.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace

from ..app import now, open_app
from ..assistant.answers import Answer, Assistant
from ..assistant.progress import Progress
from ..config.settings import Settings
from ..core import texts
from ..core.messages import TERMINAL, Turn
from ..core.vv import split_vv


async def chat(settings: Settings, question: str, piped: str, provider: str, *, new: bool) -> int:
    """Answer a question, or chat until the input ends; return the exit code.

    Args:
        settings: the loaded settings.
        question: what stands on the command line; "" to be asked for questions.
        piped: text from standard input, added to the question.
        provider: who is asked first, as NAME or NAME/MODEL; "" follows the route.
        new: start a new conversation.
    """
    async with open_app(settings) as app:
        name = provider.partition("/")[0]
        if name and name not in app.providers:
            known = ", ".join(app.providers)
            line = texts.NO_SUCH_PROVIDER.format(name=name, known=known)
            print(f"error: {line}", file=sys.stderr)
            return 2
        text = "\n\n".join(part for part in (question, piped.strip()) if part)
        if new:
            state = app.store.conversations.chat_state(TERMINAL)
            app.store.conversations.set_chat_state(TERMINAL, replace(state, latest_turn_id=None))
        if text:
            return await _answer(app.assistant, text, model=provider, now=now)
        return await _chat_until_eof(app.assistant, model=provider, now=now)


async def _chat_until_eof(assistant: Assistant, *, model: str, now: Callable[[], float]) -> int:
    if not sys.stdin.isatty():
        print(f"error: {texts.NO_QUESTION}", file=sys.stderr)
        return 2
    print("Ctrl+D exits", file=sys.stderr)
    while (line := await asyncio.to_thread(_read_line)) is not None:
        if line.strip():
            await _answer(assistant, line, model=model, now=now)
    return 0


def _read_line() -> str | None:
    """Prompt for a line on stderr, since stdout is for answers; None at the end of input."""
    print("> ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line or None


async def _answer(assistant: Assistant, text: str, *, model: str, now: Callable[[], float]) -> int:
    concise, question = split_vv(text)
    turn = Turn(
        chat=TERMINAL,
        message_id=int(now() * 1000),
        user_id=TERMINAL.chat_id,
        question=question.strip(),
        concise=concise,
        parent_id=assistant.latest_turn_id(TERMINAL),
        model=model,
    )
    progress, output = Progress(), TerminalOutput()
    async with asyncio.TaskGroup() as group:
        printing = group.create_task(_print_progress(progress, output))
        try:
            answer = await assistant.answer(turn, progress)
        finally:
            printing.cancel()
    output.write(answer.text)
    if answer.text:
        print()
    _print_footer(answer)
    assistant.save(answer)
    return 1 if answer.failure else 0


class TerminalOutput:
    """Prints a growing answer; what is printed cannot be taken back."""

    def __init__(self) -> None:
        self._printed = ""

    def write(self, text: str) -> None:
        """Print what is new in the text, or all of it if another provider started over."""
        if not text.startswith(self._printed):
            print("\n\n(restarting)\n", file=sys.stderr)
            self._printed = ""
        print(text[len(self._printed) :], end="", flush=True)
        self._printed = text


async def _print_progress(progress: Progress, output: TerminalOutput) -> None:
    printed = ""
    while True:
        await progress.changed.wait()
        progress.changed.clear()
        if progress.text:
            output.write(progress.text)
        elif progress.note not in {"", printed}:
            printed = progress.note
            print(f"({printed})", file=sys.stderr, flush=True)


def _print_footer(answer: Answer) -> None:
    if answer.failure:
        print(f"error: {answer.failure.owner_message}", file=sys.stderr)
    elif answer.cut_note:
        print(f"({answer.cut_note})", file=sys.stderr)
    elif answer.finished:
        print(f"({answer.finished.ref})", file=sys.stderr)
