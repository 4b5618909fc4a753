"""Servers that speak the OpenAI API: llama.cpp, together.ai and all the others.

The one place that knows what is particular about each kind. It does not decide whom to ask, when
to try again, or what may be sent where: that is the router's.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from ..config.catalogue import highest_price, look_up
from ..config.provider import ProviderConfig
from ..core.context_window import (
    DEFAULT_WINDOW_TOKENS,
    Context,
    ModelProfile,
    merge_system_into_user,
)
from ..core.costs import FREE, Pricing
from ..core.errors import (
    BadRequest,
    ContextTooLong,
    ImageTooLarge,
    Loading,
    NoText,
    ProviderError,
    ServerError,
    TimedOut,
    Unreachable,
)
from ..core.messages import Message, StatusNote, StreamEvent
from .errors import FOREIGN, count, translate_error
from .http import Wire
from .request import ChatRequest, RequestOptions
from .slots import SlotQueue
from .stream import ChatStream
from .stream_parser import RawChunk, unread_tokens

log = logging.getLogger(__name__)

# The price of the row's own model is not that of another.
NO_PRICES = {"input_usd": None, "cached_usd": None, "output_usd": None}
PROBE_SECONDS = 3.0
# Nobody needs to know that they wait before this is over.
NOTICE_SECONDS = 3.0
UNLIMITED_SLOTS = 1_000
# A chat that the server remembers is read but for the words that close its last answer.
MAX_UNREAD_TOKENS = 64


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that a server says it has; `context` in tokens, 0 when it does not say."""

    id: str
    kind: str = "chat"
    context: int = 0


@dataclass(slots=True)
class _ServerFacts:
    """What a server has let us know of one of its models."""

    window: int = 0
    slots: SlotQueue = field(default_factory=lambda: SlotQueue(UNLIMITED_SLOTS))
    system_role: bool = True
    # Whether it takes a concise turn's options, and its limit.
    takes_no_thinking: bool = True
    takes_limit: bool = True


