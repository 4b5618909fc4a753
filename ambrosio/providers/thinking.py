"""Separating a model's thinking from its answer where the server does not."""

from ..core.messages import Delta

OPEN, CLOSE = "<think>", "</think>"


class ThinkTagParser:
    """Takes a leading `<think>…</think>` out of streamed text.

    Servers send thinking in a field of its own only if they know the model's template; otherwise
    the tags are at the very beginning of the content, possibly split over deltas.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, text: str) -> Delta:
        """Parse the next piece of text; what may still be a tag is held back."""
        self._held += text
        if self._state == "start":
            self._start()
        if self._state == "thinking":
            return self._thought()
        if self._state == "start":
            return Delta()
        words, self._held = self._held, ""
        if self._state == "after":
            words = words.lstrip()
            self._state = "after" if not words else "words"
        return Delta(text=words)

    def end(self) -> Delta:
        """Return what was held back, at the end of the stream."""
        held, self._held = self._held, ""
        return Delta(reasoning=held) if self._state == "thinking" else Delta(text=held)

    def _start(self) -> None:
        begun = self._held.lstrip()
        if begun.startswith(OPEN):
            self._held, self._state = begun.removeprefix(OPEN), "thinking"
        elif not OPEN.startswith(begun):
            self._state = "words"

    def _thought(self) -> Delta:
        thought, closed, rest = self._held.partition(CLOSE)
        if closed:
            self._held, self._state = "", "after"
            return Delta(text=self.feed(rest).text, reasoning=thought)
        # The end may be the beginning of the closing tag.
        keep = next((n for n in range(len(CLOSE) - 1, 0, -1) if thought.endswith(CLOSE[:n])), 0)
        self._held = thought[len(thought) - keep :]
        return Delta(reasoning=thought[: len(thought) - keep])
