"""Carrying out an image order: show its progress, then store the result."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from ..assistant.images import ImageProgress, ImageResult
from ..commands.context import BotContext
from ..core.errors import Interrupted
from ..core.images import ImageOrder
from ..core.messages import Delete, Outgoing
from ..store import InboxItem
from .delivery import Delivery
from .image_view import render_images
from .streaming import AnswerStreamer

# A faster order needs no status message.
STATUS_SECONDS = 3.0
# An image costs its full price at every attempt: after a crash it is made once more, not twice.
MAX_ATTEMPTS = 2


class ImageHandler:
    """Carries out orders, one at a time in each chat."""

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
        """Generate the images, store them with their messages, and deliver those.

        False if the user did not ask for an image after all; then nothing is stored.
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
                draft.close()
                if result is None:
                    return False
                if not progress.superseded:
                    # It has been paid for, so it does not wait for a status that is on its way.
                    await self._save(item, result, draft.message)
                    return True
        # The question was edited: this answer is no longer wanted.
        store = self._context.store
        close = store.put_back if progress.continued else store.finish
        close(item, _delete_status(item, draft.message))
        return True

    async def _save(self, item: InboxItem, result: ImageResult, draft: int | None = None) -> None:
        """Store the result with its messages in one transaction."""
        assistant = self._context.image_assistant
        reply_to = None if item.chat.is_private else item.message_id

        def save(result: ImageResult) -> None:
            replies: list[Outgoing] = [
                *render_images(
                    result,
                    assistant,
                    reply_to=reply_to,
                    for_owner=result.order.turn.user_id in self._context.owners(),
                ),
                *_delete_status(item, draft),
            ]
            assistant.save(result, replies, item)

        await self._delivery.save_result(
            item.chat,
            partial(save, result),
            lambda exc: save(ImageResult(result.order, failure=exc)),
        )

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
