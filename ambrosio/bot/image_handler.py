"""A picture's way through the bot: shown while it is made, kept in one transaction, delivered."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from ..assistant.images import ImageProgress, ImageResult
from ..commands.context import BotContext
from ..core.errors import Interrupted
from ..core.images import ImageOrder
from ..core.messages import OutgoingMessage
from ..store import InboxItem
from .delivery import Delivery
from .image_view import render_images
from .streaming import AnswerStreamer

# What is painted faster needs no status line.
STATUS_SECONDS = 3.0
# A picture costs its full price at every attempt: after a crash it is made once more, not twice.
MAX_ATTEMPTS = 2


class ImageHandler:
    """Works orders off, one for each chat at a time."""

    def __init__(
        self,
        context: BotContext,
        replies: Delivery,
        previewer: AnswerStreamer,
        *,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._context, self._replies, self._previewer = context, replies, previewer
        self._sleep = sleep

    async def generate(self, item: InboxItem, order: ImageOrder) -> bool:
        """Paint, keep what came of it with the messages that bring it, and deliver them.

        False if nobody wants a picture after all, and nothing was kept.
        """
        turn = self._context.assistant.with_privacy(order.turn)
        order = replace(order, turn=turn, local_only=order.local_only or turn.local_only)
        if item.attempts > MAX_ATTEMPTS:
            await self._save(item, ImageResult(order.without_rewrite, failure=Interrupted()))
            return True
        canvas = ImageProgress(turn.message_id)
        self._context.running[item.chat] = canvas
        try:
            async with self._previewer.showing(
                item.chat,
                canvas,
                action="upload_photo",
                sent=partial(self._context.store.record_draft, item),
            ) as preview:
                work = await self._generate(order, canvas)
        finally:
            del self._context.running[item.chat]
        if work is None:
            return False
        if canvas.superseded:
            # The words have been edited: nobody waits for this.
            self._context.store.finish(item, _delete_status(item, preview.message))
            await self._replies.deliver(item.chat)
        else:
            await self._save(item, work, preview.message)
        return True

    async def _save(self, item: InboxItem, work: ImageResult, preview: int | None = None) -> None:
        """Keep what came of an order in one transaction with the messages, and deliver them."""
        studio = self._context.image_assistant
        reply_to = None if item.chat.is_private else item.message_id
        replies = [*render_images(work, studio, reply_to=reply_to), *_delete_status(item, preview)]
        await self._replies.save_result(item.chat, partial(studio.save, work, replies, item))
        await self._replies.deliver(item.chat)

    async def _generate(self, order: ImageOrder, canvas: ImageProgress) -> ImageResult | None:
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._show_status(order, canvas))
            try:
                return await self._context.image_assistant.generate(order, canvas)
            finally:
                telling.cancel()

    async def _show_status(self, order: ImageOrder, canvas: ImageProgress) -> None:
        await self._sleep(STATUS_SECONDS)
        while True:
            canvas.moved.clear()
            canvas.text = canvas.status(order)
            canvas.changed.set()
            await canvas.moved.wait()


def _delete_status(item: InboxItem, preview: int | None) -> list[OutgoingMessage]:
    """Take the status lines away, also the one that an earlier attempt has left."""
    surplus = [old for old in (item.draft_message_id, preview) if old is not None]
    return [OutgoingMessage(item.chat, edit_message_id=old, delete=True) for old in surplus]
