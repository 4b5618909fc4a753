"""Servers that speak the OpenAI API: llama.cpp, together.ai and all the others.

The one place that knows the SDK, its exceptions and what is particular about each flavour. It does
not decide whom to ask, when to try again, or what may be sent where: that is the router's.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, cast

import httpx
import openai
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDelta

from .catalogue import dearest
from .context import CAUTIOUS_WINDOW, CONCISE_TOKENS, Context, Manner
from .errors import (
    Empty,
    Faulty,
    HugePicture,
    KeyRefused,
    Loading,
    ModelGone,
    NoCredit,
    Overloaded,
    ProviderError,
    Rejected,
    TimedOut,
    TooLong,
    Unreachable,
    Unwelcome,
)
from .messages import Begun, Delta, Ended, Finish, ModelRef, Usage
from .money import FREE, Tariff
from .policy import is_local
from .settings import ProviderRow, known_model
from .thoughts import ThoughtFilter

log = logging.getLogger(__name__)

# Thoughts count as tokens of the answer; a model that cannot do without them needs room for both.
THINKING_TOKENS = 1200
# How a flavour is told not to think. gpt-oss can only be told to think little.
UNTHINKING: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "template": {"chat_template_kwargs": {"enable_thinking": False}},
    "reasoning": {"reasoning": {"enabled": False}},
    "effort": {"reasoning_effort": "low"},
}
# The price of the row's own model is not that of another.
UNPRICED = {"input_usd": None, "cached_usd": None, "output_usd": None}
PROBE_SECONDS = 3.0
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


@dataclass(frozen=True, slots=True)
class Served:
    """A model that a server says it has; `context` in tokens, 0 when it does not say."""

    id: str
    kind: str = "chat"
    context: int = 0


class OpenAIProvider:
    """One server, as its row describes it."""

    def __init__(self, name: str, row: ProviderRow, http: httpx.AsyncClient) -> None:
        self.name = name
        self.row = row
        self.local = is_local(row.base_url) if row.local is None else row.local
        self._window = row.context
        # What a model takes of a concise turn's options and limit, where it has refused some.
        self._taken: dict[str, tuple[bool, bool]] = {}
        self._client = AsyncOpenAI(
            # The SDK insists on a key; servers without one do not look at it.
            api_key=row.api_key.get_secret_value() or "none",
            base_url=row.base_url,
            max_retries=0,
            timeout=openai.Timeout(None, connect=row.connect_seconds),
            # Annotated for its own HTTP stack; takes an httpx client as an escape hatch.
            http_client=http,  # type: ignore[arg-type]
        )

    @property
    def paid(self) -> bool:
        """Whether a call costs money: outside of the house, unless its price is set to zero."""
        free = self.row.input_usd == 0 and self.row.output_usd == 0
        return not self.local and not free

    def tariff(self, model: str = "") -> Tariff:
        """Say what a model here costs; the dearest known prices stand in for unknown ones."""
        if not self.paid:
            return FREE
        row = self._row(model)
        asked, said = row.input_usd, row.output_usd
        input_usd = dearest("input_usd") if asked is None else asked
        return Tariff(
            input_usd,
            dearest("output_usd") if said is None else said,
            input_usd if row.cached_usd is None else row.cached_usd,
            known=asked is not None and said is not None,
        )

    async def manner(self, model: str = "") -> Manner:
        """Say how a model here is spoken to; asks the server for its window if nobody said."""
        row = self._row(model)
        window = row.context or self._window or await self._ask_window()
        return Manner(window, row.system_role, row.repeat_vv)

    def _row(self, model: str) -> ProviderRow:
        """Give the row as it is for a model other than the one it names."""
        if model in {"", self.row.model}:
            return self.row
        return self.row.model_copy(update={**UNPRICED, **known_model(model)})

    async def _ask_window(self) -> int:
        if self.row.flavour != "llama":
            return CAUTIOUS_WINDOW
        try:
            props = await self._get(self._root + "/props")
            self._window = int(props["default_generation_settings"]["n_ctx"])
        except (ProviderError, KeyError, TypeError, ValueError):
            # Not known yet, perhaps because the model is still loading: asked again next time.
            return CAUTIOUS_WINDOW
        return self._window

    async def models(self) -> list[Served]:
        """List what the server serves, or raise `ProviderError`."""
        query = "?serverless" if self.row.flavour == "together" else ""
        found = await self._get("/models" + query)
        # together.ai gives a bare list where everybody else wraps it.
        items = found.get("data") if isinstance(found, dict) else found
        if not isinstance(items, list):
            raise Faulty(self.name)
        return [
            Served(str(item["id"]), str(item.get("type", "chat")), _context_of(item))
            for item in items
            if isinstance(item, dict) and "id" in item
        ]

    async def health(self) -> None:
        """Ask a llama.cpp server whether it is ready, any other what it serves, or raise."""
        if self.row.flavour == "llama":
            await self._get(self._root + "/health")
        else:
            await self.models()

    @property
    def _root(self) -> str:
        return self.row.base_url.removesuffix("/v1")

    async def draw(self, body: Mapping[str, object], *, seconds: float, most: int) -> bytes:
        """Ask for pictures and give the answer's JSON, at the most so many bytes of it, or raise.

        The whole of it may take so many `seconds`; a server that is left stops painting.
        """
        model, found = str(body["model"]), bytearray()
        pictures = self._client.images.with_streaming_response
        try:
            async with (
                asyncio.timeout(seconds),
                pictures.generate(prompt="", extra_body=body) as answer,
            ):
                async for piece in answer.iter_bytes():
                    found += piece
                    if len(found) > most:
                        raise HugePicture(self.name)
        except TimeoutError:
            raise TimedOut(self.name) from None
        except httpx.HTTPError as exc:
            # Behind the headers the SDK leaves them as they are.
            raise Faulty(self.name) from exc
        except openai.OpenAIError as exc:
            raise self._translated(exc, model) from exc
        return bytes(found)

    async def _get(self, path: str) -> Any:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await self._client.get(path, cast_to=object)
        except TimeoutError:
            raise TimedOut(self.name) from None
        except FOREIGN as exc:
            raise self._translated(exc, self.row.model) from exc

    async def stream(
        self, context: Context, *, concise: bool = False, model: str = ""
    ) -> AsyncGenerator[Begun | Delta | Ended]:
        """Ask a model and give its answer as it comes, or raise `ProviderError`.

        Optional parameters that the model refuses are left out from then on, and an answer that
        had no room for a word beside its thoughts is asked for again without a limit.
        """
        row = self._row(model)
        model = model or row.model
        frugal, limited = self._taken.get(model, (True, True)) if concise else (False, False)
        refused = False
        while True:
            body = _body(row, frugal=frugal, limited=limited)
            try:
                async with aclosing(self._once(context, model, body)) as parts:
                    async for part in parts:
                        yield part
            except (Empty, Rejected) as exc:
                less = _less(exc, frugal=frugal, limited=limited)
                if less is None:
                    raise
                frugal, limited = less
                refused = refused or isinstance(exc, Rejected)
            else:
                break
        if refused:
            log.info("%s refuses optional parameters for %s", self.name, model)
            self._taken[model] = frugal, limited

    async def _once(
        self, context: Context, model: str, body: dict[str, Any]
    ) -> AsyncGenerator[Begun | Delta | Ended]:
        answer = _Answer(self.name, model)
        patience = self.row.first_token_seconds
        try:
            async with asyncio.timeout(patience):
                stream = await self._open(context, model, body)
            async with stream:
                while (chunk := await _next(stream, patience)) is not None:
                    for part in answer.take(chunk):
                        yield part
                        patience = self.row.silence_seconds
            for part in answer.end():
                yield part
        except TimeoutError:
            raise TimedOut(self.name) from None
        except openai.APIConnectionError as exc:
            failure = Faulty if answer.begun else Unreachable
            raise failure(self.name) from exc
        except FOREIGN as exc:
            raise self._translated(exc, model, context.tokens) from exc

    async def _open(
        self, context: Context, model: str, body: dict[str, Any]
    ) -> AsyncStream[ChatCompletionChunk]:
        lines = [{"role": line.role, "content": line.content} for line in context.messages]
        return await self._client.post(
            "/chat/completions",
            cast_to=object,
            body={"model": model or "default", "messages": lines, "stream": True, **body},
            stream=True,
            stream_cls=AsyncStream[ChatCompletionChunk],
        )

    def _translated(self, exc: Exception, model: str, tokens: int = 0) -> ProviderError:
        """Turn a foreign failure into ours, by class and status, never by its text."""
        match exc:
            case openai.APIConnectionError() | httpx.TransportError():
                # A timeout is one of them: only connecting has a limit of the SDK's own.
                return Unreachable(self.name)
            case openai.APIStatusError() if exc.status_code in {400, 403, 413, 422}:
                return self._rejection(exc, tokens)
            case openai.APIStatusError():
                return self._refusal(exc, model)
            case _:
                return Faulty(self.name)

    def _rejection(self, exc: openai.APIStatusError, tokens: int) -> ProviderError:
        """Tell a request that is too long from one that is wrong; together.ai says 403 to both."""
        body = exc.body if isinstance(exc.body, dict) else {}
        window = self._window or CAUTIOUS_WINDOW
        if exc.type == "exceed_context_size_error" or tokens > window:
            self._window = _count(body.get("n_ctx")) or window
            tokens = _count(body.get("n_prompt_tokens")) or tokens
            return TooLong(self.name, tokens=tokens, limit=self._window)
        if exc.code in UNWELCOME or exc.type in UNWELCOME:
            return Unwelcome(self.name)
        if exc.status_code == 403:
            return KeyRefused(self.name)
        return Rejected(self.name, parameter=str(exc.param or ""))

    def _refusal(self, exc: openai.APIStatusError, model: str) -> ProviderError:
        status = exc.status_code
        if status == 404:
            return ModelGone(self.name, model=model)
        if status == 503 and exc.type == "unavailable_error":
            return Loading(self.name)
        if status in {429, 503, 529} and exc.code != "insufficient_quota":
            after = _seconds(exc.response.headers.get("retry-after"))
            return Overloaded(self.name, retry_after_seconds=after)
        failures: Mapping[int, type[ProviderError]] = {
            401: KeyRefused,
            402: NoCredit,
            429: NoCredit,
        }
        return failures.get(status, Faulty if status >= 500 else Rejected)(self.name)


def _body(row: ProviderRow, *, frugal: bool, limited: bool) -> dict[str, Any]:
    """Put together what goes beside the messages; nothing that nobody asked for.

    `frugal` asks for the plainest answer without thoughts, `limited` for a short one.
    """
    body: dict[str, Any] = dict(row.extra)
    if row.flavour == "llama":
        # Only with this does a llama.cpp server notice, while it reads, that we are gone.
        body |= {"return_progress": True}
    if row.flavour != "together":
        body |= {"stream_options": {"include_usage": True}}
    if frugal:
        body |= {"temperature": 0, **UNTHINKING[row.thinking]}
    if limited:
        thoughts = THINKING_TOKENS if row.thinking == "effort" else 0
        body |= {"max_tokens": CONCISE_TOKENS + thoughts}
    return body


def _less(exc: ProviderError, *, frugal: bool, limited: bool) -> tuple[bool, bool] | None:
    """Say with how much less a failed request is made again; None: not at all."""
    if isinstance(exc, Empty):
        return (frugal, False) if limited else None
    if isinstance(exc, TooLong) or not (frugal or limited):
        return None
    # The limit goes last; some models know it only by another name.
    return False, frugal and limited


class _Answer:
    """What has come of one answer so far."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._ref = ModelRef(provider, model)
        self._thoughts = ThoughtFilter()
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self.begun = self._spoken = False

    def take(self, chunk: ChatCompletionChunk) -> list[Begun | Delta | Ended]:
        """Read a chunk, or raise `Faulty`: the SDK does not check what it hands over."""
        try:
            return self._read(chunk)
        except (AttributeError, TypeError, ValueError):
            raise Faulty(self._provider) from None

    def _read(self, chunk: ChatCompletionChunk) -> list[Begun | Delta | Ended]:
        # Chunks that only report progress or usage give nothing to show.
        self._usage = _usage(chunk) or self._usage
        if not self._ref.model and chunk.model:
            self._ref = replace(self._ref, model=str(chunk.model))
        parts: list[Begun | Delta | Ended] = []
        for choice in chunk.choices or ():
            # The last choice of some servers has none.
            if (delta := cast("ChoiceDelta | None", choice.delta)) is not None:
                parts += self._say(self._heard(delta))
            if choice.finish_reason:
                long = choice.finish_reason == "length"
                self._finish = Finish.LENGTH if long else Finish.STOP
        return parts

    def _heard(self, delta: ChoiceDelta) -> Delta:
        extra = delta.model_extra or {}
        thought = extra.get("reasoning") or extra.get("reasoning_content") or ""
        words = self._thoughts.feed(delta.content or "")
        return Delta(words.text, str(thought) + words.reasoning)

    def end(self) -> list[Begun | Delta | Ended]:
        """Close the answer, or raise: without a finish reason the line was cut."""
        parts = self._say(self._thoughts.end())
        if self._finish is None:
            raise Faulty(self._provider)
        if not self._spoken:
            raise Empty(self._provider)
        return [*parts, Ended(self._ref, self._finish, self._usage)]

    def _say(self, delta: Delta) -> list[Begun | Delta | Ended]:
        if not delta.text and not delta.reasoning:
            return []
        self._spoken = self._spoken or bool(delta.text.strip())
        if self.begun:
            return [delta]
        self.begun = True
        return [Begun(self._ref), delta]


