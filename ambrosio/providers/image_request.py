"""One request for images, as the API of OpenAI has it; the dialects are `images.dialects`'."""

import asyncio
from collections.abc import Mapping

from ..core.provider_errors import (
    BadRequest,
    ContentFiltered,
    ImageTooLarge,
    InvalidKey,
    ServerError,
    TimedOut,
)
from .content_refusals import refuses_content
from .errors import connection_failure, translate_error
from .openai_client import ApiClient, ApiError, ConnectionFailed, RequestFailed


async def post_images(
    client: ApiClient, name: str, body: Mapping[str, object], *, seconds: float, max_bytes: int
) -> bytes:
    """Ask for images and return the response's JSON, or raise `ProviderError`.

    Args:
        client: the server.
        name: what the settings call it.
        body: the request, with `model` and `prompt`.
        seconds: how long all of it may take; a server that is left stops working.
        max_bytes: a larger response is `ImageTooLarge`.
    """
    content, connected = bytearray(), False
    try:
        async with asyncio.timeout(seconds), client.post_images(body) as response:
            connected = True
            async for data in response:
                content += data
                if len(content) > max_bytes:
                    raise ImageTooLarge(name)
    except TimeoutError:
        raise TimedOut(name) from None
    except ConnectionFailed as exc:
        raise connection_failure(exc, name, started=connected) from exc
    except RequestFailed as exc:
        said = " ".join(text for text in body.values() if isinstance(text, str))
        failure = translate_error(exc, name, model=str(body["model"]), said=said)
        if isinstance(failure, BadRequest | InvalidKey | ServerError) and _refuses_content(exc):
            detail, failure = failure.detail, ContentFiltered(name)
            failure.detail = detail
        raise failure from exc
    return bytes(content)


def _refuses_content(exc: RequestFailed) -> bool:
    """Whether a failure is about what was asked for; some servers say so with 403 or 500."""
    return (
        isinstance(exc, ApiError) and not exc.is_page and refuses_content(exc.body or exc.message)
    )
