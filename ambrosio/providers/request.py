"""How a question is put to a model: what goes beside the words, and what is left out on a refusal.

Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from ..config.provider import ProviderRow
from ..core.context_window import fold
from ..core.errors import Empty, ProviderError, Rejected, TooLong
from ..core.messages import Message
from ..core.vv import CONCISE_TOKENS

# Thoughts count as tokens of the answer; a model that cannot do without them needs room for both.
THINKING_TOKENS = 1200
# How a flavour is told not to think. gpt-oss can only be told to think little.
UNTHINKING: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "template": {"chat_template_kwargs": {"enable_thinking": False}},
    "reasoning": {"reasoning": {"enabled": False}},
    "effort": {"reasoning_effort": "low"},
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to put a question.

    Args:
        lines: the messages.
        frugal: the plainest answer is wanted, without thoughts.
        limited: a short one is.
        most: it may take so many tokens; 0 is no limit.
        folds: a refusal may mean that the model's template knows no system role.
    """

    lines: tuple[Message, ...]
    frugal: bool = False
    limited: bool = False
    most: int = 0
    folds: bool = False

    def milder(self, exc: ProviderError) -> Self | None:
        """Give what to try after a failure, None when there is nothing left."""
        match exc:
            case Empty() if self.limited:
                return replace(self, limited=False)
            case TooLong():
                return None
            case Rejected() if self.frugal:
                return replace(self, frugal=False)
            case Rejected() if self.limited or self.most:
                # The limit goes last; some models know it only by another name.
                return replace(self, limited=False, most=0)
            case Rejected() if self.folds and self.lines[0].role == "system":
                return replace(self, lines=fold(self.lines))
            case _:
                return None

    def body(self, row: ProviderRow) -> dict[str, Any]:
        """Put together what goes beside the messages; nothing that nobody asked for."""
        body: dict[str, Any] = dict(row.extra)
        if row.flavour == "llama":
            # Only with this does a llama.cpp server notice, while it reads, that we are gone.
            body |= {"return_progress": True}
        if row.flavour != "together":
            body |= {"stream_options": {"include_usage": True}}
        if self.frugal:
            body |= {"temperature": 0, **UNTHINKING[row.thinking]}
        if self.limited:
            thoughts = THINKING_TOKENS if row.thinking == "effort" else 0
            body |= {"max_tokens": CONCISE_TOKENS + thoughts}
        elif self.most:
            body |= {"max_tokens": self.most}
        return body


@dataclass(frozen=True, slots=True)
class Question:
    """What goes out: the lines, about how many tokens they are, and what goes beside them."""

    lines: tuple[Message, ...]
    model: str
    beside: Mapping[str, Any]
    tokens: int = 0

    @property
    def body(self) -> dict[str, Any]:
        """Give what the server reads."""
        said = [{"role": line.role, "content": line.content} for line in self.lines]
        return {"model": self.model or "default", "messages": said, **self.beside}
