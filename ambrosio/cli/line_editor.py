"""Reading questions in a terminal: editing, history, several lines, completion of commands."""

import sys
from collections.abc import Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output

HELP = "Enter sends, Alt+Enter starts a new line, /help lists the commands, Ctrl+D exits"


class LineEditor:
    """Asks for one question after the other."""

    def __init__(self, asked: Iterable[str], commands: Iterable[str]) -> None:
        """Take the earlier questions, oldest first, and the commands to complete.

        The history is not a file of its own: deleting the questions deletes it too.
        """
        self._session: PromptSession[str] = PromptSession(
            history=InMemoryHistory(list(asked)),
            completer=WordCompleter([f"/{name}" for name in commands], sentence=True),
            complete_while_typing=False,
            key_bindings=_key_bindings(),
            multiline=True,
            prompt_continuation="… ",
            # Stdout is for answers, and may be a file.
            output=create_output(stdout=sys.stderr),
        )

    async def read(self) -> str | None:
        """Return what was typed; None at Ctrl+D. Ctrl+C raises `KeyboardInterrupt`."""
        try:
            return await self._session.prompt_async("> ")
        except EOFError:
            return None


def _key_bindings() -> KeyBindings:
    keys = KeyBindings()

    # What is typed during an answer arrives with Ctrl+J for Enter.
    @keys.add("enter")
    @keys.add("c-j")
    def send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    # Terminals send Alt+Enter as Escape and Enter.
    @keys.add("escape", "enter")
    def start_new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys
