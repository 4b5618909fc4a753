"""What is sent to a model beside the messages, and what is left out after a refusal. Pure."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

from ..config.provider import ProviderConfig
from ..core.context_window import fold_tools, merge_system_into_user
from ..core.messages import Message
from ..core.provider_errors import (
    BadRequest,
    ContextTooLong,
    MalformedToolCall,
    NoText,
    ProviderError,
)
from ..core.tools import NO_TOOLS, ToolDefinition, ToolUse
from ..core.vv import MAX_CONCISE_TOKENS, STOP_SEQUENCES, AnswerPlan
from .repetition import LoopLimits

# Returns the bytes of a picture by its hash; empty if they are gone.
PictureReader = Callable[[str], bytes]
# Stands in for a picture whose bytes are gone.
GONE_PICTURE = "[a picture that is no longer kept]"
# Thoughts count as tokens of the answer; a model that cannot do without them needs room for both.
THINKING_TOKENS = 1200
# Without these it is another request.
ESSENTIAL = frozenset({"model", "messages", "stream"})
# A server that refuses these takes no tools at all.
TOOL_PARAMS = frozenset({"tools", "tool_choice", "functions"})
# How a kind is told not to think. gpt-oss can only be told to think little.
NO_THINKING_PARAMS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "template": {"chat_template_kwargs": {"enable_thinking": False}},
    "reasoning": {"reasoning": {"enabled": False}},
    "effort": {"reasoning_effort": "low"},
}


def keeps_no_pictures(_picture_hash: str) -> bytes:
    """Return nothing: without a store there are no pictures."""
    return b""


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """How a model is asked, apart from the text.

    Args:
        messages: what is sent.
        no_thinking: temperature 0, and no thinking where it can be switched off.
        short: with the token limit of a concise turn.
        plan: what answer a concise turn wants.
        max_tokens: the limit otherwise; 0 is none.
        may_merge_system: a refusal may mean that the model's template has no system role.
        dropped: parameters that the server has refused by name.
        tools: the tools that the prompt names.
    """

    messages: tuple[Message, ...]
    no_thinking: bool = False
    short: bool = False
    plan: AnswerPlan | None = None
    max_tokens: int = 0
    may_merge_system: bool = False
    dropped: frozenset[str] = frozenset()
    tools: ToolUse = NO_TOOLS

    def without_tools(self) -> Self:
        """Return the request without tools; what they have found is part of the question then."""
        return replace(self, tools=NO_TOOLS, messages=fold_tools(self.messages))

    def relax(self, exc: ProviderError) -> Self | None:
        """Return what to try after a failure, None if nothing is left."""
        if self.tools.offered and _is_about_tools(exc):
            return self.without_tools()
        return self._relax_params(exc)

    def _relax_params(self, exc: ProviderError) -> Self | None:
        match exc:
            case NoText() if self.short:
                return replace(self, short=False)
            case ContextTooLong():
                return None
            case BadRequest() if exc.parameter and exc.parameter not in self.dropped | ESSENTIAL:
                return replace(self, dropped=self.dropped | {exc.parameter})
            case BadRequest() if self.plan and "stop" not in self.dropped:
                # The least of a loss: the guard ends the answer too.
                return replace(self, dropped=self.dropped | {"stop"})
            case BadRequest() if self.no_thinking:
                return replace(self, no_thinking=False)
            case BadRequest() if self.short or self.max_tokens:
                # The limit goes last; some models know it only by another name.
                return replace(self, short=False, max_tokens=0)
            case BadRequest() if self.may_merge_system and self.messages[0].role == "system":
                return replace(self, messages=merge_system_into_user(self.messages))
            case _:
                return None

    def body(self, config: ProviderConfig) -> dict[str, Any]:
        """Return the parameters beside the messages; none that nobody asked for."""
        body: dict[str, Any] = dict(config.extra_body)
        if config.server_kind == "llama":
            # Only with this does llama.cpp notice, while it reads, that the client is gone.
            body |= {"return_progress": True}
            if self.plan:
                # What the worked exchanges show is to be repeated, see `sizing.STEADIED_BYTES`.
                body |= {"repeat_penalty": 1.0}
        if config.server_kind != "together":
            body |= {"stream_options": {"include_usage": True}}
        if self.no_thinking:
            body |= {"temperature": 0, **NO_THINKING_PARAMS[config.thinking]}
        if self.plan:
            body |= {"stop": [*STOP_SEQUENCES]}
        if self.short:
            thinking = THINKING_TOKENS if config.thinking == "effort" else 0
            limit = self.plan.max_tokens if self.plan else MAX_CONCISE_TOKENS
            body |= {"max_tokens": limit + thinking}
        elif self.max_tokens:
            body |= {"max_tokens": self.max_tokens}
        return body | self._tool_params(config)

    def _tool_params(self, config: ProviderConfig) -> dict[str, Any]:
        if not self.tools.offered:
            return {}
        params: dict[str, Any] = {"tools": [_describe(tool) for tool in self.tools.offered]}
        if self.tools.must_answer:
            params |= {"tool_choice": "none"}
        if config.server_kind == "openai":
            # One after the other, as elsewhere by default: small models get several wrong.
            params |= {"parallel_tool_calls": False}
        return params


def _is_about_tools(exc: ProviderError) -> bool:
    """Say whether a failure may be due to the tools; a server that has none rarely says so."""
    match exc:
        case ContextTooLong():
            return False
        case BadRequest():
            return exc.parameter in {"", *TOOL_PARAMS}
        case _:
            return isinstance(exc, NoText | MalformedToolCall)


def _describe(tool: ToolDefinition) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request for a completion: messages, parameters, tokens; `plan` if it is concise.

    `read_picture` returns the bytes of a picture by its hash; none if they are gone.
    """

    messages: tuple[Message, ...]
    model: str
    params: Mapping[str, Any]
    tokens: int = 0
    plan: AnswerPlan | None = None
    read_picture: PictureReader = keeps_no_pictures
    tools: ToolUse = NO_TOOLS

    @property
    def text(self) -> str:
        """All that is said in it."""
        return "\n".join(message.content for message in self.messages)

    @property
    def loop_limits(self) -> LoopLimits:
        """When the answer counts as a loop."""
        asked = [message.content for message in self.messages if message.role == "user"]
        return LoopLimits.for_question(asked[-1] if asked else "", concise=self.plan is not None)

    @property
    def has_pictures(self) -> bool:
        """Whether any of its messages has pictures, which are written by `picture_body`."""
        return any(message.pictures for message in self.messages)

    @property
    def body(self) -> dict[str, Any]:
        """The body of the request, if it has no pictures."""
        return self.body_with("")

    def body_with(self, mark: str) -> dict[str, Any]:
        """Return the body, with the hash of each picture between marks in place of its bytes."""
        messages = [self._message(message, mark) for message in self.messages]
        return {"model": self.model or "default", "messages": messages, **self.params}

    def _message(self, message: Message, mark: str) -> dict[str, Any]:
        content = self._content(message, mark)
        written: dict[str, Any] = {"role": message.role, "content": content}
        if message.role == "tool":
            written["tool_call_id"] = message.call_id
        if message.calls:
            written["content"] = message.content or None
            written["tool_calls"] = [
                {
                    "id": call.call_id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in message.calls
            ]
        return written

    def _content(self, message: Message, mark: str) -> str | list[dict[str, Any]]:
        """Write what a message says: plain text, or its pictures and then the text."""
        if not message.pictures:
            return message.content
        parts: list[dict[str, Any]] = []
        for picture in message.pictures:
            if self.read_picture(picture.hash):
                url = f"data:{picture.mime};base64,{mark}{picture.hash}{mark}"
                parts.append({"type": "image_url", "image_url": {"url": url}})
            else:
                parts.append({"type": "text", "text": GONE_PICTURE})
        return [*parts, {"type": "text", "text": message.content}]


class Attempts:
    """One question, asked with fewer options until the server takes it."""

    def __init__(self, options: RequestOptions) -> None:
        self.first = self.options = options
        self.answered = False
        self.refusal: BadRequest | None = None

    @contextmanager
    def relaxing(self) -> Iterator[None]:
        """Swallow a failure that fewer options may help with; let every other one pass."""
        try:
            yield
        except (NoText, BadRequest, MalformedToolCall) as exc:
            relaxed = self.options.relax(exc)
            if relaxed is None:
                raise
            self.options = relaxed
            self.refusal = exc if isinstance(exc, BadRequest) else self.refusal