class OpenAIProvider:
    """One server, as its row describes it."""

    def __init__(
        self,
        name: str,
        row: ProviderConfig,
        http: httpx.AsyncClient,
        *,
        notice_seconds: float = NOTICE_SECONDS,
    ) -> None:
        self.name = name
        self.config = row
        self.http = http
        self.local = row.is_local
        # Raises while a server that we run ourselves cannot be asked.
        self.ensure_ready: Callable[[], None] = lambda: None
        self._notice_seconds = notice_seconds
        self._asked = 0
        self._learnt: defaultdict[str, _ServerFacts] = defaultdict(_ServerFacts)
        self._wire = Wire(
            http,
            row.url,
            key=row.api_key.get_secret_value(),
            connect_seconds=row.connect_timeout_seconds,
            # llama.cpp may hang up behind a stream just when the next request goes out.
            reuses=row.server_kind != "llama",
        )
        self._listener = ChatStream(name, row, self._wire, self._translate_error)

    @property
    def paid(self) -> bool:
        """Whether its own model costs money."""
        return not self.pricing().free

    def pricing(self, model: str = "") -> Pricing:
        """Say what a model here costs; the dearest known prices stand in for unknown ones."""
        if self.local:
            return FREE
        row = self._config_for(model)
        asked, said = row.input_usd, row.output_usd
        input_usd = highest_price("input_usd") if asked is None else asked
        return Pricing(
            input_usd,
            highest_price("output_usd") if said is None else said,
            input_usd if row.cached_usd is None else row.cached_usd,
            known=asked is not None and said is not None,
        )

    async def profile(self, model: str = "") -> ModelProfile:
        """Say how a model here is spoken to, asking the server what nobody has told.

        Raises `Loading`, `NotRunning` or `Unreachable`: what is not known then must not be guessed,
        since a guess too small cuts the conversation for good.
        """
        self.ensure_ready()
        row, learnt = self._config_for(model), self._facts(model)
        if row.server_kind == "llama" and not learnt.window:
            await self._learn_properties(model, learnt)
        window = row.context or learnt.window or DEFAULT_WINDOW_TOKENS
        return ModelProfile(window, row.system_role and learnt.system_role, row.repeat_vv)

    def _facts(self, model: str) -> _ServerFacts:
        return self._learnt[model or self.config.model]

    def _config_for(self, model: str) -> ProviderConfig:
        """Give the row as it is for a model other than the one it names."""
        if model in {"", self.config.model}:
            return self.config
        # Where its own costs nothing, neither does one of which nobody knows a price.
        free = self.config.input_usd == 0 and self.config.output_usd == 0
        return self.config.model_copy(update={**({} if free else NO_PRICES), **look_up(model)})

    async def _learn_properties(self, model: str, learnt: _ServerFacts) -> None:
        """Read window, slots and the template's ways from a llama.cpp server's properties."""
        named = model or self.config.model
        query = f"?{urlencode({'model': named})}" if named else ""
        try:
            props = await self._get(f"{self._root}/props{query}")
            learnt.window = int(props["default_generation_settings"]["n_ctx"])
            learnt.slots = SlotQueue(int(props.get("total_slots") or 1))
            caps = props.get("chat_template_caps") or {}
            learnt.system_role = bool(caps.get("supports_system_role", True))
        except (Loading, Unreachable):
            raise
        except (ProviderError, KeyError, TypeError, ValueError, AttributeError):
            # Not every server that speaks like llama.cpp has them.
            log.info("%s does not tell its properties", self.name)

    async def models(self) -> list[ServedModel]:
        """List what the server serves, or raise `ProviderError`."""
        query = "?serverless" if self.config.server_kind == "together" else ""
        found = await self._get("/models" + query)
        # together.ai gives a bare list where everybody else wraps it.
        items = found.get("data") if isinstance(found, dict) else found
        if not isinstance(items, list):
            raise ServerError(self.name)
        return [
            ServedModel(str(item["id"]), str(item.get("type", "chat")), _context_of(item))
            for item in items
            if isinstance(item, dict) and "id" in item
        ]

    async def health(self) -> None:
        """Ask a llama.cpp server whether it is ready, any other what it serves, or raise."""
        self.ensure_ready()
        if self.config.server_kind == "llama":
            await self._get(self._root + "/health")
        else:
            await self.models()

    @property
    def _root(self) -> str:
        return self.config.url.removesuffix("/v1")

    async def generate_images(
        self, body: Mapping[str, object], *, seconds: float, most: int
    ) -> bytes:
        """Ask for pictures and give the answer's JSON, at the most so many bytes of it, or raise.

        The whole of it may take so many `seconds`; a server that is left stops painting.
        """
        model, found, reached = str(body["model"]), bytearray(), False
        try:
            async with (
                asyncio.timeout(seconds),
                self._wire.posted("/images/generations", body) as answer,
            ):
                reached = True
                async for piece in answer.aiter_bytes():
                    found += piece
                    if len(found) > most:
                        raise ImageTooLarge(self.name)
        except TimeoutError:
            raise TimedOut(self.name) from None
        except httpx.TransportError as exc:
            raise (ServerError if reached else Unreachable)(self.name) from exc
        except FOREIGN as exc:
            raise translate_error(exc, self.name, model=model) from exc
        return bytes(found)

    async def _get(self, path: str) -> Any:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await self._wire.get(path)
        except TimeoutError:
            raise TimedOut(self.name) from None
        except FOREIGN as exc:
            raise translate_error(exc, self.name, model=self.config.model) from exc

    async def stream(
        self, context: Context, *, concise: bool = False, model: str = "", chat: str = ""
    ) -> AsyncGenerator[StreamEvent]:
        """Ask a model and give its answer as it comes, or raise `ProviderError`.

        Where the server has only so many slots, the hasty go first and `chat` gets the slot that
        remembers it.
        """
        self.ensure_ready()
        self._asked += 1
        slots = self._facts(model).slots
        with slots.wait_in_line(chat, priority=concise) as ticket:
            told = 0
            while not await ticket.wait(self._notice_seconds):
                if ticket.ahead != told:
                    told = ticket.ahead
                    ahead = "one answer is" if told == 1 else f"{told} answers are"
                    yield StatusNote(f"In the line: {ahead} ahead of yours.")
            pin = {"id_slot": ticket.slot} if 1 < slots.count < UNLIMITED_SLOTS else {}
            if context.full_history and self.config.cache_reuse:
                await self._restore_cache(context.full_history, model, pin)
            async with aclosing(
                self._ask_until_accepted(context, model, pin, concise=concise)
            ) as parts:
                async for part in parts:
                    yield part
            # A warm-up that has stood behind it in the line has nothing left to do.
            self._asked += 1

    async def _ask_until_accepted(
        self, context: Context, chosen: str, pin: dict[str, Any], *, concise: bool
    ) -> AsyncGenerator[StreamEvent]:
        """Ask until the request is as the model likes it.

        Optional parameters that it refuses are left out from then on, then the system role; and an
        answer that had no room for a word beside its thoughts is asked for without a limit.
        """
        row, learnt = self._config_for(chosen), self._facts(chosen)
        model = chosen or row.model
        frugal, limited = concise and learnt.takes_no_thinking, concise and learnt.takes_limit
        most = context.max_tokens if learnt.takes_limit else 0
        attempt = first = RequestOptions(
            context.messages, frugal, limited, most, may_merge_system=row.server_kind == "llama"
        )
        refused = False
        while True:
            beside = attempt.body(row) | pin
            question = ChatRequest(attempt.messages, model, beside, context.tokens)
            try:
                async with aclosing(self._listener.events(question)) as parts:
                    async for part in parts:
                        yield part
            except (NoText, BadRequest) as exc:
                milder = attempt.relaxed(exc)
                if milder is None:
                    raise
                attempt, refused = milder, refused or isinstance(exc, BadRequest)
            else:
                break
        if refused:
            log.info("%s wants to be asked in a simpler way for %s", self.name, model)
            learnt.takes_no_thinking &= attempt.no_thinking == first.no_thinking
            learnt.takes_limit &= (attempt.short, attempt.max_tokens) == (
                first.short,
                first.max_tokens,
            )
            learnt.system_role = attempt.messages[0].role == "system"

    async def warm_up(self, system: str) -> None:
        """Let the server read the system prompt ahead of the first question, or raise."""
        asked = self._asked
        manner = await self.profile()
        lines: tuple[Message, ...] = (Message("system", system), Message("user", ""))
        with self._facts("").slots.wait_in_line("", priority=False) as ticket:
            await ticket.called.wait()
            if self._asked != asked:
                # Somebody was quicker, and their question has brought the prompt along.
                return
            # Whoever comes meanwhile goes on where this has stopped.
            await self._read_prompt(
                lines if manner.system_role else merge_system_into_user(lines),
                "",
                {},
                enough=lambda _: self._asked != asked,
            )

    async def _restore_cache(
        self, lines: tuple[Message, ...], model: str, pin: dict[str, Any]
    ) -> None:
        """Let a server fetch a chat back that another has displaced, before its history is cut.

        It moves what a cut leaves only if it has the chat before it. One that has forgotten it is
        not made to read it all again.
        """
        try:
            await self._read_prompt(
                lines, model, pin, enough=lambda chunk: unread_tokens(chunk) > MAX_UNREAD_TOKENS
            )
        except ProviderError as exc:
            # The question itself comes next and will say what is wrong.
            log.info("not recalled: %s", exc)

    async def _read_prompt(
        self,
        lines: tuple[Message, ...],
        model: str,
        pin: dict[str, Any],
        *,
        enough: Callable[[RawChunk], bool],
    ) -> None:
        """Let the server read without saying a word, and leave when it is enough."""
        beside = RequestOptions(lines).body(self.config) | pin | {"max_tokens": 0}
        question = ChatRequest(lines, model or self.config.model, beside)
        await self._listener.read_prompt(question, enough=enough)

    def _translate_error(self, exc: Exception, question: ChatRequest) -> ProviderError:
        """Translate what went wrong with a question, and remember a window that was too small."""
        model, tokens = question.model, question.tokens
        learnt = self._facts(model)
        window = learnt.window or self._config_for(model).context or DEFAULT_WINDOW_TOKENS
        failure = translate_error(exc, self.name, model=model, tokens=tokens, window=window)
        if isinstance(failure, ContextTooLong):
            learnt.window = failure.limit
        return failure


def _context_of(item: Mapping[str, Any]) -> int:
    meta = item.get("meta")
    n_ctx = meta.get("n_ctx") if isinstance(meta, dict) else 0
    return count(item.get("context_length")) or count(n_ctx)
