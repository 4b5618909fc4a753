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
from ..core.messages import Chat, FormattedText, OutgoingMessage
from ..markdown import plain, render
from ..markdown.rich import rich
from ..store import Store
from . import ptb, uploads
from .rate_limit import RateLimiter
from .uploads import SentFiles

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 30.0
DISK_PAUSE_SECONDS = 5.0
# A read timeout leaves open whether Telegram has the message: once more, and never a third time.
MAX_TRIES = 2


class SendFailed(Exception):
    """Telegram does not have it: send it again after `pause_seconds`, if it said how long."""

    def __init__(self, pause_seconds: float | None = None) -> None:
        super().__init__()
        self.pause_seconds = pause_seconds


class SendUncertain(Exception):
    """Nobody knows whether Telegram has it."""


class SendRejected(Exception):
    """Telegram will not take it, now or later."""


class Delivery:
    """Sends what is in the outbox, and shows that work is under way."""

    def __init__(
        self,
        bot: telegram.Bot,
        store: Store,
        pacer: RateLimiter,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._store = store
        self._pacer = pacer
        self._sleep = sleep
        self._knows_rich = True
        self._locks: defaultdict[Chat, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def deliver(self, chat: Chat) -> None:
        """Send everything that waits for a place, in order; returns when Telegram has it."""
        async with self._locks[chat]:
            pause = FIRST_PAUSE_SECONDS
            while found := self._store.next_out(chat):
                number, outgoing, tries = found
                try:
                    await self._deliver(number, outgoing, tries)
                    pause = FIRST_PAUSE_SECONDS
                except SendFailed as exc:
                    await self.write_when_possible(partial(self._store.sending, number, tries))
                    self._pacer.on_flood(chat.chat_id, exc.pause_seconds or pause)
                    pause = min(pause * 2, MAX_PAUSE_SECONDS)

    async def _deliver(self, number: int, outgoing: OutgoingMessage, tries: int) -> None:
        """Send one message and take it out of the outbox, or raise `SendFailed`."""
        if tries >= MAX_TRIES:
            log.error("gave up a message for %s after %d tries", outgoing.chat, tries)
            await self.write_when_possible(partial(self._store.sent, number, outgoing))
            return
        await self._wait_for_limit(outgoing)
        await self.write_when_possible(partial(self._store.sending, number, tries + 1))
        try:
            sent = await self._send(outgoing)
        except SendUncertain:
            log.warning("a message for %s may have arrived; once more", outgoing.chat)
            return
        except SendRejected as exc:
            log.warning("Telegram does not take a message for %s: %s", outgoing.chat, exc)
            sent = SentFiles()
        await self.write_when_possible(
            partial(self._store.sent, number, outgoing, sent.message_ids, sent.file_ids)
        )

    async def save_result(self, chat: Chat, keep: Callable[[], object]) -> None:
        """Keep what came of a turn, which must not be asked for again: wait for the disk."""
        try:
            keep()
        except StoreFailed as exc:
            await self.tell_now(chat, exc.user_message)
            await self.write_when_possible(keep)

    async def write_when_possible(self, write: Callable[[], object]) -> None:
        """Write what has happened already; if the disk is full, wait until it is not."""
        while True:
            try:
                write()
            except StoreFailed as exc:
                log.warning("the disk: %s", exc)
                await self._sleep(DISK_PAUSE_SECONDS)
            else:
                return

    async def _wait_for_limit(self, outgoing: OutgoingMessage) -> None:
        """Wait until a message may go to this chat, and count it, or all of an album."""
        chat = outgoing.chat.chat_id
        while (wait := self._pacer.wait_seconds(chat, "send")) > 0:
            await self._sleep(wait)
        for _ in outgoing.files or (None,):
            self._pacer.spend(chat, "send")

    async def tell_now(self, chat: Chat, text: str) -> None:
        """Say something past the outbox, as well as it goes: for when the disk is full."""
        try:
            await self._message(OutgoingMessage(chat, plain(text)))
        except TelegramError as exc:
            log.warning("could not tell %s: %s", chat, type(exc).__name__)

    async def _send(self, outgoing: OutgoingMessage) -> SentFiles:
        """Send one message and give its numbers, or raise what that means for the outbox."""
        try:
            if outgoing.files:
                return await uploads.send(self._bot, outgoing)
            try:
                return SentFiles(tuple(await self._call(outgoing)))
            except BadRequest as exc:
                return SentFiles(tuple(await self._call_fallback(outgoing, exc)))
        except TelegramError as exc:
            raise _translate_error(exc) from exc

    async def _call(self, outgoing: OutgoingMessage) -> list[int]:
        if outgoing.delete:
            await self._bot.delete_message(outgoing.chat.chat_id, outgoing.edit_message_id or 0)
            return []
        if outgoing.rich_markdown:
            return await self._rich(outgoing)
        if outgoing.edit_message_id is not None:
            await self._bot.edit_message_text(
                outgoing.content.text,
                outgoing.chat.chat_id,
                outgoing.edit_message_id,
                entities=ptb.to_entities(outgoing.content),
                link_preview_options=ptb.NO_LINK_PREVIEW,
                reply_markup=ptb.to_keyboard(outgoing.buttons),
            )
            return [outgoing.edit_message_id]
        return await self._message(outgoing)

    async def _message(self, outgoing: OutgoingMessage) -> list[int]:
        sent = await self._bot.send_message(
            outgoing.chat.chat_id,
            outgoing.content.text,
            message_thread_id=outgoing.chat.topic_id or None,
            entities=ptb.to_entities(outgoing.content),
            link_preview_options=ptb.NO_LINK_PREVIEW,
            reply_markup=ptb.to_keyboard(outgoing.buttons),
            reply_parameters=ptb.to_reply_parameters(outgoing),
            disable_notification=outgoing.silent or None,
        )
        return [sent.message_id]

    async def _rich(self, outgoing: OutgoingMessage) -> list[int]:
        """Let Telegram set the Markdown; where it does not, send it in pieces of our own."""
        if self._knows_rich:
            try:
                return await self._rich_message(outgoing)
            except EndPointNotFound:
                self._knows_rich = False
            except BadRequest:
                log.info("Telegram refused a rich message for %s", outgoing.chat)
        numbers = []
        chunks = render(outgoing.rich_markdown, files=False).chunks
        for part, chunk in enumerate(chunks, start=1):
            buttons = outgoing.buttons if part == len(chunks) else ()
            piece = replace(outgoing, content=chunk, buttons=buttons, silent=part > 1)
            numbers += await self._message(piece)
        return numbers

    async def _rich_message(self, outgoing: OutgoingMessage) -> list[int]:
        sent = await self._bot.do_api_request(
            "sendRichMessage",
            {
                "chat_id": outgoing.chat.chat_id,
                "message_thread_id": outgoing.chat.topic_id or None,
                "rich_message": {"markdown": rich(outgoing.rich_markdown)},
                "reply_markup": ptb.to_keyboard(outgoing.buttons),
                "reply_parameters": ptb.to_reply_parameters(outgoing),
            },
        )
        return [int(sent["message_id"])]

    async def _call_fallback(self, outgoing: OutgoingMessage, exc: BadRequest) -> list[int]:
        """Find another way for what Telegram has refused, or raise the refusal."""
        if outgoing.delete:
            return []
        if outgoing.edit_message_id is not None:
            # The one refusal that only its text tells from a message that is no longer there.
            if "not modified" in exc.message.lower():
                return [outgoing.edit_message_id]
            return await self._message(replace(outgoing, edit_message_id=None))
        if not outgoing.content.entities:
            raise exc
        log.error("Telegram refused the formatting of a message for %s", outgoing.chat)
        return await self._message(replace(outgoing, content=FormattedText(outgoing.content.text)))


def _translate_error(exc: TelegramError) -> SendFailed | SendUncertain | SendRejected:
    """Tell what a failure means for a message: not there, perhaps there, or not wanted."""
    match exc:
        case RetryAfter():
            return SendFailed(ptb.retry_after_seconds(exc))
        case BadRequest() | Forbidden() | ChatMigrated() | EndPointNotFound():
            return SendRejected(type(exc).__name__)
        case TimedOut():
            early = isinstance(exc.__cause__, httpx.ConnectTimeout | httpx.PoolTimeout)
            return SendFailed() if early else SendUncertain()
        case NetworkError():
            # A server error has no cause; a line that broke after connecting leaves it open.
            sure = exc.__cause__ is None or isinstance(exc.__cause__, httpx.ConnectError)
            return SendFailed() if sure else SendUncertain()
        case _ if exc.__cause__ is not None:
            # An answer that could not be read.
            return SendUncertain()
        case _:
            # The token is not accepted, which only the owner can mend.
            return SendFailed(MAX_PAUSE_SECONDS)
