"""What a provider's failures mean: by class, status, type and code.

By the text only where a server says nothing else, in the two tables below. Sources: the servers'
own answers, as reported to the projects that use them (llama.cpp, vLLM, SGLang, LM Studio, OpenAI,
together.ai, Groq).
"""

import re
from collections.abc import Mapping
from math import isfinite

from ..core.failure_reasons import clean_reason, connection_reason
from ..core.provider_errors import (
    BadRequest,
    Blocked,
    ContentFiltered,
    ContextTooLong,
    InvalidKey,
    Loading,
    MalformedToolCall,
    ModelNotFound,
    OutOfCredit,
    Overloaded,
    ProviderError,
    ServerError,
    Unreachable,
    WrongAddress,
)
from .openai_client import ApiError, ConnectionFailed, RequestFailed, UnreadableResponse

# Codes for a model that is gone, with another status than 404.
MODEL_GONE_CODES = ("model_not_found", "model_not_available")
# A request that does not fit the context window; the number, where there is one, is the window.
OVERFLOW_CODES = ("exceed_context_size_error", "context_length_exceeded", "string_above_max_length")
OVERFLOW_TEXT = re.compile(
    r"maximum (?:context|prompt) length is (\d+)"  # vLLM, OpenAI, DeepSeek; xAI
    r"|context length \((\d+)"  # SGLang
    # together.ai, text-generation-inference; other parameters have limits too: "steps must be …"
    r"|(?:inputs?|prompt|context|length|(?<!_)tokens)\b[^.]{0,60}must be (?:at most|<=) (\d{3,})"
    r"|(?<!tokens )(?<!tokens['`\"] )must be (?:at most|<=) (\d{3,}) tokens"
    # llama.cpp behind a proxy; with the number in its newer form
    r"|exceeds? the available context size(?: \((\d+))?"
    r"|exceeds? the (?:model's )?(?:maximum )?context (?:window|length)(?: of (\d+))?"
    r"|(?:more tokens|longer|greater) than the (?:model's )?context"  # LM Studio
    r"|context length of only (\d+) tokens"  # LM Studio
    r"|too large for model with (\d+) maximum context"  # Mistral
    r"|prompt is too long: \d+ tokens > (\d+)"  # Anthropic
    r"|maximum number of tokens allowed \((\d+)"  # Gemini
    r"|reduce the length of the messages",  # Groq
    re.IGNORECASE,
)
# An empty account, also with the status of a rate limit.
OUT_OF_CREDIT_CODES = ("insufficient_quota", "exceeded_current_quota_error", "credit_limit_error")
# What servers say where the path leads nowhere; of a model that is gone they name the model.
WRONG_PATH_TEXT = re.compile(r"(file )?not found\.?|unexpected endpoint.*", re.IGNORECASE)
# How a refused parameter is named without a field for it: Mistral, older vLLM, Azure.
PARAMETER_TEXT = re.compile(
    r"(?:unknown|unrecognized|unsupported|unexpected)\b.{0,40}?"
    r"(?:argument|parameter|field)s?\b[^:'\"`]{0,20}[:'\"`\s]+(\w+)",
    re.IGNORECASE,
)
# llama.cpp's word for a call that it cannot read, written by its own model or in the history.
TOOL_CALL_TEXT = re.compile(r"failed to parse (?:tool call|input)", re.IGNORECASE)
# Codes and types of moderation.
CONTENT_FILTER_CODES = ("content_policy_violation", "moderation_blocked", "content_filter")


BY_CODE: tuple[tuple[set[str], type[ProviderError]], ...] = (
    (set(CONTENT_FILTER_CODES), ContentFiltered),
    (set(OUT_OF_CREDIT_CODES), OutOfCredit),
    ({"unavailable_error"}, Loading),
)


def translate_error(
    exc: RequestFailed,
    provider: str,
    *,
    model: str,
    tokens: int = 0,
    window: int = 0,
    has_tools: bool = False,
    said: str | None = None,
) -> ProviderError:
    """Turn a failed request into a `ProviderError`, with what the server said as its `detail`.

    Args:
        exc: how the request failed.
        provider: its name.
        model: which one was asked.
        tokens: the size of the request, by our own estimate.
        window: the context window that the model is believed to have, in tokens.
        said: all that was sent and nobody may find in a log; see `clean_reason`.
        has_tools: whether the request named tools.
    """
    if isinstance(exc, ConnectionFailed):
        return connection_failure(exc, provider)
    failure = _meaning(exc, provider, model=model, tokens=tokens, window=window)
    if has_tools and isinstance(exc, ApiError) and TOOL_CALL_TEXT.search(exc.message):
        failure = MalformedToolCall(provider)
    failure.detail = _detail(exc, said)
    return failure


