"""What a provider's failures mean, told by class and status and never by their text."""

from collections.abc import Mapping
from math import isfinite

from ..core.errors import (
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    InvalidKey,
    Loading,
    ModelNotFound,
    OutOfCredit,
    Overloaded,
    ProviderError,
    ServerError,
    Unreachable,
)
from .openai_client import ApiError, ConnectionFailed, RequestFailed

# Codes for a model that is gone, with another status than 404.
MODEL_GONE_CODES = ("model_not_found", "model_not_available")
# Codes and types of moderation.
CONTENT_FILTER_CODES = ("content_policy_violation", "moderation_blocked", "content_filter")


def translate_error(
    exc: RequestFailed, provider: str, *, model: str, tokens: int = 0, window: int = 0
) -> ProviderError:
    """Turn a failed request into a `ProviderError`.

    Args:
        exc: how the request failed.
        provider: its name.
        model: which one was asked.
        tokens: the size of the request, by our own estimate.
        window: the context window that the model is believed to have, in tokens.
    """
    match exc:
        case ConnectionFailed():
            return Unreachable(provider)
        case ApiError() if exc.field("code") in MODEL_GONE_CODES:
            return ModelNotFound(provider, model=model)
        case ApiError(status=400 | 403 | 413 | 422):
            return _rejection(exc, provider, tokens, window)
        case ApiError() if exc.status:
            return _refusal(exc, provider, model)
        case _:
            return ServerError(provider)


def _rejection(exc: ApiError, provider: str, tokens: int, window: int) -> ProviderError:
    """Tell a request that is too long from one that is wrong; together.ai says 403 to both."""
    code, kind = exc.field("code"), exc.field("type")
    if kind == "exceed_context_size_error" or tokens > window:
        limit = as_count(exc.body.get("n_ctx")) or window
        return ContextTooLong(
            provider, tokens=as_count(exc.body.get("n_prompt_tokens")) or tokens, limit=limit
        )
    if code in CONTENT_FILTER_CODES or kind in CONTENT_FILTER_CODES:
        return ContentFiltered(provider)
    if exc.status == 403:
        return InvalidKey(provider)
    return BadRequest(provider, parameter=exc.field("param"))


def _refusal(exc: ApiError, provider: str, model: str) -> ProviderError:
    status = exc.status
    if status == 404:
        return ModelNotFound(provider, model=model)
    if status == 503 and exc.field("type") == "unavailable_error":
        return Loading(provider)
    if status in {429, 503, 529} and exc.field("code") != "insufficient_quota":
        after = _seconds(exc.retry_after)
        return Overloaded(provider, retry_after_seconds=after)
    failures: Mapping[int, type[ProviderError]] = {
        401: InvalidKey,
        402: OutOfCredit,
        429: OutOfCredit,
    }
    return failures.get(status, ServerError if status >= 500 else BadRequest)(provider)


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
