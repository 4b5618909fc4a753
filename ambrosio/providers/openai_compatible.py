"""Servers that speak the OpenAI API: llama.cpp, together.ai and all the others.

The one place that knows what is particular about each kind of server. It does not decide whom to
ask, when to try again, or what may be sent where: that is `router`.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import httpx

from ..config import catalogue
from ..config.catalogue import highest_price, look_up
from ..config.provider import ProviderConfig
from ..core.context_window import (
    DEFAULT_WINDOW_TOKENS,
    HOSTED_WINDOW_TOKENS,
    Context,
    ModelProfile,
    merge_system_into_user,
)
from ..core.costs import FREE, Pricing
from ..core.messages import Message, StatusNote, StreamEvent
from ..core.provider_errors import ContextTooLong, ProviderError
from ..core.tools import ToolDefinition, ToolUse
from .errors import translate_error
from .image_request import post_images
from .openai_client import ApiClient, RequestFailed
from .patience import Patience
from .probing import ServerProbe
from .request import Attempts, ChatRequest, PictureReader, RequestOptions, keeps_no_pictures
from .server_facts import UNLIMITED_SLOTS, ServedModel, ServerFacts, own_model
from .slots import SlotQueue, Ticket
from .stream import ChatStream, open_chat_stream
from .stream_parser import RawChunk, unread_tokens

log = logging.getLogger(__name__)

# The prices of the configured model are not those of another.
NO_PRICES = {"input_usd": None, "cached_usd": None, "output_usd": None}
# A shorter wait in the queue is not worth mentioning.
NOTICE_SECONDS = 3.0
# A prompt that is in the cache is read but for the tokens that close its last answer.
MAX_UNREAD_TOKENS = 64


def always_ready() -> None:
    """Do nothing: most servers are not ours to check."""


class OpenAIProvider:
    """One server, as its configuration describes it.

    Args:
        name: what the settings call it.
        config: its address and what is particular about it.
        http: sends the requests; it belongs to the caller.
        ensure_ready: raises `ProviderError` while the server cannot be asked, if we run it.
        read_picture: returns the bytes of a picture by its hash; none if they are gone.
        notice_seconds: how long a request waits for a slot before that is said.
        now: the clock that a server's silence is measured by.
        sleep: waits while a server is silent.
    """

    def __init__(
        self,
        name: str,
        config: ProviderConfig,
        http: httpx.AsyncClient,
        *,
        ensure_ready: Callable[[], None] = always_ready,
        read_picture: PictureReader = keeps_no_pictures,
        notice_seconds: float = NOTICE_SECONDS,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.config = config
        self.http = http
        self.local = config.is_local
        self.ensure_ready = ensure_ready
        self.read_picture = read_picture
        self._notice_seconds = notice_seconds
        self._requests = 0
        # What the prompt of an ordinary question names, for `warm_up`.
        self.usual_tools: tuple[ToolDefinition, ...] = ()
        self._facts_by_model: defaultdict[str, ServerFacts] = defaultdict(ServerFacts)
        self.client = ApiClient(
            http,
            config.url,
            key=config.api_key.get_secret_value(),
            connect_timeout_seconds=config.connect_timeout_seconds,
            # llama.cpp may close the connection after a stream just when the next request goes out.
            keeps_alive=config.server_kind != "llama",
        )
        self._probe = ServerProbe(name, config, self.client, local=self.local, now=now, sleep=sleep)

    # --- what the server has and costs ------------------------------------------------------------

    @property
    def paid(self) -> bool:
        """Whether its own model costs money."""
        return not self.pricing().free

    def pricing(self, model: str = "") -> Pricing:
        """Return what a model here costs; the highest known prices stand in for unknown ones."""
        if self.local:
            return FREE
        config = self._config_for(model)
        known = config.input_usd is not None and config.output_usd is not None
        input_usd = highest_price("input_usd") if config.input_usd is None else config.input_usd
        output_usd = highest_price("output_usd") if config.output_usd is None else config.output_usd
        cached_usd = input_usd if config.cached_usd is None else config.cached_usd
        return Pricing(input_usd, output_usd, cached_usd, known=known)

    async def profile(self, model: str = "") -> ModelProfile:
        """Return how a model here is asked; what is not configured, the server tells.

        Raises `Loading`, `NotRunning`, `Hung` or `Unreachable`: a window must not be guessed then,
        since a guess too small cuts the conversation for good.
        """
        self.ensure_ready()
        config, facts = self._config_for(model), self._facts(model)
        if config.server_kind == "llama" and not facts.window:
            await self._probe.learn_properties(model or config.model, facts)
        return ModelProfile(
            window=self._window(config, facts),
            system_role=config.system_role and facts.system_role,
            repeat_vv=config.repeat_vv,
            vision=self._vision(config, facts),
            picture_tokens=config.picture_tokens,
            tools=facts.takes_tools if config.tools is None else config.tools,
        )

    async def sees(self, model: str = "") -> bool:
        """Say whether a model here takes pictures, or raise `ProviderError`.

        It is so if the settings or the server say so; where nobody tells, its name decides.
        """
        config, facts = self._config_for(model), self._facts(model)
        if config.vision is None and facts.vision is None and not facts.was_asked_for_vision:
            await self.profile(model)
            if facts.vision is None:
                own = own_model(await self.models(), model or config.model)
                facts.vision = own.sees if own else None
            facts.was_asked_for_vision = True
        return self._vision(config, facts)

    async def models_that_see(self) -> list[str]:
        """List other models here that take pictures, those with a known price first."""
        try:
            served = await self.models()
        except ProviderError:
            return []
        there = [model.id for model in served if model.kind in {"chat", "language"}]
        known = [model for model in catalogue.that_see() if model in there]
        return known or [model.id for model in served if model.sees]

    def _vision(self, config: ProviderConfig, facts: ServerFacts) -> bool:
        told = facts.vision if config.vision is None else config.vision
        return catalogue.may_see(config.model) if told is None else told

    async def hears(self) -> bool:
        """Whether it writes down what it hears: as configured, or as the server says."""
        if self.config.transcription_model:
            return True
        facts = self._facts("")
        with suppress(ProviderError):
            if facts.hears is None:
                await self.profile()
            if facts.hears is None:
                own = own_model(await self.models(), self.config.model)
                # At llama.cpp to take sound is enough; others may do that in conversations alone.
                is_llama = self.config.server_kind == "llama"
                facts.hears = bool(own and (own.hears if is_llama else own.transcribes))
        return bool(facts.hears)

    def _window(self, config: ProviderConfig, facts: ServerFacts) -> int:
        """Return the context window to count on, in tokens: the smallest that anybody has told."""
        told = [tokens for tokens in (config.context, facts.window) if tokens]
        return min(told, default=DEFAULT_WINDOW_TOKENS if self.local else HOSTED_WINDOW_TOKENS)

    async def models(self) -> list[ServedModel]:
        """List what the server serves, or raise `ProviderError`."""
        return await self._probe.models()

    async def health(self) -> None:
        """Ask the server for a sign of life, or raise `ProviderError`."""
        self.ensure_ready()
        await self._probe.health()

    def patience(self, *, extra_seconds: float = 0) -> Patience:
        """Return what watches a request; `extra_seconds` is how much longer it may take."""
        return self._probe.patience(extra_seconds=extra_seconds)

    async def generate_images(
        self, body: Mapping[str, object], *, seconds: float, max_bytes: int
    ) -> bytes:
        """Ask for images as `image_request.post_images` does."""
        return await post_images(self.client, self.name, body, seconds=seconds, max_bytes=max_bytes)

    def _facts(self, model: str) -> ServerFacts:
        return self._facts_by_model[model or self.config.model]

    def _config_for(self, model: str) -> ProviderConfig:
        """Return the configuration with what is known of a model other than its own."""
        if model in {"", self.config.model}:
            return self.config
        # Where its own model is free, so is another whose price nobody knows.
        free = self.config.input_usd == 0 and self.config.output_usd == 0
        return self.config.model_copy(update={**({} if free else NO_PRICES), **look_up(model)})

    # --- answers ----------------------------------------------------------------------------------

    async def stream(
        self, context: Context, *, concise: bool = False, model: str = "", chat_key: str = ""
    ) -> AsyncGenerator[StreamEvent]:
        """Ask a model and yield its answer as it comes, or raise `ProviderError`.

        Where the server has few slots, concise requests go first, and `chat_key` gets the slot
        whose cache holds its conversation.
        """
        self.ensure_ready()
        self._requests += 1
        facts = self._facts(model)
        with facts.slots.wait_in_line(chat_key, priority=concise) as ticket:
            async for note in self._waiting_notes(ticket):
                yield note
            slot = self._slot_params(facts.slots, ticket)
            await self._restore_cache(context, model, slot)
            attempts = Attempts(self._first_options(context, facts, model, concise=concise))
            while not attempts.answered:
                with attempts.relaxing():
                    async with self._open(attempts.options, model, slot, context.tokens) as answer:
                        while (events := await answer.next_events()) is not None:
                            for event in events:
                                yield event
                        if not concise:
                            facts.opens_thinking = answer.opened_thinking
                    attempts.answered = True
            self._learn_refusals(facts, attempts)
            # A warm-up that waited for the slot meanwhile has nothing left to do.
            self._requests += 1

    async def _waiting_notes(self, ticket: Ticket) -> AsyncGenerator[StatusNote]:
        """Wait for the slot, with a note whenever the position in the queue has changed."""
        ahead = 0
        while not await ticket.wait(self._notice_seconds):
            if ticket.ahead != ahead:
                ahead = ticket.ahead
                yield StatusNote(_position(ahead))

    def _slot_params(self, slots: SlotQueue, ticket: Ticket) -> dict[str, Any]:
        return {"id_slot": ticket.slot} if 1 < slots.count < UNLIMITED_SLOTS else {}

    def _first_options(
        self, context: Context, facts: ServerFacts, model: str, *, concise: bool
    ) -> RequestOptions:
        """Return the options without what the model has refused before."""
        return RequestOptions(
            context.messages,
            no_thinking=concise and facts.takes_no_thinking,
            short=concise and facts.takes_limit,
            plan=context.plan,
            max_tokens=context.max_tokens if facts.takes_limit else 0,
            may_merge_system=self._config_for(model).server_kind == "llama",
            dropped=facts.dropped,
            tools=context.tools,
        )

    def _learn_refusals(self, facts: ServerFacts, attempts: Attempts) -> None:
        """Remember which options had to be left out until the server answered."""
        if attempts.refusal is None:
            return
        log.info("%s; parameters are left out from now on", attempts.refusal.log_text)
        first, accepted = attempts.first, attempts.options
        limits = (accepted.short, accepted.max_tokens)
        facts.takes_no_thinking &= accepted.no_thinking == first.no_thinking
        facts.takes_limit &= limits == (first.short, first.max_tokens)
        facts.system_role = accepted.messages[0].role == "system"
        if first.tools.offered and accepted == first.without_tools():
            # Nothing else had to be left out.
            facts.takes_tools = False
        facts.dropped |= accepted.dropped

    def _open(
        self, options: RequestOptions, model: str, extra: dict[str, Any], tokens: int = 0
    ) -> AbstractAsyncContextManager[ChatStream]:
        params = {
            name: value
            for name, value in (options.body(self._config_for(model)) | extra).items()
            if name not in options.dropped
        }
        request = ChatRequest(
            options.messages,
            model or self.config.model,
            params,
            tokens,
            options.plan,
            self.read_picture,
            options.tools,
        )

        def translate(exc: RequestFailed) -> ProviderError:
            return self._translate_error(exc, request)

        return open_chat_stream(
            self.client,
            self.name,
            request,
            self.patience(),
            translate,
            holds_back=self._facts(model).opens_thinking,
            in_batches=self.local,
        )

    def _translate_error(self, exc: RequestFailed, request: ChatRequest) -> ProviderError:
        """Translate a failure, and remember a window that was smaller than believed."""
        facts = self._facts(request.model)
        window = self._window(self._config_for(request.model), facts)
        failure = translate_error(
            exc,
            self.name,
            model=request.model,
            tokens=request.tokens,
            window=window,
            has_tools=bool(request.tools.offered),
            said=request.text,
        )
        if isinstance(failure, ContextTooLong):
            facts.window = failure.limit
            if failure.limit == window:
                # It names no other window, and yet this was too long.
                facts.window = min(window, max(request.tokens, DEFAULT_WINDOW_TOKENS))
        return failure

    # --- the prompt cache -------------------------------------------------------------------------

    async def warm_up(self, system: str) -> None:
        """Let the server read the beginning of all prompts before the first question, or raise."""
        requests = self._requests
        profile = await self.profile()
        messages: tuple[Message, ...] = (Message("system", system), Message("user", ""))
        if not profile.system_role:
            messages = merge_system_into_user(messages)
        with self._facts("").slots.wait_in_line("", priority=False) as ticket:
            await ticket.called.wait()
            if self._requests != requests:
                # A question was faster, and brought the prompt along.
                return
            # A question that comes meanwhile goes on where this has stopped.
            tools = ToolUse(self.usual_tools if profile.tools else ())
            await self._read_prompt(
                RequestOptions(messages, tools=tools),
                "",
                {},
                enough=lambda _: self._requests != requests,
            )

    async def _restore_cache(self, context: Context, model: str, slot: dict[str, Any]) -> None:
        """Let the server load a conversation back from its cache before the history is cut.

        It keeps what a cut leaves only if it has the whole before it. One that has dropped the
        conversation is not made to read all of it again.
        """

        def has_dropped(chunk: RawChunk) -> bool:
            return unread_tokens(chunk) > MAX_UNREAD_TOKENS

        # With an eye, llama.cpp keeps nothing behind a cut.
        if not (context.full_history and self.config.cache_reuse) or self._facts(model).vision:
            return
        try:
            options = RequestOptions(context.full_history, tools=context.tools)
            await self._read_prompt(options, model, slot, enough=has_dropped)
        except ProviderError as exc:
            # The question itself comes next, and will say what is wrong.
            log.info("not restored: %s", exc.log_text)

    async def _read_prompt(
        self,
        options: RequestOptions,
        model: str,
        slot: dict[str, Any],
        *,
        enough: Callable[[RawChunk], bool],
    ) -> None:
        """Let the server read a prompt without answering it, until a chunk is `enough`."""
        async with self._open(options, model, slot | {"max_tokens": 0}) as stream:
            await stream.read_prompt(enough=enough)


def _position(ahead: int) -> str:
    answers = "one answer is" if ahead == 1 else f"{ahead} answers are"
    return f"Waiting: {answers} ahead of yours."
