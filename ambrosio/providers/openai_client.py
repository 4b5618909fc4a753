"""The openai SDK as the client of one server, with its failures translated.

The one module of `providers` that imports `openai`. It does so at the first request, in a thread:
the import takes half a second, and nobody should wait for it before the first poll. What a request
means is `openai_compatible`'s.

Chunks stay plain dicts (`cast_to=object`): a model object for each token costs more than the rest
of the bot does with it, and what llama.cpp and together.ai add beside the schema stays as it came.
"""

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import httpx

from .. import __version__
from .event_bytes import EventBytes

if TYPE_CHECKING:
    import openai

JSON = "application/json"
# What a server needs to know nothing of: this machine, and the SDK's own bookkeeping.
UNSENT_HEADERS = (
    *(f"X-Stainless-{name}" for name in ("Lang", "Package-Version", "OS", "Arch")),
    *(f"X-Stainless-{name}" for name in ("Runtime", "Runtime-Version", "Async")),
    "x-stainless-retry-count",
    "x-stainless-read-timeout",
)


async def preload() -> None:
    """Import the SDK in a thread, so that the first question does not wait for it."""
    await asyncio.to_thread(importlib.import_module, "openai")


# How long the connection for a small question may take: a local server, or one elsewhere, that is
# there accepts it within a second.
MAX_GET_CONNECT_SECONDS = 2.0


class RequestFailed(Exception):
    """A request came to nothing; the subclasses say where."""


class ConnectionFailed(RequestFailed):
    """No connection, or one that broke."""


class UnreadableResponse(RequestFailed):
    """What came is not what the API promises: no JSON, no text, nested too deeply."""


class ApiError(RequestFailed):
    """A server says no: by its status, or in the middle of a stream (`status` 0).

    `body` is the description inside `{"error": …}`, empty if there is none; `is_page` says that a
    web page came instead.
    """

    def __init__(self, status: int, body: object, retry_after: str = "") -> None:
        super().__init__(f"status {status}")
        self.retry_after = retry_after
        inner = body.get("error", body) if isinstance(body, dict) else body
        self.body: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
        self.is_page = isinstance(inner, str) and inner.lstrip().startswith("<")
        self.message = inner if isinstance(inner, str) else self.field("message")
        # What comes in the middle of an answer may quote the answer.
        self.in_stream = status < 300
        # In a stream, and behind some gateways, the status is in the body.
        code = self.body.get("code")
        in_body = code if isinstance(code, int) and 400 <= code < 600 else 0
        self.status = status if status >= 300 else in_body

    def field(self, name: str) -> str:
        """Return a field of the description, "" if it is missing or no text."""
        value = self.body.get(name)
        return str(value) if isinstance(value, str | int) else ""


class StreamedBody(NamedTuple):
    """The body of a response as it comes, and whether it is a stream of events."""

    is_events: bool
    content: AsyncIterator[bytes]


class ChunkStream:
    """The chunks of one streamed completion, as `next_chunk` is asked for them."""

    def __init__(self, stream: "openai.AsyncStream[object]", events: EventBytes) -> None:
        self._stream, self._events = stream, events

    @property
    def is_done(self) -> bool:
        """Whether the server has sent `[DONE]`, which the SDK does not tell from a cut."""
        return self._events.is_done

    async def next_chunk(self) -> dict[str, Any] | None:
        """Wait for the next chunk; None at the end. Raises `RequestFailed`."""
        with _translating():
            try:
                chunk = await anext(self._stream)
            except StopAsyncIteration:
                return self._take_document()
        if not isinstance(chunk, dict):
            raise ApiError(0, chunk)
        return chunk

    def _take_document(self) -> dict[str, Any] | None:
        """Return a whole completion that came instead of a stream, once; None if there is none.

        Raises `ApiError` if it was an error or a web page, `ValueError` if it is unreadable.
        """
        document, self._events.document = self._events.document, b""
        if not document:
            return None
        if document.lstrip().startswith(b"<"):
            raise ApiError(0, document.decode("utf-8", "replace"))
        found = json.loads(document)
        if not isinstance(found, dict) or not found.get("choices"):
            raise ApiError(0, found)
        return found