async def _next(
    stream: AsyncIterator[ChatCompletionChunk], patience_seconds: float
) -> ChatCompletionChunk | None:
    """Wait for the next chunk, or raise `TimeoutError`; every sign of life starts the time anew."""
    async with asyncio.timeout(patience_seconds):
        return await anext(stream, None)


def _usage(chunk: ChatCompletionChunk) -> Usage | None:
    if chunk.usage is None:
        return None
    usage = chunk.usage
    read, said = usage.prompt_tokens_details, usage.completion_tokens_details
    # together.ai puts it flat for some models.
    flat = (usage.model_extra or {}).get("cached_tokens")
    cached = (read.cached_tokens if read else None) or flat or 0
    return Usage(
        prompt=int(usage.prompt_tokens or 0),
        completion=int(usage.completion_tokens or 0),
        cached=int(cached),
        reasoning=int((said.reasoning_tokens if said else None) or 0),
    )


def _context_of(item: Mapping[str, Any]) -> int:
    meta = item.get("meta")
    n_ctx = meta.get("n_ctx") if isinstance(meta, dict) else 0
    return _count(item.get("context_length")) or _count(n_ctx)


def _count(value: object) -> int:
    """Read a number of tokens; 0 for everything that is none."""
    return value if isinstance(value, int) else 0


def _seconds(header: str | None) -> float | None:
    """Read a Retry-After in seconds; the form with a date is not worth a parser."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
