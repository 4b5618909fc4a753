"""Sending what is in the outbox: the only way to Telegram.

Every message goes through the outbox of the store, so that it survives a crash. Typing and drafts
do not (see `streaming`), and their failures are ignored.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
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

from ..core.backoff import Backoff
from ..core.errors import StoreFailed
from ..core.messages import Chat, Delete, FormattedText, Outgoing, OutgoingMessage
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
    """Telegram does not have the message; it can be sent again after `pause_seconds`, if given."""

    def __init__(self, pause_seconds: float | None = None) -> None:
        super().__init__()
        self.pause_seconds = pause_seconds


class SendUncertain(Exception):
    """Telegram may have the message or not."""


class SendRejected(Exception):
    """Telegram will never accept the message."""


class Delivery:
    """Sends what is in the outbox, each chat in order."""

    def __init__(
        self,
        bot: telegram.Bot,
        store: Store,
        rate_limiter: RateLimiter,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._store = store
        self._rate_limiter = rate_limiter
        self._sleep = sleep
        self._knows_rich = True
        self._locks: defaultdict[Chat, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def deliver(self, chat: Chat) -> None:
        """Send everything that waits for a chat, in order; return when Telegram has it."""
        async with self._locks[chat]:
            backoff = Backoff(FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS)
            while queued := self._store.outbox.next_message(chat):
                outbox_id, outgoing, tries = queued
                try:
                    await self._deliver(outbox_id, outgoing, tries)
                    backoff.reset()
                except SendFailed as exc:
                    await self.write_when_possible(
                        partial(self._store.outbox.record_try, outbox_id, tries)
                    )
                    pause = backoff.next_seconds()
                    self._rate_limiter.on_flood(chat.chat_id, exc.pause_seconds or pause)

    async def _deliver(self, outbox_id: int, outgoing: Outgoing, tries: int) -> None:
        """Send one message and take it out of the outbox, or raise `SendFailed`."""
        if tries >= MAX_TRIES:
            log.error("gave up a message for %s after %d tries", outgoing.chat, tries)
            await self.write_when_possible(partial(self._store.record_sent, outbox_id, outgoing))
            return
        await self._wait_for_limit(outgoing)
        await self.write_when_possible(partial(self._store.outbox.record_try, outbox_id, tries + 1))
        try:
            sent = await self._send(outgoing)
        except SendUncertain:
            log.warning("a message for %s may have arrived; once more", outgoing.chat)
            return
        except SendRejected as exc:
            log.warning("Telegram does not take a message for %s: %s", outgoing.chat, exc)
            sent = SentFiles()
        await self.write_when_possible(
            partial(self._store.record_sent, outbox_id, outgoing, sent.message_ids, sent.file_ids)
        )

    async def save_result(self, chat: Chat, save: Callable[[], object]) -> None:
        """Store the result of a turn, and wait for the disk: it must not be asked for again."""
        try:
            save()
        except StoreFailed as exc:
            await self.tell_now(chat, exc.user_message)
            await self.write_when_possible(save)

    async def write_when_possible(self, write: Callable[[], object]) -> None:
        """Record what has already happened; while the disk is full, wait."""
        while True:
            try:
                write()
            except StoreFailed as exc:
                log.warning("the disk: %s", exc)
                await self._sleep(DISK_PAUSE_SECONDS)
            else:
                return

    async def _wait_for_limit(self, outgoing: Outgoing) -> None:
        """Wait until a message may go to this chat, and count it, or all of an album."""
        chat_id = outgoing.chat.chat_id
        while (wait := self._rate_limiter.wait_seconds(chat_id, "send")) > 0:
            await self._sleep(wait)
        files = 0 if isinstance(outgoing, Delete) else len(outgoing.files)
        for _ in range(max(1, files)):
            self._rate_limiter.spend(chat_id, "send")

    async def tell_now(self, chat: Chat, text: str) -> None:
        """Send a text without the outbox, best effort: for when the disk is full."""
        try:
            await self._message(OutgoingMessage(chat, plain(text)))
        except TelegramError as exc:
            log.warning("could not tell %s: %s", chat, type(exc).__name__)

    async def _send(self, outgoing: Outgoing) -> SentFiles:
        """Send one message and return its ids, or raise what a failure means for the outbox."""
        try:
            if isinstance(outgoing, Delete):
                return await self._delete(outgoing)
            if outgoing.files:
                return await uploads.send(self._bot, outgoing)
            try:
                return SentFiles(tuple(await self._call(outgoing)))
            except BadRequest as exc:
                return SentFiles(tuple(await self._call_fallback(outgoing, exc)))
        except TelegramError as exc:
            raise _translate_error(exc) from exc

    async def _delete(self, outgoing: Delete) -> SentFiles:
        # Telegram refuses when the message is gone already.
        with suppress(BadRequest):
            await self._bot.delete_message(outgoing.chat.chat_id, outgoing.message_id)
        return SentFiles()

    async def _call(self, outgoing: OutgoingMessage) -> list[int]:
        if outgoing.rich_markdown:
            return await self._rich(outgoing)
        if outgoing.edit_message_id is not None:
            await self._bot.edit_message_text(
                outgoing.content.text,
                outgoing.chat.chat_id,
                outgoing.edit_message_id,
                entities=ptb.to_entities(outgoing.content),
                link_preview_options=ptb.NO_LINK_PREVIEW,
                reply_markup=ptb.to_keyboard(outgoing.buttons, outgoing.turn_id),
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
            reply_markup=ptb.to_keyboard(outgoing.buttons, outgoing.turn_id),
            reply_parameters=ptb.to_reply_parameters(outgoing),
            disable_notification=outgoing.silent or None,
        )
        return [sent.message_id]

    async def _rich(self, outgoing: OutgoingMessage) -> list[int]:
        """Let Telegram format the Markdown; where it refuses, send messages with entities."""
        if self._knows_rich:
            try:
                return await self._rich_message(outgoing)
            except EndPointNotFound:
                self._knows_rich = False
            except BadRequest:
                log.info("Telegram refused a rich message for %s", outgoing.chat)
        message_ids = []
        chunks = render(outgoing.rich_markdown, files=False).chunks
        for part, chunk in enumerate(chunks, start=1):
            buttons = outgoing.buttons if part == len(chunks) else ()
            piece = replace(outgoing, content=chunk, buttons=buttons, silent=part > 1)
            message_ids += await self._message(piece)
        return message_ids

    async def _rich_message(self, outgoing: OutgoingMessage) -> list[int]:
        sent = await self._bot.do_api_request(
            "sendRichMessage",
            {
                "chat_id": outgoing.chat.chat_id,
                "message_thread_id": outgoing.chat.topic_id or None,
                "rich_message": {"markdown": rich(outgoing.rich_markdown)},
                "reply_markup": ptb.to_keyboard(outgoing.buttons, outgoing.turn_id),
                "reply_parameters": ptb.to_reply_parameters(outgoing),
            },
        )
        return [int(sent["message_id"])]

    async def _call_fallback(self, outgoing: OutgoingMessage, exc: BadRequest) -> list[int]:
        """Send in another way what Telegram has refused, or raise the refusal."""
        if outgoing.edit_message_id is not None:
            # Only the text tells this refusal from that of a message that is gone.
            if "not modified" in exc.message.lower():
                return [outgoing.edit_message_id]
            return await self._message(replace(outgoing, edit_message_id=None))
        if not outgoing.content.entities:
            raise exc
        log.error("Telegram refused the formatting of a message for %s", outgoing.chat)
        return await self._message(replace(outgoing, content=FormattedText(outgoing.content.text)))


def _translate_error(exc: TelegramError) -> SendFailed | SendUncertain | SendRejected:
    """Translate a failure into what it means for the message: not sent, uncertain, or rejected."""
    match exc:
        case RetryAfter():
            return SendFailed(ptb.retry_after_seconds(exc))
        case BadRequest() | Forbidden() | ChatMigrated() | EndPointNotFound():
            return SendRejected(type(exc).__name__)
        case TimedOut():
            early = isinstance(exc.__cause__, httpx.ConnectTimeout | httpx.PoolTimeout)
            return SendFailed() if early else SendUncertain()
        case NetworkError():
            # A server error has no cause; after a connection that broke midway it is uncertain.
            sure = exc.__cause__ is None or isinstance(exc.__cause__, httpx.ConnectError)
            return SendFailed() if sure else SendUncertain()
        case _ if exc.__cause__ is not None:
            # The response could not be read.
            return SendUncertain()
        case _:
            # The token is not accepted, which only the owner can fix.
            return SendFailed(MAX_PAUSE_SECONDS)
