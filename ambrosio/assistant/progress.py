"""An answer while it is being written, shared by the writer, the display and /stop."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from ..core.messages import Delta

# What Markdown would take for markup in a note.
_MARKS, _ESCAPED = re.compile(r"([\\*_`\[\]<>~|])"), r"\\\1"


class Progress:
    """The text of an answer so far, and the way to stop it.

    `message_id` is the question's, and `superseded` says that the question was edited meanwhile, or
    is `continued` by another message, with which it is asked again. `parts` are answers that stop
    with it.
    """

    def __init__(self, message_id: int = 0) -> None:
        self.message_id = message_id
        self.superseded = False
        self.continued = False
        self.text = ""
        self.reasoning = ""
        # Why there is no text yet, shown in its place.
        self.note = ""
        self.stopped = False
        self.changed = asyncio.Event()
        self.parts: list[Progress] = []
        self._scope: anyio.CancelScope | None = None

    def stop(self) -> None:
        """End the answer where it is; the provider's stream is closed at once."""
        self.stopped = True
        for part in self.parts:
            part.stop()
        if self._scope is not None:
            self._scope.cancel()

    @contextmanager
    def stoppable(self) -> Iterator[anyio.CancelScope]:
        """Cancel the block when `stop` is called, or at once if it was called before.

        Afterwards `cancelled_caught` of the scope says whether the block was cut short.
        """
        with anyio.CancelScope() as scope:
            self._scope = scope
            if self.stopped:
                scope.cancel()
            try:
                yield scope
            finally:
                self._scope = None

    def reset(self) -> None:
        """Forget the text: another provider starts again."""
        self.text = self.reasoning = self.note = ""
        self.changed.set()

    @property
    def shown(self) -> str:
        """What is shown of it, in Markdown: the text, or why there is none yet."""
        return self.text or (f"*{_MARKS.sub(_ESCAPED, self.note)}*" if self.note else "")

    def set_note(self, note: str) -> None:
        """Say why there is no text yet."""
        if note != self.note:
            self.note = note
            self.changed.set()

    def append(self, delta: Delta) -> None:
        """Append the next piece."""
        self.text += delta.text
        self.reasoning += delta.reasoning
        self.changed.set()
