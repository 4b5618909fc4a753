"""A picture's way through the bot: shown while it is made, kept in one transaction, delivered."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from ..assistant.images import Canvas, Order, Work
from ..commands.context import Desk
from ..core.errors import Interrupted
from ..core.messages import Outgoing
from ..store import Row
from .delivery import Replies
from .image_view import compose
from .streaming import Previewer

# What is painted faster needs no status line.
STATUS_SECONDS = 3.0
# A picture costs its full price at every attempt: after a crash it is made once more, not twice.
MOST_ATTEMPTS = 2


class Easel:
    """Works orders off, one for each chat at a time."""

    def __init__(
        self,
        desk: Desk,
        replies: Replies,
        previewer: Previewer,
        *,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._desk, self._replies, self._previewer = desk, replies, previewer
        self._sleep = sleep

    async def work(self, row: Row, order: Order) -> bool:
        """Paint, keep what came of it with the messages that bring it, and deliver them.

        False if nobody wants a picture after all, and nothing was kept.
        """
        turn = self._desk.assistant.placed(order.turn)
        order = replace(order, turn=turn, private=order.private or turn.private)
        if row.attempts > MOST_ATTEMPTS:
            await self._hand_in(row, Work(order.retold, failure=Interrupted()))
            return True
        canvas = Canvas(turn.message)
        self._desk.running[row.place] = canvas
        try:
            async with self._previewer.showing(
                row.place,
                canvas,
                action="upload_photo",
                sent=partial(self._desk.store.previewed, row),
            ) as preview:
                work = await self._watched(order, canvas)
        finally:
            del self._desk.running[row.place]
        if work is None:
            return False
        if canvas.superseded:
            # The words have been edited: nobody waits for this.
            self._desk.store.finish(row, _away(row, preview.message))
            await self._replies.deliver(row.place)
        else:
            await self._hand_in(row, work, preview.message)
        return True

    async def _hand_in(self, row: Row, work: Work, preview: int | None = None) -> None:
        """Keep what came of an order in one transaction with the messages, and deliver them."""
        studio = self._desk.studio
        reply_to = None if row.place.private else row.message
        replies = [*compose(work, studio, reply_to=reply_to), *_away(row, preview)]
        await self._replies.kept(row.place, partial(studio.keep, work, replies, row))
        await self._replies.deliver(row.place)

    async def _watched(self, order: Order, canvas: Canvas) -> Work | None:
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell(order, canvas))
            try:
                return await self._desk.studio.paint(order, canvas)
            finally:
                telling.cancel()

    async def _tell(self, order: Order, canvas: Canvas) -> None:
        await self._sleep(STATUS_SECONDS)
        while True:
            canvas.moved.clear()
            canvas.text = canvas.status(order)
            canvas.changed.set()
            await canvas.moved.wait()


def _away(row: Row, preview: int | None) -> list[Outgoing]:
    """Take the status lines away, also the one that an earlier attempt has left."""
    surplus = [old for old in (row.preview, preview) if old is not None]
    return [Outgoing(row.place, edits=old, delete=True) for old in surplus]
