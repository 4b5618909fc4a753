"""Servers that speak the OpenAI API: llama.cpp, together.ai and all the others.

The one place that knows what is particular about each flavour. It does not decide whom to ask, when
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

from ..config.catalogue import dearest, known
from ..config.provider import ProviderRow
from ..core.context_window import CAUTIOUS_WINDOW, Context, Manner, fold
from ..core.costs import FREE, Tariff
from ..core.errors import (
    Empty,
    Faulty,
    HugePicture,
    Loading,
    ProviderError,
    Rejected,
    TimedOut,
    TooLong,
    Unreachable,
)
from ..core.messages import Message, Note, Part
from .errors import FOREIGN, count, translated
from .http import Wire
from .request import Attempt, Question
from .slots import Slots
from .stream import Listener
from .stream_parser import Chunk, unread

log = logging.getLogger(__name__)

# The price of the row's own model is not that of another.
UNPRICED = {"input_usd": None, "cached_usd": None, "output_usd": None}
PROBE_SECONDS = 3.0
# Nobody needs to know that they wait before this is over.
NOTICE_SECONDS = 3.0
WITHOUT_LIMIT = 1_000
# A chat that the server remembers is read but for the words that close its last answer.
RECALLED_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Served:
    """A model that a server says it has; `context` in tokens, 0 when it does not say."""

    id: str
    kind: str = "chat"
    context: int = 0


@dataclass(slots=True)
class _Learnt:
    """What a server has let us know of one of its models."""

    window: int = 0
    slots: Slots = field(default_factory=lambda: Slots(WITHOUT_LIMIT))
    system_role: bool = True
    # Whether it takes a concise turn's options, and its limit.
    frugal: bool = True
    limited: bool = True


class OpenAIProvider:
    """One server, as its row describes it."""

    def __init__(
        self,
        name: str,
        row: ProviderRow,
        http: httpx.AsyncClient,
        *,
        notice_seconds: float = NOTICE_SECONDS,
    ) -> None:
        self.name = name
        self.row = row
        self.http = http
        self.local = row.at_home
        # Raises while a server that we run ourselves cannot be asked.
        self.check: Callable[[], None] = lambda: None
        self._notice_seconds = notice_seconds
        self._asked = 0
        self._learnt: defaultdict[str, _Learnt] = defaultdict(_Learnt)
        self._wire = Wire(
            http,
            row.url,
            key=row.api_key.get_secret_value(),
            connect_seconds=row.connect_seconds,
            # llama.cpp may hang up behind a stream just when the next request goes out.
            reuses=row.flavour != "llama",
        )
        self._listener = Listener(name, row, self._wire, self._failure)

    @property
    def paid(self) -> bool:
        """Whether its own model costs money."""
        return not self.tariff().free

    def tariff(self, model: str = "") -> Tariff:
        """Say what a model here costs; the dearest known prices stand in for unknown ones."""
        if self.local:
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
        """Say how a model here is spoken to, asking the server what nobody has told.

        Raises `Loading`, `NotRunning` or `Unreachable`: what is not known then must not be guessed,
        since a guess too small cuts the conversation for good.
        """
        self.check()
        row, learnt = self._row(model), self._known(model)
        if row.flavour == "llama" and not learnt.window:
            await self._learn(model, learnt)
        window = row.context or learnt.window or CAUTIOUS_WINDOW
        return Manner(window, row.system_role and learnt.system_role, row.repeat_vv)

    def _known(self, model: str) -> _Learnt:
        return self._learnt[model or self.row.model]

    def _row(self, model: str) -> ProviderRow:
        """Give the row as it is for a model other than the one it names."""
        if model in {"", self.row.model}:
            return self.row
        # Where its own costs nothing, neither does one of which nobody knows a price.
        free = self.row.input_usd == 0 and self.row.output_usd == 0
        return self.row.model_copy(update={**({} if free else UNPRICED), **known(model)})

    async def _learn(self, model: str, learnt: _Learnt) -> None:
        """Read window, slots and the template's ways from a llama.cpp server's properties."""
        named = model or self.row.model
        query = f"?{urlencode({'model': named})}" if named else ""
        try:
            props = await self._get(f"{self._root}/props{query}")
            learnt.window = int(props["default_generation_settings"]["n_ctx"])
            learnt.slots = Slots(int(props.get("total_slots") or 1))
            caps = props.get("chat_template_caps") or {}
            learnt.system_role = bool(caps.get("supports_system_role", True))
        except (Loading, Unreachable):
            raise
        except (ProviderError, KeyError, TypeError, ValueError, AttributeError):
            # Not every server that speaks like llama.cpp has them.
            log.info("%s does not tell its properties", self.name)

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
        self.check()
        if self.row.flavour == "llama":
            await self._get(self._root + "/health")
        else:
            await self.models()

    @property
    def _root(self) -> str:
        return self.row.url.removesuffix("/v1")

    async def draw(self, body: Mapping[str, object], *, seconds: float, most: int) -> bytes:
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
                        raise HugePicture(self.name)
        except TimeoutError:
            raise TimedOut(self.name) from None
        except httpx.TransportError as exc:
            raise (Faulty if reached else Unreachable)(self.name) from exc
        except FOREIGN as exc:
            raise translated(exc, self.name, model=model) from exc
        return bytes(found)

    async def _get(self, path: str) -> Any:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await self._wire.get(path)
        except TimeoutError:
            raise TimedOut(self.name) from None
        except FOREIGN as exc:
            raise translated(exc, self.name, model=self.row.model) from exc

    async def stream(
        self, context: Context, *, concise: bool = False, model: str = "", chat: str = ""
    ) -> AsyncGenerator[Part]:
        """Ask a model and give its answer as it comes, or raise `ProviderError`.

        Where the server has only so many slots, the hasty go first and `chat` gets the slot that
        remembers it.
        """
        self.check()
        self._asked += 1
        slots = self._known(model).slots
        with slots.queue(chat, hasty=concise) as ticket:
            told = 0
            while not await ticket.wait(self._notice_seconds):
                if ticket.ahead != told:
                    told = ticket.ahead
                    ahead = "one answer is" if told == 1 else f"{told} answers are"
                    yield Note(f"In the line: {ahead} ahead of yours.")
            pin = {"id_slot": ticket.slot} if 1 < slots.count < WITHOUT_LIMIT else {}
            if context.uncut and self.row.moves:
                await self._recall(context.uncut, model, pin)
            async with aclosing(self._patiently(context, model, pin, concise=concise)) as parts:
                async for part in parts:
                    yield part
            # A warm-up that has stood behind it in the line has nothing left to do.
            self._asked += 1

    async def _patiently(
        self, context: Context, chosen: str, pin: dict[str, Any], *, concise: bool
    ) -> AsyncGenerator[Part]:
        """Ask until the request is as the model likes it.

        Optional parameters that it refuses are left out from then on, then the system role; and an
        answer that had no room for a word beside its thoughts is asked for without a limit.
        """
        row, learnt = self._row(chosen), self._known(chosen)
        model = chosen or row.model
        frugal, limited = concise and learnt.frugal, concise and learnt.limited
        most = context.most if learnt.limited else 0
        attempt = first = Attempt(
            context.messages, frugal, limited, most, folds=row.flavour == "llama"
        )
        refused = False
        while True:
            beside = attempt.body(row) | pin
            question = Question(attempt.lines, model, beside, context.tokens)
            try:
                async with aclosing(self._listener.answer(question)) as parts:
                    async for part in parts:
                        yield part
            except (Empty, Rejected) as exc:
                milder = attempt.milder(exc)
                if milder is None:
                    raise
                attempt, refused = milder, refused or isinstance(exc, Rejected)
            else:
                break
        if refused:
            log.info("%s wants to be asked in a simpler way for %s", self.name, model)
            learnt.frugal &= attempt.frugal == first.frugal
            learnt.limited &= (attempt.limited, attempt.most) == (first.limited, first.most)
            learnt.system_role = attempt.lines[0].role == "system"

    async def warm(self, system: str) -> None:
        """Let the server read the system prompt ahead of the first question, or raise."""
        asked = self._asked
        manner = await self.manner()
        lines: tuple[Message, ...] = (Message("system", system), Message("user", ""))
        with self._known("").slots.queue("", hasty=False) as ticket:
            await ticket.called.wait()
            if self._asked != asked:
                # Somebody was quicker, and their question has brought the prompt along.
                return
            # Whoever comes meanwhile goes on where this has stopped.
            await self._read(
                lines if manner.system_role else fold(lines),
                "",
                {},
                enough=lambda _: self._asked != asked,
            )

    async def _recall(self, lines: tuple[Message, ...], model: str, pin: dict[str, Any]) -> None:
        """Let a server fetch a chat back that another has displaced, before its history is cut.

        It moves what a cut leaves only if it has the chat before it. One that has forgotten it is
        not made to read it all again.
        """
        try:
            await self._read(
                lines, model, pin, enough=lambda chunk: unread(chunk) > RECALLED_TOKENS
            )
        except ProviderError as exc:
            # The question itself comes next and will say what is wrong.
            log.info("not recalled: %s", exc)

    async def _read(
        self,
        lines: tuple[Message, ...],
        model: str,
        pin: dict[str, Any],
        *,
        enough: Callable[[Chunk], bool],
    ) -> None:
        """Let the server read without saying a word, and leave when it is enough."""
        beside = Attempt(lines).body(self.row) | pin | {"max_tokens": 0}
        question = Question(lines, model or self.row.model, beside)
        await self._listener.read(question, enough=enough)

    def _failure(self, exc: Exception, question: Question) -> ProviderError:
        """Translate what went wrong with a question, and remember a window that was too small."""
        model, tokens = question.model, question.tokens
        learnt = self._known(model)
        window = learnt.window or self._row(model).context or CAUTIOUS_WINDOW
        failure = translated(exc, self.name, model=model, tokens=tokens, window=window)
        if isinstance(failure, TooLong):
            learnt.window = failure.limit
        return failure


def _context_of(item: Mapping[str, Any]) -> int:
    meta = item.get("meta")
    n_ctx = meta.get("n_ctx") if isinstance(meta, dict) else 0
    return count(item.get("context_length")) or count(n_ctx)
