"""The chunks of one streamed completion, parsed into `StreamEvent`s.

Not async, and does no I/O. Whatever kind of server sent them, text, thoughts, usage, progress and
the way it ended come out alike.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..core.errors import NoText, ServerError
from ..core.messages import (
    AnswerFinished,
    AnswerStarted,
    Delta,
    FinishReason,
    ModelRef,
    StatusNote,
    StreamEvent,
    Usage,
)
from . import repetition
from .thinking import ThinkTagParser

# A chunk as it came, unchecked.
RawChunk = Mapping[str, Any]

# How many characters must arrive before the text is searched for loops again.
LOOP_CHECK_CHARS = 100
# A shorter prompt is read in a moment, and needs no progress line.
SLOW_TOKENS = 512


class StreamParser:
    """Parses one answer, chunk by chunk.

    `feed` raises `ServerError` on a malformed chunk, and so does `end` if the answer was cut; `end`
    raises `NoText` if no text came.
    """

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._ref = ModelRef(provider, model)
        self._think_tags = ThinkTagParser()
        self._finish: FinishReason | None = None
        self.usage: Usage | None = None
        self._all_text = ""
        self._text_chars = self._checked_at = self._repeated = 0
        self.started = self._has_text = False

    @property
    def has_finish_reason(self) -> bool:
        """Whether the server has said how the answer ended."""
        return self._finish is not None

    @property
    def looping(self) -> bool:
        """Whether the model only repeats itself, so that the rest is not worth reading."""
        return self._repeated > 0

    def feed(self, chunk: RawChunk) -> list[StreamEvent]:
        """Parse a chunk, or raise `ServerError` if it is malformed."""
        try:
            return self._read(chunk)
        except (AttributeError, TypeError, ValueError, OverflowError):
            raise ServerError(self._provider) from None

    def _read(self, chunk: RawChunk) -> list[StreamEvent]:
        # Chunks that only report progress or usage give no words.
        self.usage = _usage(chunk) or self.usage
        if not self._ref.model and chunk.get("model"):
            self._ref = replace(self._ref, model=str(chunk["model"]))
        events = self._progress(chunk)
        for choice in chunk.get("choices") or ():
            # The last choice of some servers has none.
            events += self._emit(self._split_thinking(choice.get("delta") or {}))
            if reason := choice.get("finish_reason"):
                self._finish = FinishReason.LENGTH if reason == "length" else FinishReason.STOP
        return events

    def _split_thinking(self, delta: RawChunk) -> Delta:
        thinking = delta.get("reasoning") or delta.get("reasoning_content") or ""
        text = self._think_tags.feed(delta.get("content") or "")
        return Delta(text.text, str(thinking) + text.reasoning)

    def end(self) -> list[StreamEvent]:
        """Close the answer, or raise: without a finish reason the connection was cut."""
        events = self._emit(self._think_tags.end())
        if self.looping:
            self._finish = FinishReason.LOOP
        if self._finish is None:
            raise ServerError(self._provider)
        if not self._has_text:
            raise NoText(self._provider)
        repeated = min(self._repeated, self._text_chars)
        return [*events, AnswerFinished(self._ref, self._finish, self.usage, repeated)]

    def _emit(self, delta: Delta) -> list[StreamEvent]:
        if not delta.text and not delta.reasoning:
            return []
        self._has_text = self._has_text or bool(delta.text.strip())
        self._check_for_loop(delta)
        if self.started:
            return [delta]
        self.started = True
        return [AnswerStarted(self._ref), delta]

    def _check_for_loop(self, delta: Delta) -> None:
        self._all_text += delta.reasoning + delta.text
        self._text_chars += len(delta.text)
        if len(self._all_text) >= self._checked_at + LOOP_CHECK_CHARS:
            self._checked_at = len(self._all_text)
            self._repeated = repetition.repeated_tail(self._all_text)

    def _progress(self, chunk: RawChunk) -> list[StreamEvent]:
        """Say how much of a long prompt llama.cpp has read; a small machine takes minutes."""
        new = unread_tokens(chunk)
        if self.started or new < SLOW_TOKENS:
            return []
        progress = chunk["prompt_progress"]
        read = progress.get("processed", 0) - progress.get("cache", 0)
        return [StatusNote(f"Reading… {max(0, read) * 100 // new} %")]


def unread_tokens(chunk: RawChunk) -> int:
    """Tell how many tokens of the prompt llama.cpp does not remember, if the chunk says so."""
    progress = chunk.get("prompt_progress") or {}
    return int(progress.get("total", 0)) - int(progress.get("cache", 0))


def _usage(chunk: RawChunk) -> Usage | None:
    usage = chunk.get("usage") or {}
    read = usage.get("prompt_tokens_details") or {}
    counted = Usage(
        prompt=_tokens(usage.get("prompt_tokens")),
        completion=_tokens(usage.get("completion_tokens")),
        # together.ai puts it flat for some models.
        cached=_tokens(read.get("cached_tokens") or usage.get("cached_tokens")),
    )
    # A server that says nothing but zeros has not counted.
    return counted if counted.prompt or counted.completion else None


def _tokens(value: Any) -> int:
    """Read a number of tokens; less than none would be money that comes back."""
    return max(0, int(value or 0))
