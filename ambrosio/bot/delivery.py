"""The one way to Telegram, and that what is said arrives.

Everything that is to be said goes through the outbox of the store, so that it outlives a crash;
what only shows that work is under way (typing) does not, and its failures harm nothing.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import httpx
import telegram
from telegram.error import (
    BadRequest,
    ChatMigrated,
    EndPointNotFound,
    Forbidden,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from ..core.errors import StoreFailed
from ..core.messages import Chunk, Outgoing, Place
from ..markdown import plain, render
from ..markdown.rich import rich
from ..store import Store
from . import ptb, uploads
from .rate_limit import Pacer
from .uploads import Sent

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
DISK_PAUSE_SECONDS = 5.0
# A read timeout leaves open whether Telegram has the message: once more, and never a third time.
MOST_TRIES = 2


class NotSent(Exception):
    """Telegram does not have it: send it again after `pause_seconds`, if it said how long."""

    def __init__(self, pause_seconds: float | None = None) -> None:
        super().__init__()
        self.pause_seconds = pause_seconds


class PerhapsSent(Exception):
    """Nobody knows whether Telegram has it."""


class NotTaken(Exception):
    """Telegram will not take it, now or later."""


class Replies:
    """Sends what is in the outbox, and shows that work is under way."""

    def __init__(
        self,
        bot: telegram.Bot,
        store: Store,
        pacer: Pacer,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._store = store
        self._pacer = pacer
        self._sleep = sleep
        self._knows_rich = True
        self._locks: defaultdict[Place, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def deliver(self, place: Place) -> None:
        """Send everything that waits for a place, in order; returns when Telegram has it."""
        async with self._locks[place]:
            pause = FIRST_PAUSE_SECONDS
            while found := self._store.next_out(place):
                number, outgoing, tries = found
                try:
                    await self._deliver(number, outgoing, tries)
                    pause = FIRST_PAUSE_SECONDS
                except NotSent as exc:
                    await self.written(partial(self._store.sending, number, tries))
                    self._pacer.flooded(place.chat, exc.pause_seconds or pause)
                    pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _deliver(self, number: int, outgoing: Outgoing, tries: int) -> None:
        """Send one message and take it out of the outbox, or raise `NotSent`."""
        if tries >= MOST_TRIES:
            log.error("gave up a message for %s after %d tries", outgoing.place, tries)
            await self.written(partial(self._store.sent, number, outgoing))
            return
        await self._turn_comes(outgoing)
        await self.written(partial(self._store.sending, number, tries + 1))
        try:
            sent = await self._send(outgoing)
        except PerhapsSent:
            log.warning("a message for %s may have arrived; once more", outgoing.place)
            return
        except NotTaken as exc:
            log.warning("Telegram does not take a message for %s: %s", outgoing.place, exc)
            sent = Sent()
        await self.written(partial(self._store.sent, number, outgoing, sent.messages, sent.files))

    async def kept(self, place: Place, keep: Callable[[], object]) -> None:
        """Keep what came of a turn, which must not be asked for again: wait for the disk."""
        try:
            keep()
        except StoreFailed as exc:
            await self.tell_now(place, exc.sentence)
            await self.written(keep)

    async def written(self, write: Callable[[], object]) -> None:
        """Write what has happened already; if the disk is full, wait until it is not."""
        while True:
            try:
                write()
            except StoreFailed as exc:
                log.warning("the disk: %s", exc)
                await self._sleep(DISK_PAUSE_SECONDS)
            else:
                return

    async def _turn_comes(self, outgoing: Outgoing) -> None:
        """Wait until a message may go to this chat, and count it, or all of an album."""
        chat = outgoing.place.chat
        while (wait := self._pacer.wait_seconds(chat, "send")) > 0:
            await self._sleep(wait)
        for _ in outgoing.files or (None,):
            self._pacer.spend(chat, "send")

    async def tell_now(self, place: Place, text: str) -> None:
        """Say something past the outbox, as well as it goes: for when the disk is full."""
        try:
            await self._message(Outgoing(place, plain(text)))
        except TelegramError as exc:
            log.warning("could not tell %s: %s", place, type(exc).__name__)

    async def _send(self, outgoing: Outgoing) -> Sent:
        """Send one message and give its numbers, or raise what that means for the outbox."""
        try:
            if outgoing.files:
                return await uploads.send(self._bot, outgoing)
            try:
                return Sent(tuple(await self._do(outgoing)))
            except BadRequest as exc:
                return Sent(tuple(await self._do_otherwise(outgoing, exc)))
        except TelegramError as exc:
            raise _meaning(exc) from exc

    async def _do(self, outgoing: Outgoing) -> list[int]:
        if outgoing.delete:
            await self._bot.delete_message(outgoing.place.chat, outgoing.edits or 0)
            return []
        if outgoing.rich:
            return await self._rich(outgoing)
        if outgoing.edits is not None:
            await self._bot.edit_message_text(
                outgoing.chunk.text,
                outgoing.place.chat,
                outgoing.edits,
                entities=ptb.entities(outgoing.chunk),
                link_preview_options=ptb.NO_LINK_PREVIEW,
                reply_markup=ptb.keyboard(outgoing.buttons),
            )
            return [outgoing.edits]
        return await self._message(outgoing)

    async def _message(self, outgoing: Outgoing) -> list[int]:
        sent = await self._bot.send_message(
            outgoing.place.chat,
            outgoing.chunk.text,
            message_thread_id=outgoing.place.topic or None,
            entities=ptb.entities(outgoing.chunk),
            link_preview_options=ptb.NO_LINK_PREVIEW,
            reply_markup=ptb.keyboard(outgoing.buttons),
            reply_parameters=ptb.reply(outgoing),
            disable_notification=outgoing.silent or None,
        )
        return [sent.message_id]

    async def _rich(self, outgoing: Outgoing) -> list[int]:
        """Let Telegram set the Markdown; where it does not, send it in pieces of our own."""
        if self._knows_rich:
            try:
                return await self._rich_message(outgoing)
            except EndPointNotFound:
                self._knows_rich = False
            except BadRequest:
                log.info("Telegram refused a rich message for %s", outgoing.place)
        numbers = []
        chunks = render(outgoing.rich, files=False).chunks
        for part, chunk in enumerate(chunks, start=1):
            buttons = outgoing.buttons if part == len(chunks) else ()
            piece = replace(outgoing, chunk=chunk, buttons=buttons, silent=part > 1)
            numbers += await self._message(piece)
        return numbers

    async def _rich_message(self, outgoing: Outgoing) -> list[int]:
        sent = await self._bot.do_api_request(
            "sendRichMessage",
            {
                "chat_id": outgoing.place.chat,
                "message_thread_id": outgoing.place.topic or None,
                "rich_message": {"markdown": rich(outgoing.rich)},
                "reply_markup": ptb.keyboard(outgoing.buttons),
                "reply_parameters": ptb.reply(outgoing),
            },
        )
        return [int(sent["message_id"])]

    async def _do_otherwise(self, outgoing: Outgoing, exc: BadRequest) -> list[int]:
        """Find another way for what Telegram has refused, or raise the refusal."""
        if outgoing.delete:
            return []
        if outgoing.edits is not None:
            # The one refusal that only its text tells from a message that is no longer there.
            if "not modified" in exc.message.lower():
                return [outgoing.edits]
            return await self._message(replace(outgoing, edits=None))
        if not outgoing.chunk.entities:
            raise exc
        log.error("Telegram refused the formatting of a message for %s", outgoing.place)
        return await self._message(replace(outgoing, chunk=Chunk(outgoing.chunk.text)))


def _meaning(exc: TelegramError) -> NotSent | PerhapsSent | NotTaken:
    """Tell what a failure means for a message: not there, perhaps there, or not wanted."""
    match exc:
        case RetryAfter():
            return NotSent(ptb.seconds(exc))
        case BadRequest() | Forbidden() | ChatMigrated() | EndPointNotFound():
            return NotTaken(type(exc).__name__)
        case TimedOut():
            early = isinstance(exc.__cause__, httpx.ConnectTimeout | httpx.PoolTimeout)
            return NotSent() if early else PerhapsSent()
        case NetworkError():
            # A server error has no cause; a line that broke after connecting leaves it open.
            sure = exc.__cause__ is None or isinstance(exc.__cause__, httpx.ConnectError)
            return NotSent() if sure else PerhapsSent()
        case _ if exc.__cause__ is not None:
            # An answer that could not be read.
            return PerhapsSent()
        case _:
            # The token is not accepted, which only the owner can mend.
            return NotSent(LONGEST_PAUSE_SECONDS)
