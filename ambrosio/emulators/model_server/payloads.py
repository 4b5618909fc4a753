"""The JSON of the two kinds of model server: llama.cpp's and together.ai's.

It only gives things their shape; what is said and when is decided elsewhere.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .responses import Overflow, Refusal

ServerKind = Literal["llama", "together"]
Json = dict[str, Any]

# The stand-in has no clock; all its answers are of the same second.
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
class Tally:
    """The tokens of one answer, counted while it is given."""

    prompt: int
    cached: int = 0
    thoughts: int = 0
    words: int = 0
    limit: int | None = None

    @property
    def completion(self) -> int:
        """All tokens that were made, thoughts included."""
        return self.thoughts + self.words

    @property
    def full(self) -> bool:
        """Whether `max_tokens` is used up."""
        return self.limit is not None and self.completion >= self.limit


@dataclass(frozen=True, slots=True)
class ChatPayloads:
    """The shapes of one answer in one kind."""

    server_kind: ServerKind
    id: str
    model: str

    @property
    def thought_key(self) -> str:
        """The field of a delta that carries thoughts."""
        return "reasoning_content" if self.server_kind == "llama" else "reasoning"

    def chunk(self, delta: Json | None, finish: str | None = None) -> Json:
        """One piece of a stream; without *delta* it has no choices."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
            "choices": [] if delta is None else [choice],
        }

    def last(self, finish: str, tally: Tally, *, usage: bool, asked: bool) -> list[Json]:
        """The chunks that close a stream; usage is *asked* for with `stream_options`."""
        closing = self.chunk({}, finish)
        if self.server_kind == "together":
            return [{**closing, "usage": self.usage(tally)} if usage else closing]
        if not (usage and asked):
            return [{**closing, "timings": timings(tally)}]
        counted = {"usage": self.usage(tally), "timings": timings(tally)}
        return [closing, {**self.chunk(None), **counted}]

    def progress(self, tally: Tally) -> list[Json]:
        """How far the prompt is read, in two steps."""
        steps = sorted({(tally.cached + tally.prompt) // 2, tally.prompt})
        read = {"total": tally.prompt, "cache": tally.cached, "time_ms": 1}
        return [
            {**self.chunk({"content": None}), "prompt_progress": {**read, "processed": step}}
            for step in steps
        ]

    def whole(self, words: str, thoughts: str, finish: str | None, tally: Tally) -> Json:
        """An answer in one piece."""
        message = {"role": "assistant", "content": words}
        if thoughts:
            message[self.thought_key] = thoughts
        answer: Json = {
            "id": self.id,
            "object": "chat.completion",
            "created": CREATED,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": self.usage(tally),
        }
        if self.server_kind == "llama":
            answer["timings"] = timings(tally)
        return answer

    def usage(self, tally: Tally) -> Json:
        """The token counts; together nests them for models that think and for no others."""
        counted: Json = {
            "prompt_tokens": tally.prompt,
            "completion_tokens": tally.completion,
            "total_tokens": tally.prompt + tally.completion,
        }
        if self.server_kind == "together" and not tally.thoughts:
            return {**counted, "cached_tokens": tally.cached}
        if self.server_kind == "together":
            counted["completion_tokens_details"] = {"reasoning_tokens": tally.thoughts}
        return {**counted, "prompt_tokens_details": {"cached_tokens": tally.cached}}


def data(*values: Json | str) -> bytes:
    """Return *values* as server-sent events."""
    texts = (v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values)
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def error(
    server_kind: ServerKind,
    status: int,
    *,
    kind: str = "",
    message: str = "",
    param: str | None = None,
) -> Json:
    """Return the body of a refusal, with the kind's usual words where none are given."""
    fallback = "server_error" if status >= 500 else "invalid_request_error"
    kind = kind or TYPES[server_kind].get(status, fallback)
    message = message or MESSAGES[server_kind].get(status, "The request was not accepted.")
    if server_kind == "llama":
        return {"error": {"code": status, "message": message, "type": kind}}
    return {"error": {"message": message, "type": kind, "param": param, "code": None}}


def overflow(server_kind: ServerKind, tokens: int, limit: int) -> Json:
    """Return the body of the refusal of a prompt that is too long."""
    if server_kind == "together":
        # The wording of its 422, the only one on record.
        message = f"inputs tokens + max_new_tokens must be <= {limit}, given {tokens}"
        return error(server_kind, 400, message=message)
    message = (
        f"request ({tokens} tokens) exceeds the available context size ({limit} tokens), "
        "try increasing it"
    )
    body = error(server_kind, 400, kind="exceed_context_size_error", message=message)
    body["error"].update(n_prompt_tokens=tokens, n_ctx=limit)
    return body


def refusal(
    server_kind: ServerKind, given: Refusal
) -> tuple[int, str | Mapping[str, Any], dict[str, str]]:
    """Return status, body and headers of *given*."""
    headers = {"x-request-id": "stand-in"} if server_kind == "together" else {}
    if isinstance(given, Overflow):
        return 400, overflow(server_kind, given.tokens, given.limit), headers
    if given.retry_after is not None:
        headers["retry-after"] = str(given.retry_after)
    body = given.body
    if body is None:
        body = error(
            server_kind, given.code, kind=given.type, message=given.message, param=given.param
        )
    return given.code, body, headers


def timings(tally: Tally) -> Json:
    """Return llama.cpp's timings, as if every token took ten milliseconds."""
    read = tally.prompt - tally.cached
    return {
        "cache_n": tally.cached,
        "prompt_n": read,
        "prompt_ms": 10.0 * read,
        "prompt_per_second": 100.0,
        "predicted_n": tally.completion,
        "predicted_ms": 10.0 * tally.completion,
        "predicted_per_second": 100.0,
    }


def models(server_kind: ServerKind, served: Mapping[str, str], n_ctx: int, *, vision: bool) -> Any:
    """Return the list of models: at together an array without anything around it."""
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


def props(model: str, n_ctx: int, slots: int, *, vision: bool, sleeping: bool) -> Json:
    """Return what llama.cpp says of itself."""
    return {
        "default_generation_settings": {"n_ctx": n_ctx, "params": {}},
        "total_slots": slots,
        "model_alias": model,
        "model_path": f"/models/{model}.gguf",
        "modalities": {"vision": vision, "audio": False, "video": False},
        "chat_template": CHAT_TEMPLATE,
        "chat_template_caps": {"supports_system_role": True},
        "build_info": "b0-standin",
        "is_sleeping": sleeping,
    }
