"""How answers look in a terminal: Markdown that grows on a screen, plain text in a pipe.

Answers go to stdout, everything about them to stderr.
"""

import os
import re
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from ..assistant.progress import Progress
from .process import discard_stdout

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.segment import Segment

# What a terminal would obey instead of showing it: C0 without tab and newline, DEL, and C1.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
RESTARTING = "(restarting)"
# How often the screen is redrawn while an answer grows.
REDRAW_SECONDS = 0.06


class Output(Protocol):
    """Shows one answer: while it grows, and once it is complete."""

    def show(self, progress: Progress) -> None:
        """Show how far the answer has come."""

    def finish(self, text: str) -> None:
        """Show the complete text, and end the line."""

    @property
    def closed(self) -> bool:
        """Whether the reader of the output has gone."""


def open_output() -> Output:
    """Return the output that suits stdout."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return PlainOutput()
    return MarkdownOutput()


class PlainOutput:
    """Prints the words as they are; what is printed cannot be taken back."""

    def __init__(self) -> None:
        self.closed = False
        self._printed = self._note = ""

    def show(self, progress: Progress) -> None:
        """Print what is new in the text; a note goes to stderr if somebody may be reading it."""
        if progress.text:
            self._print_new(progress.text)
        elif progress.note != self._note:
            self._note = progress.note
            if progress.note and sys.stderr.isatty():
                print(progress.note, file=sys.stderr)

    def finish(self, text: str) -> None:
        """Print the rest of the text, of which a cut at the end is not taken back."""
        if text and not self._printed.startswith(text):
            self._print_new(text)
        if text:
            self._write("\n")

    def _print_new(self, text: str) -> None:
        if not text.startswith(self._printed):
            print(f"\n\n{RESTARTING}\n", file=sys.stderr)
            self._printed = ""
        self._write(text[len(self._printed) :])
        self._printed = text

    def _write(self, text: str) -> None:
        if self.closed:
            return
        if sys.stdout.isatty():
            text = CONTROL_CHARACTERS.sub("", text)
        try:
            print(text, end="", flush=True)
        except BrokenPipeError:
            self.closed = True
            discard_stdout()


class MarkdownOutput:
    """Renders Markdown while it is written.

    Finished blocks are printed for good and scroll away as usual. Only the last block, which may
    still change its look, is redrawn in place.
    """

    closed = False

    def __init__(self, console: "Console | None" = None) -> None:
        from rich.console import Console  # noqa: PLC0415  not needed in a pipe
        from rich.live import Live  # noqa: PLC0415

        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._printed = ""

    def show(self, progress: Progress) -> None:
        """Print the blocks that are finished, and redraw the last one."""
        from rich.text import Text  # noqa: PLC0415

        self._live.start()
        text = printable(progress.text)
        self._print_finished(text)
        rest = text[len(self._printed) :]
        note = progress.note or ("Thinking…" if progress.reasoning else "")
        # A line that reaches the bottom would scroll, and could not be redrawn.
        height = max(self._console.size.height - 2, 1)
        shown = _Block(rest, height) if text else Text(note, style="dim italic")
        self._live.update(shown, refresh=True)

    def finish(self, text: str) -> None:
        """Print what has not been printed for good."""
        self._live.update("", refresh=True)
        self._live.stop()
        text = printable(text)
        if text and self._printed.startswith(text):
            return
        self._print_finished(text)
        self._print(text[len(self._printed) :])

    def _print_finished(self, text: str) -> None:
        if not text.startswith(self._printed):
            self._console.print(f"\n{RESTARTING}\n", style="dim")
            self._printed = ""
        border = end_of_finished_blocks(text[len(self._printed) :])
        if border:
            finished = text[len(self._printed) :][:border]
            self._print(finished)
            self._console.print()
            self._printed += finished

    def _print(self, markdown: str) -> None:
        if markdown.strip():
            self._console.print(_Block(markdown))


class _Block:
    """Markdown without blank lines around it, or only the last of its lines."""

    def __init__(self, markdown: str, max_lines: int | None = None) -> None:
        self._markdown, self._max_lines = markdown, max_lines

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.markdown import Markdown  # noqa: PLC0415
        from rich.segment import Segment  # noqa: PLC0415

        # With the address beside its words, nobody opens what they have not seen.
        rendered = Markdown(self._markdown, hyperlinks=False)
        lines = console.render_lines(rendered, options, pad=False)
        while lines and _is_blank(lines[-1]):
            lines.pop()
        while lines and _is_blank(lines[0]):
            lines.pop(0)
        for line in lines[-self._max_lines :] if self._max_lines else lines:
            yield from line
            yield Segment.line()


def _is_blank(line: "list[Segment]") -> bool:
    return not any(segment.text.strip() for segment in line)


@contextmanager
def unechoed() -> Iterator[None]:
    """Keep keys that are pressed while an answer is redrawn off the screen, for as long as it is.

    Neither may Ctrl+C throw away what is on its way to the screen: the cursor would be elsewhere.
    """
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    quiet = [*before]
    quiet[3] = (quiet[3] & ~termios.ECHO) | termios.NOFLSH
    termios.tcsetattr(sys.stdin, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)


def printable(text: str) -> str:
    """Remove what a terminal would obey: an answer may quote escape sequences from anywhere."""
    return CONTROL_CHARACTERS.sub("", text)


def end_of_finished_blocks(markdown: str) -> int:
    """Return the length of the beginning whose look no further words can change; 0 if none.

    It ends with a blank line outside of code that is followed by a line which is not indented, so
    that it belongs to nothing above it.
    """
    border = offset = 0
    fence, after_blank = "", False
    for line in markdown.splitlines(keepends=True):
        if after_blank and not fence and line[0] not in " \t\r\n":
            border = offset
        mark = FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        after_blank = not line.strip()
        offset += len(line)
    return border
