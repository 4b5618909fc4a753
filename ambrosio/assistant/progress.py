"""TODO docstring."""

import asyncio

from ..core.messages import Delta


class Progress:
    """An answer while it grows, for those who show it, and the way to stop it.

    `message` is the question's, and `superseded` says that the question has been edited meanwhile.
    `parts` are answers that stop with it.
    """

    def __init__(self, message: int = 0) -> None:
        self.message_id = message
        self.superseded = False
        self.text = ""
        self.reasoning = ""
        # Why there is nothing yet, to be shown in the place of words.
        self.note = ""
        self.stopped = False
        self.changed = asyncio.Event()
        self.parts: list[Progress] = []
        self._scope: asyncio.Timeout | None = None

    def stop(self) -> None:
        """End the answer where it is; the provider's stream is closed at once."""
        self.stopped = True
        for part in self.parts:
            part.stop()
        if self._scope is not None:
            self._scope.reschedule(asyncio.get_running_loop().time())

    def bind_scope(self, scope: asyncio.Timeout | None) -> None:
        """Hand over the scope that a stop cancels; a stop that came earlier acts now."""
        self._scope = scope
        if self.stopped:
            self.stop()

    def reset(self) -> None:
        """Forget what was said: another provider starts afresh."""
        self.text = self.reasoning = self.note = ""
        self.changed.set()

    @property
    def shown(self) -> str:
        """What a preview shows: the words, or why there are none yet."""
        return self.text or (f"*{self.note}*" if self.note else "")

    def set_note(self, note: str) -> None:
        """Say why there is nothing yet."""
        if note != self.note:
            self.note = note
            self.changed.set()

    def append(self, delta: Delta) -> None:
        """Take in the next piece."""
        self.text += delta.text
        self.reasoning += delta.reasoning
        self.changed.set()
