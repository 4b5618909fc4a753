"""The chunks of one streamed completion, parsed into `StreamEvent`s.

Not async, and does no I/O. Whatever kind of server sent them, text, thoughts, usage, progress and
the way it ended come out alike.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..core.concise_guard import ConciseGuard
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
from ..core.provider_errors import NoText, ServerError
from ..core.tools import NO_TOOLS, ToolCall, ToolUse
from .foreign_values import clean_name, fields_of, token_count
from .repetition import LoopGuard, LoopLimits
from .thinking import ThinkTagParser
from .tool_calls import LeakedCallFilter, ToolCallReader

# A chunk as it came, unchecked.
RawChunk = Mapping[str, Any]

# The words of servers and of the vendors behind gateways, in lower case; all others are a failure
# of the server. Sources: OpenAI, together.ai (`eos`), Anthropic, Gemini, Azure, vLLM (`abort`).
FINISH_REASONS: Mapping[str, FinishReason] = {
    **dict.fromkeys(
        ("stop", "eos", "end_turn", "stop_sequence", "complete", "tool_calls", "function_call"),
        FinishReason.STOP,
    ),
    **dict.fromkeys(
        ("length", "max_tokens", "max_output_tokens", "model_length", "context_length"),
        FinishReason.LENGTH,
    ),
    **dict.fromkeys(
        (
            *("content_filter", "content-filter", "safety", "recitation", "refusal", "blocklist"),
            *("prohibited_content", "spii", "sensitive", "guardrail_intervened"),
        ),
        FinishReason.FILTER,
    ),
}

# A shorter prompt is read in a moment, and needs no progress line.
SLOW_TOKENS = 512


class StreamParser:
    """Parses one answer, chunk by chunk.

    `feed` raises `ServerError` on a malformed chunk before the finish reason, and so does `end` if
    the answer was cut; `end` raises `NoText` if neither text nor a call of a tool came. With
    `holds_back`, text waits for the mark that ends the thinking, for a model whose template opens
    it: until then nobody can tell the two apart. `tools` are those that the prompt names.
    """

    def __init__(
        self,
        provider: str,
        model: str,
        limits: LoopLimits | None = None,
        guard: ConciseGuard | None = None,
        *,
        holds_back: bool = False,
        tools: ToolUse = NO_TOOLS,
    ) -> None:
        self._provider = provider
        self._tools, self._tool_calls = tools, ToolCallReader()
        self._leaks = LeakedCallFilter() if tools.offered else None
        self._ref = ModelRef(provider, model)
        self._guard = guard
        self._think_tags = ThinkTagParser()
        self._text_halves, self._thinking_halves = _SurrogateJoiner(), _SurrogateJoiner()
        self._emitted_text = ""
        self._holds_back, self._held_text, self._guarded_text = holds_back, "", ""
        self._finish: FinishReason | None = None
        self.usage: Usage | None = None
        self._loop_guard = LoopGuard(limits)
        self._text_chars = 0
        self._index: int | None = None
        self.started = self._has_text = self._has_deltas = False

    @property
    def has_finish_reason(self) -> bool:
        """Whether the server has said how the answer ended."""
        return self._finish is not None

    @property
    def opened_thinking(self) -> bool:
        """Whether the thinking had no opening mark, only a closing one."""
        return self._think_tags.retracts

    @property
    def looping(self) -> bool:
        """Whether the model only repeats itself, so that the rest is not worth reading."""
        return self._loop_guard.repeated_chars > 0

    @property
    def is_complete(self) -> bool:
        """Whether nothing that still comes belongs to the answer."""
        guarded = self._guard is not None and self._guard.ended
        return self.looping or guarded or self._tool_calls.is_endless

    def feed(self, chunk: RawChunk) -> list[StreamEvent]:
        """Parse a chunk, or raise `ServerError` if it is malformed."""
        try:
            return self._read(chunk)
        except (AttributeError, TypeError, ValueError, OverflowError):
            if self.has_finish_reason:
                return []
            raise ServerError(self._provider) from None

    def _read(self, chunk: RawChunk) -> list[StreamEvent]:
        # Chunks that only report progress or usage give no words.
        self.usage = _usage(chunk) or self.usage
        if not self._ref.model and chunk.get("model"):
            self._ref = replace(self._ref, model=clean_name(chunk["model"]))
        events = self._progress(chunk)
        for choice in chunk.get("choices") or ():
            if not self._is_first_choice(choice):
                continue
            delta = self._delta(choice)
            retracted = self._think_tags.retracts
            split = self._split_thinking(delta)
            if self._think_tags.retracts and not retracted:
                split = self._retract(split)
                events.append(AnswerStarted(self._ref))
            events += self._emit(split)
            if delta.get("tool_calls") and self._may_call:
                self._tool_calls.feed(delta["tool_calls"])
                events += self._start()
            if reason := choice.get("finish_reason"):
                self._finish = FINISH_REASONS.get(str(reason).lower(), FinishReason.SERVER)
        return events

    def _is_first_choice(self, choice: RawChunk) -> bool:
        """Say whether it belongs to the first of several answers, where more were configured."""
        index = choice.get("index") or 0
        self._index = index if self._index is None else self._index
        return bool(index == self._index)

    def _delta(self, choice: RawChunk) -> RawChunk:
        """Return the new words; a whole message, which ends some streams, repeats their deltas."""
        delta: RawChunk = choice.get("delta") or {}
        message: RawChunk = choice.get("message") or {}
        self._has_deltas |= bool(delta.get("content") or delta.get("tool_calls"))
        return message if message and not (delta or self._has_deltas) else delta

    def _split_thinking(self, delta: RawChunk) -> Delta:
        thinking = delta.get("reasoning") or delta.get("reasoning_content") or ""
        content = delta.get("content") or ""
        if isinstance(content, list):
            thinking, content = _block_text(content, "thinking"), _block_text(content, "text")
        if not isinstance(content, str):
            raise TypeError
        text = self._think_tags.feed(self._text_halves.join(content))
        return Delta(text.text, self._thinking_halves.join(str(thinking)) + text.reasoning)

    def _retract(self, delta: Delta) -> Delta:
        """Turn all text so far into thinking: only now is the end of the thinking seen."""
        self._text_chars, self._has_text = 0, False
        if self._leaks:
            self._leaks = LeakedCallFilter()
        thinking = self._release() + self._emitted_text + delta.reasoning
        if self._guard:
            self._guard = ConciseGuard(self._guard.plan)
        return Delta(delta.text, thinking)

    def end(self, *, is_done: bool = False) -> list[StreamEvent]:
        """Close the answer, or raise.

        Without a finish reason the connection was cut, unless `[DONE]` came (`is_done`), which some
        gateways send alone.
        """
        rest, self._holds_back = self._rest(), False
        events = self._emit(Delta(self._release() + rest.text, rest.reasoning))
        if self._leaks:
            events += self._guard_text(Delta(self._leaks.end()))
        if self._guard:
            events += self._emit_text(Delta(self._guard.end()))
        if self.looping:
            self._finish = FinishReason.LOOP
        elif self.is_complete:
            self._finish = FinishReason.STOP
        calls = self._calls()
        if self._finish is None and is_done and (self._has_text or calls):
            self._finish = FinishReason.STOP
        if self._finish is None:
            raise ServerError(self._provider)
        if not self._has_text and not calls:
            raise NoText(self._provider)
        repeated = min(self._loop_guard.repeated_chars, self._text_chars)
        events += self._start()
        return [*events, AnswerFinished(self._ref, self._finish, self.usage, repeated, calls)]

    @property
    def _may_call(self) -> bool:
        return bool(self._tools.offered) and not self._tools.must_answer

    def _calls(self) -> tuple[ToolCall, ...]:
        """Return what the model calls; a call written as text counts if nothing else was said."""
        if not self._may_call:
            return ()
        if calls := self._tool_calls.calls(cut=self._finish is FinishReason.LENGTH):
            return calls
        if self._has_text or self._leaks is None:
            return ()
        return self._leaks.calls({tool.name for tool in self._tools.offered})

    def _start(self) -> list[StreamEvent]:
        """Say that the answer has begun, once."""
        events: list[StreamEvent] = [] if self.started else [AnswerStarted(self._ref)]
        self.started = True
        return events

    def _rest(self) -> Delta:
        """Return what was held back: the end of a mark that was none, half of a character."""
        fed = self._think_tags.feed(self._text_halves.end())
        ended = self._think_tags.end()
        thinking = self._thinking_halves.end() + fed.reasoning + ended.reasoning
        return Delta(fed.text + ended.text, thinking)

    def _emit(self, delta: Delta) -> list[StreamEvent]:
        if self._holds_back:
            delta = self._hold(delta)
        if self._leaks:
            delta = replace(delta, text=self._leaks.feed(delta.text))
        return self._guard_text(delta)

    def _guard_text(self, delta: Delta) -> list[StreamEvent]:
        if self._guard:
            delta = replace(delta, text=self._guard.feed(delta.text))
        return self._emit_text(delta)

    def _emit_text(self, delta: Delta) -> list[StreamEvent]:
        if not delta.text and not delta.reasoning:
            return []
        self._has_text = self._has_text or bool(delta.text.strip())
        if not self._think_tags.retracts:
            self._emitted_text += delta.text
        self._text_chars += len(delta.text)
        # What was held back has been looked at already.
        self._loop_guard.feed((delta.reasoning + delta.text).replace(self._guarded_text, "", 1))
        self._guarded_text = ""
        return [*self._start(), delta]

    def _hold(self, delta: Delta) -> Delta:
        """Keep text back while it may turn out to be thinking; return what may be shown."""
        if delta.reasoning:
            # Marked as it should be, or the closing mark has come.
            self._holds_back = False
            return Delta(self._release() + delta.text, delta.reasoning)
        self._held_text += delta.text
        self._loop_guard.feed(delta.text)
        return Delta()

    def _release(self) -> str:
        """Return the text that was held back."""
        self._guarded_text, self._held_text = self._held_text, ""
        return self._guarded_text

    def _progress(self, chunk: RawChunk) -> list[StreamEvent]:
        """Say how much of a long prompt llama.cpp has read; a small machine takes minutes."""
        new = unread_tokens(chunk)
        if self.started or new < SLOW_TOKENS:
            return []
        progress = fields_of(chunk.get("prompt_progress"))
        read = token_count(progress.get("processed")) - token_count(progress.get("cache"))
        return [StatusNote(f"Reading… {max(0, read) * 100 // new} %")]


class _SurrogateJoiner:
    """Joins the halves of a character that a server has cut between two chunks.

    JSON may escape a character beyond the first 65,536 as two halves, and some servers cut between
    them. A half that stays alone cannot be stored or sent, and becomes U+FFFD.
    """

    def __init__(self) -> None:
        self._half = ""

    def join(self, text: str) -> str:
        """Return the text with its halves joined; a first half at the end is kept for later."""
        if not text:
            return ""
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def end(self) -> str:
        """Return what stands for a half that is still alone."""
        half, self._half = self._half, ""
        return "\ufffd" if half else ""


def _block_text(blocks: list[Any], kind: str) -> str:
    """Return the text of the typed blocks of one kind, as Mistral sends them."""
    found = []
    for block in blocks:
        if isinstance(block, dict) and block.get("type") == kind:
            value = block.get(kind)
            found.append(_block_text(value, "text") if isinstance(value, list) else str(value))
    return "".join(found)


def unread_tokens(chunk: RawChunk) -> int:
    """Tell how many tokens of the prompt llama.cpp does not remember, if the chunk says so."""
    progress = fields_of(chunk.get("prompt_progress"))
    return token_count(progress.get("total")) - token_count(progress.get("cache"))


def _usage(chunk: RawChunk) -> Usage | None:
    usage = fields_of(chunk.get("usage"))
    read = fields_of(usage.get("prompt_tokens_details"))
    counted = Usage(
        prompt=token_count(usage.get("prompt_tokens")),
        completion=token_count(usage.get("completion_tokens")),
        # together.ai puts it flat for some models.
        cached=token_count(read.get("cached_tokens") or usage.get("cached_tokens")),
    )
    # A server that says nothing but zeros has not counted.
    return counted if counted.prompt or counted.completion else None