class SizedBody(Protocol):
    """The JSON body of a request that is written while it is sent; `length` in bytes."""

    length: int

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield its pieces in order."""
        ...


class ApiClient:
    """One server that speaks the OpenAI API. Raises `RequestFailed`.

    Args:
        http: sends the requests; it belongs to the caller.
        base_url: up to and including `/v1`.
        key: sent as a bearer token, unless it is empty.
        connect_timeout_seconds: the only timeout here; how long a server may be silent is decided
            by whoever reads.
        keeps_alive: whether a connection is used again.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        *,
        key: str,
        connect_timeout_seconds: float,
        keeps_alive: bool = True,
    ) -> None:
        self._http, self._base_url, self._key = http, base_url, key
        self._connect_timeout_seconds, self._keeps_alive = connect_timeout_seconds, keeps_alive
        self._client: openai.AsyncOpenAI | None = None
        self._headers: dict[str, Any] = {}

    async def get(self, address: str) -> Any:
        """Return the JSON at a path below the base URL, or at a whole address."""
        client = await self._open()
        sdk = importlib.import_module("openai")
        # A server that is off is told from one that is silent before the caller gives up.
        connect = min(self._connect_timeout_seconds, MAX_GET_CONNECT_SECONDS)
        timeout = sdk.Timeout(None, connect=connect)
        with _translating():
            return await client.get(
                address, cast_to=object, options={"headers": self._headers, "timeout": timeout}
            )

    @asynccontextmanager
    async def post_images(self, body: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Ask for images, and yield the bytes of the response as they come."""
        client = await self._open()
        extra = {name: value for name, value in body.items() if name not in {"model", "prompt"}}
        with _translating():
            async with client.images.with_streaming_response.generate(
                model=body["model"],
                prompt=body["prompt"],
                extra_body=extra,
                extra_headers=self._headers,
            ) as response:
                yield response.iter_bytes()

    @asynccontextmanager
    async def post_recording(
        self, fields: Mapping[str, Any], file: tuple[str, bytes, str]
    ) -> AsyncIterator[StreamedBody]:
        """Ask for a transcript of a file (its name, content and type); yield the response."""
        client = await self._open()
        extra = {name: value for name, value in fields.items() if name != "model"}
        with _translating():
            async with client.audio.transcriptions.with_streaming_response.create(
                file=file, model=fields["model"], extra_body=extra, extra_headers=self._headers
            ) as response:
                yield StreamedBody(
                    response.headers.get("content-type", "").startswith("text/event-stream"),
                    response.iter_bytes(),
                )

    @asynccontextmanager
    async def post_speech(self, body: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """Ask for a text to be spoken, and yield the bytes of the file as they come."""
        client = await self._open()
        extra = {name: body[name] for name in body if name not in {"model", "input", "voice"}}
        with _translating():
            async with client.audio.speech.with_streaming_response.create(
                model=body["model"],
                input=body["input"],
                voice=body["voice"],
                extra_body=extra,
                extra_headers=self._headers,
            ) as response:
                yield response.iter_bytes()

    @asynccontextmanager
    async def stream_chat(
        self,
        body: Mapping[str, Any],
        *,
        content: SizedBody | None = None,
        on_bytes: Callable[[], None] = lambda: None,
    ) -> AsyncIterator[ChunkStream]:
        """Ask for a streamed completion; the connection is closed at the end of the block.

        Whatever arrives is told to `on_bytes`: the status, comments and empty events as well. A
        `content`, which asks for a stream itself, is sent in place of `body`.
        """
        client = await self._open()
        sdk = importlib.import_module("openai")
        headers = dict(self._headers)
        if content:
            # A length keeps httpx from sending it in chunks, which not every server takes.
            headers |= {"Content-Type": JSON, "Content-Length": str(content.length)}
        with _translating():
            stream = await client.post(
                "/chat/completions",
                cast_to=object,
                body=None if content else {**body, "stream": True},
                content=content,
                options={"headers": headers},
                stream=True,
                stream_cls=sdk.AsyncStream[object],
            )
        async with stream:
            on_bytes()
            events = EventBytes(stream.response.stream, on_bytes)
            stream.response.stream = events
            yield ChunkStream(stream, events)

    async def _open(self) -> "openai.AsyncOpenAI":
        if self._client is None:
            await preload()
            import openai  # noqa: PLC0415  see the top

            # An omission counts only in the headers of a request, not in the client's.
            self._headers = dict.fromkeys(UNSENT_HEADERS, openai.Omit())
            self._headers["User-Agent"] = f"ambrosio/{__version__}"
            if not self._key:
                self._headers["Authorization"] = openai.Omit()
            if not self._keeps_alive:
                self._headers["Connection"] = "close"
            self._client = openai.AsyncOpenAI(
                # The SDK's own HTTP library is another one; with python-telegram-bot's there is
                # one in the process, and the proxy and the socket are ours to set.
                http_client=cast("Any", self._http),
                base_url=self._base_url,
                api_key=self._key or "none",
                timeout=openai.Timeout(None, connect=self._connect_timeout_seconds),
                # The router decides who is asked again, and when.
                max_retries=0,
            )
        return self._client


@contextmanager
def _translating() -> Iterator[None]:
    """Turn what the SDK and httpx raise into `RequestFailed`."""
    sdk = importlib.import_module("openai")
    try:
        yield
    except sdk.APIConnectionError as exc:
        raise ConnectionFailed from exc
    except sdk.APIStatusError as exc:
        retry_after = exc.response.headers.get("retry-after", "")
        raise ApiError(exc.status_code, exc.body, retry_after) from exc
    except sdk.APIError as exc:
        raise ApiError(0, exc.body) from exc
    except (httpx.TransportError, httpx.StreamError) as exc:
        raise ConnectionFailed from exc
    except (sdk.OpenAIError, httpx.InvalidURL, httpx.HTTPError, ValueError, RecursionError) as exc:
        # No JSON, bytes that are no text, or a number with thousands of digits.
        raise UnreadableResponse from exc