def connection_failure(
    exc: ConnectionFailed, provider: str, *, started: bool = False
) -> ProviderError:
    """Turn a connection that was not made, or broke after the answer had `started`, into both."""
    failure = (ServerError if started else Unreachable)(provider)
    failure.detail = connection_reason(exc.__cause__ or exc)
    return failure


def _meaning(
    exc: RequestFailed, provider: str, *, model: str, tokens: int, window: int
) -> ProviderError:
    match exc:
        case ApiError(is_page=True, status=404):
            return WrongAddress(provider)
        case ApiError(is_page=True) if exc.status < 500:
            return Blocked(provider)
        case ApiError() if exc.field("code") in MODEL_GONE_CODES:
            return ModelNotFound(provider, model=model)
        case ApiError() if (limit := _overflow_limit(exc, tokens, window)) is not None:
            count = as_count(exc.body.get("n_prompt_tokens")) or tokens
            return ContextTooLong(provider, tokens=count, limit=limit)
        case ApiError():
            return _refusal(exc, provider, model)
        case _:
            return ServerError(provider)


def _detail(exc: RequestFailed, said: str | None) -> str:
    """Return the status and the server's own words."""
    if isinstance(exc, UnreadableResponse):
        return "the response cannot be read"
    if not isinstance(exc, ApiError):
        return ""
    # FastAPI, and with it vLLM and SGLang, says it in `detail`.
    texts = (exc.message, exc.field("detail"), exc.field("code"), exc.field("type"))
    words = clean_reason(next(filter(None, texts), ""), None if exc.in_stream else said)
    status = f"HTTP {exc.status}" if exc.status else "in the stream"
    return f"{status}: {words}" if words else status


def _overflow_limit(exc: ApiError, tokens: int, window: int) -> int | None:
    """Return the window that a request did not fit, in tokens; None if that was not the reason."""
    named = OVERFLOW_TEXT.search(re.sub(r"(?<=\d),(?=\d{3})", "", exc.message))
    if exc.field("code") in OVERFLOW_CODES or exc.field("type") in OVERFLOW_CODES or named:
        numbers = [int(number) for number in named.groups() if number] if named else []
        return as_count(exc.body.get("n_ctx")) or (numbers[0] if numbers else window)
    return window if exc.status in {400, 403, 413, 422} and tokens > window else None


def _refusal(exc: ApiError, provider: str, model: str) -> ProviderError:
    names = {exc.field("code"), exc.field("type")}
    for codes, kind in BY_CODE:
        if names & codes:
            return kind(provider)
    if exc.status in {429, 503, 529} or "rate_limit_exceeded" in names:
        return Overloaded(provider, retry_after_seconds=_seconds(exc.retry_after))
    # FastAPI, and with it vLLM and SGLang, says it in `detail`.
    is_path = WRONG_PATH_TEXT.fullmatch(exc.message or exc.field("detail"))
    if 300 <= exc.status < 400 or (exc.status in {0, 404} and is_path):
        return WrongAddress(provider)
    if exc.status == 404:
        return ModelNotFound(provider, model=model)
    return _by_status(exc, provider)


def _by_status(exc: ApiError, provider: str) -> ProviderError:
    # 408 and 409 are over a moment later; 0 is an error in a stream.
    failures: Mapping[int, type[ProviderError]] = {
        **dict.fromkeys((0, 408, 409), ServerError),
        **dict.fromkeys((401, 403), InvalidKey),
        402: OutOfCredit,
    }
    if exc.status in failures or exc.status >= 500:
        return failures.get(exc.status, ServerError)(provider)
    return BadRequest(provider, parameter=_parameter(exc))


def _parameter(exc: ApiError) -> str:
    """Return the parameter that a server refuses, "" if it does not name one."""
    if name := exc.field("param"):
        return name
    detail = exc.body.get("detail")
    first = detail[0] if isinstance(detail, list) and detail else None
    place = first.get("loc") if isinstance(first, dict) else None
    if isinstance(place, list) and len(place) > 1:
        return str(place[1])
    named = PARAMETER_TEXT.search(exc.message)
    return named[1] if named else ""


def as_count(value: object) -> int:
    """Read a number of tokens; 0 for everything that is none."""
    return value if isinstance(value, int) else 0


def _seconds(header: str) -> float | None:
    """Read a Retry-After in seconds; the form with a date is not worth a parser."""
    try:
        seconds = float(header)
    except ValueError:
        return None
    return max(0.0, seconds) if isfinite(seconds) else None
