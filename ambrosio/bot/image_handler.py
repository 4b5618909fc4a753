"""A picture's way through the bot: shown while it is made, kept in one transaction, delivered."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from ..assistant.images import ImageOrder, ImageProgress, ImageResult
from ..commands.context import BotContext
from ..core.errors import Interrupted
from ..core.messages import Delete, Outgoing
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
        delivery: Delivery,
        streamer: AnswerStreamer,
        *,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._context, self._delivery, self._streamer = context, delivery, streamer
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
        progress = ImageProgress(turn.message_id)
        with self._context.running.track(item.chat, progress):
            async with self._streamer.showing(
                item.chat,
                progress,
                action="upload_photo",
                sent=partial(self._context.store.record_draft, item),
            ) as draft:
                result = await self._generate(order, progress)
        if result is None:
            return False
        if progress.superseded:
            # The words have been edited: nobody waits for this.
            self._context.store.finish(item, _delete_status(item, draft.message))
            await self._delivery.deliver(item.chat)
        else:
            await self._save(item, result, draft.message)
        return True

    async def _save(self, item: InboxItem, result: ImageResult, draft: int | None = None) -> None:
        """Keep what came of an order in one transaction with the messages, and deliver them."""
        assistant = self._context.image_assistant
        reply_to = None if item.chat.is_private else item.message_id
        replies: list[Outgoing] = [
            *render_images(result, assistant, reply_to=reply_to),
            *_delete_status(item, draft),
        ]
        await self._delivery.save_result(item.chat, partial(assistant.save, result, replies, item))
        await self._delivery.deliver(item.chat)

    async def _generate(self, order: ImageOrder, progress: ImageProgress) -> ImageResult | None:
        async with asyncio.TaskGroup() as group:
            status_task = group.create_task(self._show_status(order, progress))
            try:
                return await self._context.image_assistant.generate(order, progress)
            finally:
                status_task.cancel()

    async def _show_status(self, order: ImageOrder, progress: ImageProgress) -> None:
        await self._sleep(STATUS_SECONDS)
        while True:
            progress.moved.clear()
            progress.text = progress.status(order)
            progress.changed.set()
            await progress.moved.wait()


def _delete_status(item: InboxItem, draft: int | None) -> list[Delete]:
    """Delete the status messages, also the one that an earlier attempt has left."""
    surplus = [
        message_id for message_id in (item.draft_message_id, draft) if message_id is not None
    ]
    return [Delete(item.chat, message_id) for message_id in surplus]
