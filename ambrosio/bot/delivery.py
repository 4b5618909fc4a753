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

import telegram
from telegram.error import (
    BadRequest,
    EndPointNotFound,
    TelegramError,
)

from ..core import texts
from ..core.backoff import Backoff
from ..core.errors import NotStorable, StoreFailed
from ..core.messages import Chat, Delete, Outgoing, OutgoingMessage
from ..markdown import plain, render
from ..markdown.rich import rich
from ..store import Store
from . import ptb, uploads
from .rate_limit import RateLimiter
from .send_failures import (
    ChatMoved,
    SendFailed,
    SendRejected,
    SendUncertain,
    is_unchanged,
    max_tries,
    notice_instead,
    translate_error,
    ways,
)
from .uncertain import UncertainMessages
from .uploads import SentFiles

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 30.0
DISK_PAUSE_SECONDS = 5.0


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
        self._uncertain = UncertainMessages(bot, store, rate_limiter, sleep=sleep)
        self._sleep = sleep
        self._knows_rich = True
        # Topics that took nothing, until the next answer is delivered.
        self._closed_topics: set[Chat] = set()
        # Called with the old and the new id of a group that became a supergroup.
        self.on_moved: Callable[[int, int], None] = store.move_chat
        # Called with a chat for which something waits, to have it delivered meanwhile.
        self.deliver_soon: Callable[[Chat], object] = lambda _chat: None
        self._locks: defaultdict[Chat, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def deliver(self, chat: Chat) -> None:
        """Send everything that waits for a chat, in order; return when Telegram has it.

        A group that has become a supergroup gets it there. What nobody foresaw is raised; each time
        it has cost the message a try.
        """
        await self._deliver_all(chat)
        if (current := self._store.current_chat(chat)) != chat:
            await self._deliver_all(current)

    async def _deliver_all(self, chat: Chat) -> None:
        async with self._locks[chat]:
            self._closed_topics.discard(chat)
            backoff = Backoff(FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS)
            while queued := self._store.outbox.next_message(chat):
                outbox_id, outgoing, tries = queued
                try:
                    await self._deliver(outbox_id, outgoing, tries)
                    backoff.reset()
                except ChatMoved as exc:
                    await self.write_when_possible(
                        partial(self._follow, outbox_id, tries, chat.chat_id, exc.new_chat_id)
                    )
                except SendFailed as exc:
                    await self.write_when_possible(
                        partial(self._store.outbox.record_try, outbox_id, tries)
                    )
                    pause = backoff.next_seconds()
                    self._rate_limiter.on_flood(chat.chat_id, exc.pause_seconds or pause)

    async def _deliver(self, outbox_id: int, outgoing: Outgoing, tries: int) -> None:
        """Send one message and take it out of the outbox, or raise `SendFailed`."""
        message_ids = await self._uncertain.find(outbox_id, outgoing) if tries else None
        if message_ids:
            await self.write_when_possible(
                partial(self._store.record_sent, outbox_id, outgoing, message_ids)
            )
            return
        if tries >= max_tries(outgoing, absent=message_ids is not None):
            log.error("gave up a message for %s after %d tries", outgoing.chat, tries)
            await self._replace(outbox_id, outgoing, notice_instead(outgoing, texts.MAYBE_SENT))
            return
        await self._wait_for_limit(outgoing)
        await self.write_when_possible(partial(self._store.outbox.record_try, outbox_id, tries + 1))
        try:
            sent = await self._send(outgoing)
        except SendUncertain:
            log.warning("a message for %s may have arrived", outgoing.chat)
            return
        except SendRejected as exc:
            log.warning("Telegram does not take a message for %s: %s", outgoing.chat, exc)
            notice = notice_instead(outgoing) if exc.content else None
            await self._replace(outbox_id, outgoing, notice)
            return
        await self.write_when_possible(
            partial(self._store.record_sent, outbox_id, outgoing, sent.message_ids, sent.file_ids)
        )

    async def _replace(
        self, outbox_id: int, outgoing: Outgoing, notice: OutgoingMessage | None
    ) -> None:
        """Take a message out of the outbox unsent; the notice waits in its place, if any."""
        write = partial(self._store.record_sent, outbox_id, outgoing)
        if notice:
            write = partial(self._store.outbox.substitute, outbox_id, notice)
        await self.write_when_possible(write)

    async def delete_lost_preview(self, chat: Chat, after_message_id: int) -> None:
        """Delete the preview that a process that died may have left behind an id, if any.

        What waits for the chat has to be delivered first: while a message may be there without
        being noted, nothing is looked for.
        """
        async with self._locks[chat]:
            preview = await self._uncertain.find_preview(chat, after_message_id)
        if preview is not None:
            self._store.outbox.enqueue(Delete(chat, preview))

    def _follow(self, outbox_id: int, tries: int, old_chat_id: int, new_chat_id: int) -> None:
        """Move a group's data to its new id; the message was not sent, so the try is taken back."""
        self._store.outbox.record_try(outbox_id, tries)
        self.on_moved(old_chat_id, new_chat_id)

    async def save_result(
        self, chat: Chat, save: Callable[[], object], save_failure: Callable[[NotStorable], object]
    ) -> None:
        """Store the result of a turn, which must not be asked for again.

        It waits for the disk. Where the content itself is refused, `save_failure` stores that
        instead.
        """
        try:
            save()
        except StoreFailed as exc:
            await self.tell_now(chat, exc.user_message)
            await self.write_when_possible(save)
        except NotStorable as exc:
            log.exception("the result of a turn cannot be stored")
            await self.write_when_possible(partial(save_failure, exc))

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
        count = 1 if isinstance(outgoing, Delete) else max(1, len(outgoing.files))
        while (wait := self._rate_limiter.wait_seconds(chat_id, "send", count)) > 0:
            await self._sleep(wait)
        self._rate_limiter.spend(chat_id, "send", count)

    async def tell_now(self, chat: Chat, text: str) -> None:
        """Send a text without the outbox, best effort: for when the disk is full.

        What it is sent with keeps it from being edited, and so from being taken for another message
        (see `uncertain`).
        """
        try:
            await self._bot.send_message(
                self._store.current_chat(chat).chat_id,
                text,
                message_thread_id=chat.topic_id or None,
                link_preview_options=ptb.NO_LINK_PREVIEW,
                reply_markup=telegram.ReplyKeyboardRemove(),
            )
        except TelegramError as exc:
            log.warning("could not tell %s: %s", chat, ptb.reason(exc, text))

    async def _send(self, outgoing: Outgoing) -> SentFiles:
        """Send one message and return its ids, or raise what a failure means for the outbox."""
        try:
            if isinstance(outgoing, Delete):
                return await self._delete(outgoing)
            return await self._first_accepted(outgoing)
        except TelegramError as exc:
            raise translate_error(exc, outgoing) from exc

    async def _first_accepted(self, outgoing: OutgoingMessage) -> SentFiles:
        """Send a message in the first way that Telegram does not refuse, or raise its refusal."""
        [first, *others] = ways(outgoing, open_topic=outgoing.chat not in self._closed_topics)
        try:
            return await self._send_once(first)
        except BadRequest as exc:
            if is_unchanged(outgoing, exc):
                return SentFiles((outgoing.edit_message_id or 0,))
            refusal = exc
        for way in others:
            try:
                sent = await self._send_once(way)
            except BadRequest as exc:
                refusal = exc
            else:
                self._note_way(outgoing, way)
                return sent
        raise refusal

    def _note_way(self, outgoing: OutgoingMessage, way: OutgoingMessage) -> None:
        if way.chat != outgoing.chat:
            # Deleted or closed; the rest of this answer need not try it again.
            self._closed_topics.add(outgoing.chat)
            log.warning("%s takes no messages: sent outside of the topic", outgoing.chat)
        if way.content != outgoing.content:
            log.error("Telegram refused the formatting of a message for %s", outgoing.chat)

    async def _send_once(self, outgoing: OutgoingMessage) -> SentFiles:
        if outgoing.files:
            return await uploads.send(self._bot, outgoing)
        return SentFiles(tuple(await self._call(outgoing)))

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
            reply_markup=ptb.to_markup(outgoing),
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
            message_ids += await self._formatted_or_plain(piece)
        return message_ids

    async def _formatted_or_plain(self, outgoing: OutgoingMessage) -> list[int]:
        try:
            return await self._message(outgoing)
        except BadRequest:
            if not outgoing.content.entities:
                raise
            log.info("Telegram refused the formatting of a message for %s", outgoing.chat)
        return await self._message(replace(outgoing, content=plain(outgoing.content.text)))

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
