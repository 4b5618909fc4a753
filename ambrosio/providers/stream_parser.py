"""What has come of one answer so far: words, thoughts, and how it ended.

Reads the chunks of a stream, whatever the kind, and asks nobody.
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

# A piece of a stream, as it came: nobody has checked it.
RawChunk = Mapping[str, Any]

# How many characters come before the text is looked through for loops again.
LOOP_CHECK_CHARS = 100
# Less than this is read in a moment, and not worth a word.
SLOW_TOKENS = 512


class StreamParser:
    """What has come of one answer so far."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._ref = ModelRef(provider, model)
        self._thoughts = ThinkTagParser()
        self._finish: FinishReason | None = None
        self.usage: Usage | None = None
        self._said = ""
        self._words = self._looked_at = self._surplus = 0
        self.started = self._spoken = False

    @property
    def looping(self) -> bool:
        """Whether the model only repeats itself, so that the rest is not worth waiting for."""
        return self._surplus > 0

    def feed(self, chunk: RawChunk) -> list[StreamEvent]:
        """Read a chunk, or raise `ServerError` when it is not as agreed."""
        try:
            return self._read(chunk)
        except (AttributeError, TypeError, ValueError, OverflowError):
            raise ServerError(self._provider) from None

    def _read(self, chunk: RawChunk) -> list[StreamEvent]:
        # Chunks that only report progress or usage give no words.
        self.usage = _usage(chunk) or self.usage
        if not self._ref.model and chunk.get("model"):
            self._ref = replace(self._ref, model=str(chunk["model"]))
        parts = self._progress(chunk)
        for choice in chunk.get("choices") or ():
            # The last choice of some servers has none.
            parts += self._say(self._split_thinking(choice.get("delta") or {}))
            if reason := choice.get("finish_reason"):
                self._finish = FinishReason.LENGTH if reason == "length" else FinishReason.STOP
        return parts

    def _split_thinking(self, delta: RawChunk) -> Delta:
        thought = delta.get("reasoning") or delta.get("reasoning_content") or ""
        words = self._thoughts.feed(delta.get("content") or "")
        return Delta(words.text, str(thought) + words.reasoning)

    def end(self) -> list[StreamEvent]:
        """Close the answer, or raise: without a finish reason the line was cut."""
        parts = self._say(self._thoughts.end())
        if self.looping:
            self._finish = FinishReason.LOOP
        if self._finish is None:
            raise ServerError(self._provider)
        if not self._spoken:
            raise NoText(self._provider)
        surplus = min(self._surplus, self._words)
        return [*parts, AnswerFinished(self._ref, self._finish, self.usage, surplus)]

    def _say(self, delta: Delta) -> list[StreamEvent]:
        if not delta.text and not delta.reasoning:
            return []
        self._spoken = self._spoken or bool(delta.text.strip())
        self._check_for_loop(delta)
        if self.started:
            return [delta]
        self.started = True
        return [AnswerStarted(self._ref), delta]

    def _check_for_loop(self, delta: Delta) -> None:
        self._said += delta.reasoning + delta.text
        self._words += len(delta.text)
        if len(self._said) >= self._looked_at + LOOP_CHECK_CHARS:
            self._looked_at = len(self._said)
            self._surplus = repetition.repeated_tail(self._said)

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
