"""What a provider's failures mean, told by class and status and never by their text.

The one place that knows the SDK's exceptions.
"""

import json
from collections.abc import Mapping

import httpx
import openai

from .errors import (
    Faulty,
    KeyRefused,
    Loading,
    ModelGone,
    NoCredit,
    Overloaded,
    ProviderError,
    Rejected,
    TooLong,
    Unreachable,
    Unwelcome,
)

# What some say with other numbers than 404.
GONE = ("model_not_found", "model_not_available")
# What moderation calls itself.
UNWELCOME = ("content_policy_violation", "moderation_blocked", "content_filter")
# All that comes out of the SDK, which turns most of httpx's errors into its own and passes on what
# Python makes of a line that is no JSON.
FOREIGN = (
    openai.OpenAIError,
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    json.JSONDecodeError,
    UnicodeDecodeError,
    RecursionError,
)


def translated(
    exc: Exception, provider: str, *, model: str, tokens: int = 0, window: int = 0
) -> ProviderError:
    """Turn a foreign failure into ours.

    Args:
        exc: what came out of the SDK.
        provider: who failed.
        model: what it was asked for.
        tokens: the size of what was sent, by our own estimate.
        window: what the model is thought to take.
    """
    match exc:
        case openai.APIConnectionError() | httpx.TransportError():
            # A timeout is one of them: only connecting has a limit of the SDK's own.
            return Unreachable(provider)
        case openai.APIStatusError() if exc.code in GONE:
            return ModelGone(provider, model=model)
        case openai.APIStatusError() if exc.status_code in {400, 403, 413, 422}:
            return _rejection(exc, provider, tokens, window)
        case openai.APIStatusError():
            return _refusal(exc, provider, model)
        case _:
            return Faulty(provider)


def _rejection(
    exc: openai.APIStatusError, provider: str, tokens: int, window: int
) -> ProviderError:
    """Tell a request that is too long from one that is wrong; together.ai says 403 to both."""
    body = exc.body if isinstance(exc.body, dict) else {}
    if exc.type == "exceed_context_size_error" or tokens > window:
        limit = count(body.get("n_ctx")) or window
        return TooLong(provider, tokens=count(body.get("n_prompt_tokens")) or tokens, limit=limit)
    if exc.code in UNWELCOME or exc.type in UNWELCOME:
        return Unwelcome(provider)
    if exc.status_code == 403:
        return KeyRefused(provider)
    return Rejected(provider, parameter=str(exc.param or ""))


def _refusal(exc: openai.APIStatusError, provider: str, model: str) -> ProviderError:
    status = exc.status_code
    if status == 404:
        return ModelGone(provider, model=model)
    if status == 503 and exc.type == "unavailable_error":
        return Loading(provider)
    if status in {429, 503, 529} and exc.code != "insufficient_quota":
        after = _seconds(exc.response.headers.get("retry-after"))
        return Overloaded(provider, retry_after_seconds=after)
    failures: Mapping[int, type[ProviderError]] = {
        401: KeyRefused,
        402: NoCredit,
        429: NoCredit,
    }
    return failures.get(status, Faulty if status >= 500 else Rejected)(provider)


def count(value: object) -> int:
    """Read a number of tokens; 0 for everything that is none."""
    return value if isinstance(value, int) else 0


def _seconds(header: str | None) -> float | None:
    """Read a Retry-After in seconds; the form with a date is not worth a parser."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
