"""How a question is put to a model: what goes beside the words, and what is left out on a refusal.

Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from ..config.provider import ProviderConfig
from ..core.context_window import merge_system_into_user
from ..core.errors import BadRequest, ContextTooLong, NoText, ProviderError
from ..core.messages import Message
from ..core.vv import MAX_CONCISE_TOKENS

# Thoughts count as tokens of the answer; a model that cannot do without them needs room for both.
THINKING_TOKENS = 1200
# How a kind is told not to think. gpt-oss can only be told to think little.
NO_THINKING_PARAMS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "template": {"chat_template_kwargs": {"enable_thinking": False}},
    "reasoning": {"reasoning": {"enabled": False}},
    "effort": {"reasoning_effort": "low"},
}


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """One way to put a question.

    Args:
        lines: the messages.
        frugal: the plainest answer is wanted, without thoughts.
        limited: a short one is.
        most: it may take so many tokens; 0 is no limit.
        folds: a refusal may mean that the model's template knows no system role.
    """

    messages: tuple[Message, ...]
    no_thinking: bool = False
    short: bool = False
    max_tokens: int = 0
    may_merge_system: bool = False

    def relaxed(self, exc: ProviderError) -> Self | None:
        """Give what to try after a failure, None when there is nothing left."""
        match exc:
            case NoText() if self.short:
                return replace(self, short=False)
            case ContextTooLong():
                return None
            case BadRequest() if self.no_thinking:
                return replace(self, no_thinking=False)
            case BadRequest() if self.short or self.max_tokens:
                # The limit goes last; some models know it only by another name.
                return replace(self, short=False, max_tokens=0)
            case BadRequest() if self.may_merge_system and self.messages[0].role == "system":
                return replace(self, messages=merge_system_into_user(self.messages))
            case _:
                return None

    def body(self, row: ProviderConfig) -> dict[str, Any]:
        """Put together what goes beside the messages; nothing that nobody asked for."""
        body: dict[str, Any] = dict(row.extra_body)
        if row.server_kind == "llama":
            # Only with this does a llama.cpp server notice, while it reads, that we are gone.
            body |= {"return_progress": True}
        if row.server_kind != "together":
            body |= {"stream_options": {"include_usage": True}}
        if self.no_thinking:
            body |= {"temperature": 0, **NO_THINKING_PARAMS[row.thinking]}
        if self.short:
            thoughts = THINKING_TOKENS if row.thinking == "effort" else 0
            body |= {"max_tokens": MAX_CONCISE_TOKENS + thoughts}
        elif self.max_tokens:
            body |= {"max_tokens": self.max_tokens}
        return body


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What goes out: the lines, about how many tokens they are, and what goes beside them."""

    messages: tuple[Message, ...]
    model: str
    params: Mapping[str, Any]
    tokens: int = 0

    @property
    def body(self) -> dict[str, Any]:
        """Give what the server reads."""
        said = [{"role": line.role, "content": line.content} for line in self.messages]
        return {"model": self.model or "default", "messages": said, **self.params}
