"""What has come of one answer so far: words, thoughts, and how it ended.

Reads the chunks of a stream, whatever the flavour. It knows the SDK's types and asks nobody.
"""

from dataclasses import replace
from typing import cast

from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDelta

from . import repetition
from .errors import Empty, Faulty
from .messages import Begun, Delta, Ended, Finish, ModelRef, Note, Part, Usage
from .thoughts import ThoughtFilter

# How many characters come before the text is looked through for loops again.
LOOKED_THROUGH_EVERY = 100
# Less than this is read in a moment, and not worth a word.
SLOW_TOKENS = 512


class Hearing:
    """What has come of one answer so far."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._ref = ModelRef(provider, model)
        self._thoughts = ThoughtFilter()
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._said = ""
        self._words = self._looked_at = self._surplus = 0
        self.begun = self._spoken = False

    @property
    def looping(self) -> bool:
        """Whether the model only repeats itself, so that the rest is not worth waiting for."""
        return self._surplus > 0

    def take(self, chunk: ChatCompletionChunk) -> list[Part]:
        """Read a chunk, or raise `Faulty`: the SDK does not check what it hands over."""
        try:
            return self._read(chunk)
        except (AttributeError, TypeError, ValueError):
            raise Faulty(self._provider) from None

    def _read(self, chunk: ChatCompletionChunk) -> list[Part]:
        # Chunks that only report progress or usage give no words.
        self._usage = _usage(chunk) or self._usage
        if not self._ref.model and chunk.model:
            self._ref = replace(self._ref, model=str(chunk.model))
        parts = self._progress(chunk)
        for choice in chunk.choices or ():
            # The last choice of some servers has none.
            if (delta := cast("ChoiceDelta | None", choice.delta)) is not None:
                parts += self._say(self._heard(delta))
            if choice.finish_reason:
                long = choice.finish_reason == "length"
                self._finish = Finish.LENGTH if long else Finish.STOP
        return parts

    def _heard(self, delta: ChoiceDelta) -> Delta:
        extra = delta.model_extra or {}
        thought = extra.get("reasoning") or extra.get("reasoning_content") or ""
        words = self._thoughts.feed(delta.content or "")
        return Delta(words.text, str(thought) + words.reasoning)

    def end(self) -> list[Part]:
        """Close the answer, or raise: without a finish reason the line was cut."""
        parts = self._say(self._thoughts.end())
        if self.looping:
            self._finish = Finish.LOOP
        if self._finish is None:
            raise Faulty(self._provider)
        if not self._spoken:
            raise Empty(self._provider)
        surplus = min(self._surplus, self._words)
        return [*parts, Ended(self._ref, self._finish, self._usage, surplus)]

    def _say(self, delta: Delta) -> list[Part]:
        if not delta.text and not delta.reasoning:
            return []
        self._spoken = self._spoken or bool(delta.text.strip())
        self._listen_for_loops(delta)
        if self.begun:
            return [delta]
        self.begun = True
        return [Begun(self._ref), delta]

    def _listen_for_loops(self, delta: Delta) -> None:
        self._said += delta.reasoning + delta.text
        self._words += len(delta.text)
        if len(self._said) >= self._looked_at + LOOKED_THROUGH_EVERY:
            self._looked_at = len(self._said)
            self._surplus = repetition.surplus(self._said)

    def _progress(self, chunk: ChatCompletionChunk) -> list[Part]:
        """Say how much of a long prompt llama.cpp has read; a small machine takes minutes."""
        new = unread(chunk)
        if self.begun or new < SLOW_TOKENS:
            return []
        progress = (chunk.model_extra or {})["prompt_progress"]
        read = progress.get("processed", 0) - progress.get("cache", 0)
        return [Note(f"Reading… {max(0, read) * 100 // new} %")]


def unread(chunk: ChatCompletionChunk) -> int:
    """Tell how many tokens of the prompt llama.cpp does not remember, if the chunk says so."""
    progress = (chunk.model_extra or {}).get("prompt_progress") or {}
    return int(progress.get("total", 0)) - int(progress.get("cache", 0))


def _usage(chunk: ChatCompletionChunk) -> Usage | None:
    if chunk.usage is None:
        return None
    usage = chunk.usage
    read, said = usage.prompt_tokens_details, usage.completion_tokens_details
    # together.ai puts it flat for some models.
    flat = (usage.model_extra or {}).get("cached_tokens")
    cached = (read.cached_tokens if read else None) or flat or 0
    return Usage(
        prompt=int(usage.prompt_tokens or 0),
        completion=int(usage.completion_tokens or 0),
        cached=int(cached),
        reasoning=int((said.reasoning_tokens if said else None) or 0),
    )
