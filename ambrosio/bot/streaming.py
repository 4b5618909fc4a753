"""Showing an answer while it grows.

Best effort: a preview that fails, or that Telegram refuses, never harms the answer, which goes
through the outbox. One call is made at a time and the latest text wins. In private chats a preview
is a draft, which does not ring, needs no editing and has Telegram's own Stop button; elsewhere it
is a silent message that is edited, and deleted in the end.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Literal

import telegram
from telegram.error import BadRequest, InvalidToken, RetryAfter, TelegramError

from ..assistant.progress import Progress
from ..core.messages import Button, Chat, FormattedText
from ..markdown import preview
from . import ptb
from .rate_limit import RateLimiter, SendKind
from .unforeseen import failure_of

log = logging.getLogger(__name__)

TYPING_SECONDS = 4.5  # Telegram shows it for five
DRAFT_GAP_SECONDS = 0.4
DRAFT_REFRESH_SECONDS = 20.0  # it is gone after thirty
SILENCE_SECONDS = 1.0
CONCISE_SECONDS = 2.0
IN_PLACE_SECONDS = 1.0
FIRST_EDIT_SECONDS = 1.5
FIRST_EDIT_CHARACTERS = 40
EDIT_GAP_SECONDS = 1.5
GROUP_EDIT_GAP_SECONDS = 3.0
MAX_GAP_SECONDS = 30.0
# Failures after which one answer goes without previews.
MAX_FAILURES = 3
# How long the answer waits for a preview that is on its way.
SETTLE_SECONDS = 2.0

Stream = Literal["draft", "edit", "off"]
ChatAction = Literal["typing", "upload_photo", "record_voice"]
STOP = Button("Stop", "stop")


class CallResult(Enum):
    """The outcome of one call."""

    DONE = auto()
    LATER = auto()
    REFUSED = auto()


class AnswerStreamer:
    """Makes previews, and remembers which methods this Bot API server and its chats lack."""

    def __init__(
        self, bot: telegram.Bot, rate_limiter: RateLimiter, *, stream: Stream = "draft"
    ) -> None:
        self.bot, self.rate_limiter = bot, rate_limiter
        self._stream = stream
        self._draftless: set[Chat] = set()
        self._knows_drafts = True
        self._sending: set[asyncio.Task[None]] = set()

    def mode(self, chat: Chat) -> Stream:
        """Return how answers are streamed in a chat."""
        drafts = self._knows_drafts and chat.is_private and chat not in self._draftless
        return "edit" if self._stream == "draft" and not drafts else self._stream

    def refused_draft(self, chat: Chat, exc: TelegramError) -> None:
        """Note that this chat, or the whole server, has no drafts."""
        if isinstance(exc, InvalidToken):
            # The token has long been used: it is the method that Telegram does not know.
            self._knows_drafts = False
        self._draftless.add(chat)

    async def send_to_the_end(self, send: Coroutine[None, None, None]) -> None:
        """Send a message, and note that it is there, even if nobody waits for it any more."""
        task = asyncio.create_task(send)
        self._sending.add(task)
        task.add_done_callback(self._on_sent)
        await asyncio.shield(task)

    def _on_sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            log.debug("no preview: %s", type(failure).__name__)

    @asynccontextmanager
    async def showing(
        self,
        chat: Chat,
        progress: Progress,
        *,
        concise: bool = False,
        in_place: bool = False,
        action: ChatAction = "typing",
        sent: Callable[[int], None] = lambda _: None,
    ) -> AsyncIterator["StreamedMessage"]:
        """Show an answer until the block ends; `sent` is called with the id of a preview message.

        Unless the `action` is typing, only the action is shown until there is text. An answer that
        takes the place of an older one ends no action, so that is shown only if it takes long.
        """
        growing = StreamedMessage(
            self, chat, progress, concise=concise, in_place=in_place, action=action, sent=sent
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(growing.run())
            try:
                yield growing
            finally:
                await growing.settle()
                task.cancel()


class StreamedMessage:
    """The preview of one answer; `message` is the id of a message to delete after it."""

    def __init__(
        self,
        streamer: AnswerStreamer,
        chat: Chat,
        progress: Progress,
        *,
        concise: bool,
        in_place: bool,
        action: ChatAction,
        sent: Callable[[int], None],
    ) -> None:
        self.message: int | None = None
        self._streamer, self._chat, self._progress = streamer, chat, progress
        self._concise, self._action, self._sent = concise, action, sent
        self._in_place = in_place
        self._calling = asyncio.Lock()
        self._closed = False
        self._shown: FormattedText | None = None
        self._drafted = ""
        self._failures = 0
        self._gap = EDIT_GAP_SECONDS if chat.is_private else GROUP_EDIT_GAP_SECONDS

    async def run(self) -> None:
        """Show the answer until cancelled; no failure in here may cost the answer itself."""
        if failure := await failure_of(self._preview()):
            log.error("an answer for %s goes without previews", self._chat, exc_info=failure)

    async def _preview(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._typing())
            group.create_task(self._show())

    def close(self) -> None:
        """Make no more calls; one may still be on its way."""
        self._closed = True

    async def settle(self) -> None:
        """Make no more calls, and wait for the last one, which must not arrive after the answer."""
        self.close()
        try:
            async with asyncio.timeout(SETTLE_SECONDS), self._calling:
                return
        except TimeoutError:
            log.info("a preview for %s takes too long", self._chat)

    async def _typing(self) -> None:
        if self._in_place:
            await asyncio.sleep(IN_PLACE_SECONDS)
        while True:
            # A draft is a typing action by itself.
            typing = self._action == "typing" and self._shown is not None and not self.message
            if not typing:
                await self._call("hint", self._type)
            await asyncio.sleep(TYPING_SECONDS)

    async def _show(self) -> None:
        if self._streamer.mode(self._chat) == "off":
            return
        if self._concise:
            await asyncio.sleep(CONCISE_SECONDS)
        if self._streamer.mode(self._chat) == "draft":
            await self._show_drafts()
        if self._streamer.mode(self._chat) == "edit":
            await self._show_edits()

    async def _wait_for_text(self, seconds: float) -> bool:
        """Wait up to `seconds` for a change; say whether there was one."""
        try:
            async with asyncio.timeout(seconds):
                await self._progress.changed.wait()
        except TimeoutError:
            return False
        self._progress.changed.clear()
        return True

    # --- drafts -----------------------------------------------------------------------------------

    async def _show_drafts(self) -> None:
        patience = SILENCE_SECONDS if self._action == "typing" else DRAFT_REFRESH_SECONDS
        while self._failures < MAX_FAILURES:
            fresh = await self._wait_for_text(patience)
            # The mark of a heading is no word yet, and a draft now would keep the words waiting.
            if fresh and self._progress.text and preview(self._progress.text) == FormattedText(""):
                continue
            # Thoughts are news, but nothing that changes what is shown.
            if fresh and self._shown is not None and self._progress.shown == self._drafted:
                continue
            if await self._call("hint", self._draft) is CallResult.REFUSED:
                return
            patience = DRAFT_REFRESH_SECONDS
            await asyncio.sleep(DRAFT_GAP_SECONDS)

    async def _draft(self) -> None:
        # An empty text is shown as "Thinking…".
        text = self._progress.shown
        chunk = preview(text)
        try:
            await self._streamer.bot.send_message_draft(
                self._chat.chat_id,
                self._progress.message_id or 1,
                chunk.text,
                message_thread_id=self._chat.topic_id or None,
                entities=ptb.to_entities(chunk),
                api_kwargs={"can_stop": True, "keep_on_stop": True},
            )
        except (BadRequest, InvalidToken) as exc:
            self._streamer.refused_draft(self._chat, exc)
            raise
        self._shown, self._drafted = chunk, text

    # --- edits ------------------------------------------------------------------------------------

    async def _show_edits(self) -> None:
        began = asyncio.get_running_loop().time()
        while self._failures < MAX_FAILURES:
            await self._wait_for_text(DRAFT_REFRESH_SECONDS)
            if self._shown is None:
                await self._gather(began)
            if preview(self._progress.shown) in (FormattedText(""), self._shown):
                continue
            if await self._call("preview", self._edit) is CallResult.LATER:
                self._gap = min(self._gap * 1.5, MAX_GAP_SECONDS)
            await asyncio.sleep(self._gap)

    async def _gather(self, began: float) -> None:
        """Wait until the first message holds more than a word, but not for long."""
        while len(self._progress.shown) < FIRST_EDIT_CHARACTERS:
            left = FIRST_EDIT_SECONDS - (asyncio.get_running_loop().time() - began)
            if left <= 0:
                return
            await self._wait_for_text(left)

    async def _edit(self) -> None:
        chunk = preview(self._progress.shown)
        if self.message is None:
            await self._streamer.send_to_the_end(self._send(chunk))
        else:
            await self._streamer.bot.edit_message_text(
                chunk.text,
                self._chat.chat_id,
                self.message,
                entities=ptb.to_entities(chunk),
                link_preview_options=ptb.NO_LINK_PREVIEW,
                reply_markup=ptb.to_keyboard((STOP,)),
            )
        self._shown = chunk

    async def _send(self, chunk: FormattedText) -> None:
        chat = self._chat
        message = await self._streamer.bot.send_message(
            chat.chat_id,
            chunk.text,
            message_thread_id=chat.topic_id or None,
            entities=ptb.to_entities(chunk),
            link_preview_options=ptb.NO_LINK_PREVIEW,
            reply_markup=ptb.to_keyboard((STOP,)),
            disable_notification=True,
        )
        self.message = message.message_id
        self._sent(message.message_id)

    # --- one call at a time -----------------------------------------------------------------------

    async def _type(self) -> None:
        chat = self._chat
        await self._streamer.bot.send_chat_action(
            chat.chat_id, self._action, message_thread_id=chat.topic_id or None
        )

    async def _call(self, kind: SendKind, make: Callable[[], Awaitable[None]]) -> CallResult:
        """Make a call when the rate_limiter allows it; a failure is only counted."""
        async with self._calling:
            result = await self._try_call(kind, make)
        if result is not CallResult.DONE:
            # What could not be shown now is still news.
            self._progress.changed.set()
        return result

    async def _try_call(self, kind: SendKind, make: Callable[[], Awaitable[None]]) -> CallResult:
        rate_limiter, chat = self._streamer.rate_limiter, self._chat.chat_id
        if self._closed or rate_limiter.wait_seconds(chat, kind) > 0:
            return CallResult.LATER
        rate_limiter.spend(chat, kind)
        try:
            await make()
        except RetryAfter as exc:
            rate_limiter.on_flood(chat, ptb.retry_after_seconds(exc))
            return CallResult.LATER
        except (BadRequest, InvalidToken):
            self._failures += 1
            return CallResult.REFUSED
        except TelegramError as exc:
            log.debug("no preview for %s: %s", self._chat, type(exc).__name__)
            self._failures += 1
            return CallResult.LATER
        return CallResult.DONE
