"""The JSON of the two kinds of model server: llama.cpp and together.ai.

It only builds the JSON; what is answered, and when, is decided by `responses` and `server`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .. import Json
from .responses import Overflow, Refusal

ServerKind = Literal["llama", "together"]

# The stand-in has no clock, so all its answers carry the same time.
CREATED = 1_795_000_000

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)

TYPES: Mapping[ServerKind, Mapping[int, str]] = {
    "llama": {
        401: "authentication_error",
        404: "not_found_error",
        501: "not_supported_error",
        503: "unavailable_error",
    },
    "together": {
        401: "authentication_error",
        402: "credit_limit_error",
        429: "rate_limit",
        503: "service_unavailable",
    },
}
MESSAGES: Mapping[ServerKind, Mapping[int, str]] = {
    "llama": {401: "Invalid API Key", 404: "File Not Found", 503: "Loading model"},
    "together": {
        401: "Invalid API key provided.",
        402: "The account has reached its spending limit.",
        404: "There is nothing at this address.",
        429: "You have reached your rate limit.",
        503: "The engine is overloaded.",
    },
}


@dataclass(slots=True)
class TokenCount:
    """The tokens of one answer, counted while it is sent."""

    prompt: int
    cached: int = 0
    thoughts: int = 0
    words: int = 0
    limit: int | None = None

    @property
    def completion(self) -> int:
        """All generated tokens, including reasoning."""
        return self.thoughts + self.words

    @property
    def full(self) -> bool:
        """Whether `max_tokens` is used up."""
        return self.limit is not None and self.completion >= self.limit


@dataclass(frozen=True, slots=True)
class ChatPayloads:
    """Builds the JSON of one answer."""

    server_kind: ServerKind
    id: str
    model: str

    @property
    def thought_key(self) -> str:
        """The field of a delta that carries reasoning."""
        return "reasoning_content" if self.server_kind == "llama" else "reasoning"

    def chunk(self, delta: Json | None, finish: str | None = None) -> Json:
        """Return one chunk of a stream; without *delta* it has no choices."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
            "choices": [] if delta is None else [choice],
        }

    def last(
        self, finish: str, tokens: TokenCount, *, usage: bool, usage_requested: bool
    ) -> list[Json]:
        """Return the chunks that close a stream; llama.cpp sends usage only if requested."""
        closing = self.chunk({}, finish)
        if self.server_kind == "together":
            return [{**closing, "usage": self.usage(tokens)} if usage else closing]
        if not (usage and usage_requested):
            return [{**closing, "timings": timings(tokens)}]
        counted = {"usage": self.usage(tokens), "timings": timings(tokens)}
        return [closing, {**self.chunk(None), **counted}]

    def progress(self, tokens: TokenCount) -> list[Json]:
        """Return the chunks that report prompt processing, in two steps."""
        steps = sorted({(tokens.cached + tokens.prompt) // 2, tokens.prompt})
        read = {"total": tokens.prompt, "cache": tokens.cached, "time_ms": 1}
        return [
            {**self.chunk({"content": None}), "prompt_progress": {**read, "processed": step}}
            for step in steps
        ]

    def whole(self, text: str, reasoning: str, finish: str | None, tokens: TokenCount) -> Json:
        """Return the body of an answer that is not streamed."""
        message = {"role": "assistant", "content": text}
        if reasoning:
            message[self.thought_key] = reasoning
        answer: Json = {
            "id": self.id,
            "object": "chat.completion",
            "created": CREATED,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": self.usage(tokens),
        }
        if self.server_kind == "llama":
            answer["timings"] = timings(tokens)
        return answer

    def usage(self, tokens: TokenCount) -> Json:
        """Return the token counts; together nests them for reasoning models only."""
        counted: Json = {
            "prompt_tokens": tokens.prompt,
            "completion_tokens": tokens.completion,
            "total_tokens": tokens.prompt + tokens.completion,
        }
        if self.server_kind == "together" and not tokens.thoughts:
            return {**counted, "cached_tokens": tokens.cached}
        if self.server_kind == "together":
            counted["completion_tokens_details"] = {"reasoning_tokens": tokens.thoughts}
        return {**counted, "prompt_tokens_details": {"cached_tokens": tokens.cached}}


def encode_sse(*values: Json | str) -> bytes:
    """Encode *values* as server-sent events."""
    texts = (v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values)
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def error_body(
    server_kind: ServerKind,
    status: int,
    *,
    kind: str = "",
    message: str = "",
    param: str | None = None,
) -> Json:
    """Return the body of an error, with the server's usual wording where none is given."""
    fallback = "server_error" if status >= 500 else "invalid_request_error"
    kind = kind or TYPES[server_kind].get(status, fallback)
    message = message or MESSAGES[server_kind].get(status, "The request was not accepted.")
    if server_kind == "llama":
        return {"error": {"code": status, "message": message, "type": kind}}
    return {"error": {"message": message, "type": kind, "param": param, "code": None}}


def overflow(server_kind: ServerKind, tokens: int, limit: int) -> Json:
    """Return the body of the error for a prompt that is too long."""
    if server_kind == "together":
        # Worded like its 422, the only one on record.
        message = f"inputs tokens + max_new_tokens must be <= {limit}, given {tokens}"
        return error_body(server_kind, 400, message=message)
    message = (
        f"request ({tokens} tokens) exceeds the available context size ({limit} tokens), "
        "try increasing it"
    )
    body = error_body(server_kind, 400, kind="exceed_context_size_error", message=message)
    body["error"].update(n_prompt_tokens=tokens, n_ctx=limit)
    return body


def error_response(
    server_kind: ServerKind, refusal: Refusal
) -> tuple[int, str | Mapping[str, Any], dict[str, str]]:
    """Return status, body and headers for *refusal*."""
    headers = {"x-request-id": "stand-in"} if server_kind == "together" else {}
    if isinstance(refusal, Overflow):
        return 400, overflow(server_kind, refusal.tokens, refusal.limit), headers
    if refusal.retry_after is not None:
        headers["retry-after"] = str(refusal.retry_after)
    body = refusal.body
    if body is None:
        body = error_body(
            server_kind,
            refusal.code,
            kind=refusal.type,
            message=refusal.message,
            param=refusal.param,
        )
    return refusal.code, body, headers


def timings(tokens: TokenCount) -> Json:
    """Return llama.cpp's timings, as if each token took ten milliseconds."""
    read = tokens.prompt - tokens.cached
    return {
        "cache_n": tokens.cached,
        "prompt_n": read,
        "prompt_ms": 10.0 * read,
        "prompt_per_second": 100.0,
        "predicted_n": tokens.completion,
        "predicted_ms": 10.0 * tokens.completion,
        "predicted_per_second": 100.0,
    }


def models(server_kind: ServerKind, served: Mapping[str, str], n_ctx: int, *, vision: bool) -> Any:
    """Return the list of models; together sends a bare array."""
    common = {"object": "model", "created": CREATED}
    if server_kind == "together":
        price = {"input": 0.15, "output": 0.6, "cached_input": 0.05, "hourly": 0, "base": 0}
        return [
            {"id": name, "type": kind, "context_length": n_ctx, "pricing": price, **common}
            | {"display_name": name, "organization": "Stand-in"}
            for name, kind in served.items()
        ]
    meta = {"n_ctx": n_ctx, "n_ctx_train": 4 * n_ctx, "n_params": 1, "size": 1}
    inputs = {"input_modalities": ["text", "image"] if vision else ["text"]}
    return {
        "object": "list",
        "data": [
            {"id": name, "owned_by": "llamacpp", "meta": meta, "architecture": inputs, **common}
            for name, kind in served.items()
            if kind == "chat"
        ],
    }


def props(
    model: str, n_ctx: int, slots: int, *, vision: bool, audio: bool, tools: bool, sleeping: bool
) -> Json:
    """Return llama.cpp's `/props`."""
    return {
        "default_generation_settings": {"n_ctx": n_ctx, "params": {}},
        "total_slots": slots,
        "model_alias": model,
        "model_path": f"/models/{model}.gguf",
        "modalities": {"vision": vision, "audio": audio, "video": False},
        "chat_template": CHAT_TEMPLATE,
        "chat_template_caps": {
            "supports_system_role": True,
            "supports_tools": tools,
            "supports_tool_calls": tools,
        },
        "build_info": "b0-standin",
        "is_sleeping": sleeping,
    }
