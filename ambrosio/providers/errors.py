"""What a provider's failures mean, told by class and status and never by their text.

The one place that knows what `wire` fails with.
"""

from collections.abc import Mapping
from math import isfinite

import httpx
from httpx_sse import SSEError

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
from .http import Refused

# What some say of a model that is gone, with other numbers than 404.
GONE = ("model_not_found", "model_not_available")
# What moderation calls itself.
UNWELCOME = ("content_policy_violation", "moderation_blocked", "content_filter")
# All that comes out of `wire`.
FOREIGN = (
    Refused,
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    # Of JSON that is none, of bytes that are no text, and of a number with thousands of digits.
    ValueError,
    RecursionError,
)


def translate_error(
    exc: Exception, provider: str, *, model: str, tokens: int = 0, window: int = 0
) -> ProviderError:
    """Turn a foreign failure into ours.

    Args:
        exc: what came out of `wire`.
        provider: who failed.
        model: what it was asked for.
        tokens: the size of what was sent, by our own estimate.
        window: what the model is thought to take.
    """
    match exc:
        case SSEError():
            # Its kind is that of a line that broke, but this is a page in the place of a stream.
            return ServerError(provider)
        case httpx.TransportError():
            # A timeout is one of them: only connecting has a limit of its own.
            return Unreachable(provider)
        case Refused() if exc.told("code") in GONE:
            return ModelNotFound(provider, model=model)
        case Refused(status=400 | 403 | 413 | 422):
            return _rejection(exc, provider, tokens, window)
        case Refused() if exc.status:
            return _refusal(exc, provider, model)
        case _:
            return ServerError(provider)


def _rejection(exc: Refused, provider: str, tokens: int, window: int) -> ProviderError:
    """Tell a request that is too long from one that is wrong; together.ai says 403 to both."""
    code, kind = exc.told("code"), exc.told("type")
    if kind == "exceed_context_size_error" or tokens > window:
        limit = count(exc.body.get("n_ctx")) or window
        return ContextTooLong(
            provider, tokens=count(exc.body.get("n_prompt_tokens")) or tokens, limit=limit
        )
    if code in UNWELCOME or kind in UNWELCOME:
        return ContentFiltered(provider)
    if exc.status == 403:
        return InvalidKey(provider)
    return BadRequest(provider, parameter=exc.told("param"))


def _refusal(exc: Refused, provider: str, model: str) -> ProviderError:
    status = exc.status
    if status == 404:
        return ModelNotFound(provider, model=model)
    if status == 503 and exc.told("type") == "unavailable_error":
        return Loading(provider)
    if status in {429, 503, 529} and exc.told("code") != "insufficient_quota":
        after = _seconds(exc.retry_after)
        return Overloaded(provider, retry_after_seconds=after)
    failures: Mapping[int, type[ProviderError]] = {
        401: InvalidKey,
        402: OutOfCredit,
        429: OutOfCredit,
    }
    return failures.get(status, ServerError if status >= 500 else BadRequest)(provider)


def count(value: object) -> int:
    """Read a number of tokens; 0 for everything that is none."""
    return value if isinstance(value, int) else 0


def _seconds(header: str) -> float | None:
    """Read a Retry-After in seconds; the form with a date is not worth a parser."""
    try:
        seconds = float(header)
    except ValueError:
        return None
    return max(0.0, seconds) if isfinite(seconds) else None
