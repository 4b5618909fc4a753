"""Dispatching updates from the inbox to their handler, one worker for each lane.

Lanes keep the order within a chat and let chats run in parallel; urgent updates (Stop, buttons)
have lanes of their own and overtake. After a crash, what was being worked on is worked on alone, so
that only a message that ends the process by itself is given up.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import telegram

from ..assistant.documents import DocumentReader
from ..assistant.pictures import PictureKeeper
from ..commands.context import BotContext
from ..core import texts
from ..core.costs import format_usd
from ..core.errors import AmbrosioError, NotStorable, StoreFailed
from ..core.messages import Chat
from ..store import InboxItem, Lane, NewUpdate, Store
from .answer_handler import AnswerHandler
from .answer_view import render_notice
from .attachments import AttachmentReader
from .delivery import Delivery
from .disk_sync import DiskSync
from .downloads import Downloads
from .image_handler import ImageHandler
from .members import Members
from .message_parts import MAX_PARTS, JoinedMessage, continues, first_message
from .poller import Poller
from .send_failures import MAX_TRIES_OF_EDITS
from .shared_lock import SharedLock
from .speech_handler import SpeechHandler
from .streaming import AnswerStreamer
from .unforeseen import failure_of
from .update_handler import UpdateHandler
from .voice_handler import VoiceHandler

log = logging.getLogger(__name__)

Kind = TypeVar("Kind", bound=Exception)

# How often a message may raise, or end the process while it is worked on alone.
MAX_FAILURES = 3
# How long the process must have lived before a suspect is worked on, by its failures. If it is
# something else that ends the process again and again, that happens meanwhile, and does not count.
QUIET_SECONDS = (0.0, 5.0, 20.0)
DISK_PAUSE_SECONDS = 5.0
# How often a delivery may fail: more often than any message is tried, so none of them stays.
MAX_ROUNDS = 2 * MAX_TRIES_OF_EDITS


def _attachment_reader(context: BotContext, downloads: Downloads) -> AttachmentReader:
    pictures = PictureKeeper(context.store, context.media)
    documents = DocumentReader(context.assistant, context.media, pictures)
    return AttachmentReader(context.assistant, downloads, pictures, documents)


class Dispatcher:
    """Handles updates, from the poller to the delivery.

    Its tasks run in `group`, which outlives `run`.
    """

    def __init__(
        self,
        bot: telegram.Bot,
        context: BotContext,
        delivery: Delivery,
        streamer: AnswerStreamer,
        *,
        disk_sync: DiskSync,
        group: asyncio.TaskGroup,
        grace_seconds: float = 5.0,
        on_poll: Callable[[], None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot, self._context = bot, context
        self._delivery, self._streamer, self._disk_sync = delivery, streamer, disk_sync
        self._members = Members(bot, context, delivery, group=group, on_moved=self._on_moved)
        answers = AnswerHandler(context, delivery, streamer)
        downloads = Downloads(bot, sleep=sleep)
        self._handler = UpdateHandler(
            bot,
            context,
            answers=answers,
            voice=VoiceHandler(context, delivery, answers, downloads),
            speech=SpeechHandler(context, delivery, streamer),
            images=ImageHandler(context, delivery, streamer, sleep=sleep),
            attachments=_attachment_reader(context, downloads),
            members=self._members,
            on_ordinary=lambda lane: self._wake([lane]),
        )
        delivery.on_moved, delivery.deliver_soon = self._on_moved, self._deliver_soon
        self._grace_seconds = grace_seconds
        self._poll_hook = on_poll
        self._sleep = sleep
        self._lanes: dict[Lane, asyncio.Task[None]] = {}
        self._in_work: dict[Lane, InboxItem] = {}
        self._work_lock = SharedLock()
        self._started_at = context.now()
        self._group = group
        self._fatal: AmbrosioError | None = None

    @property
    def _store(self) -> Store:
        return self._context.store

    # --- life -------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Handle updates until `stop` is set, or raise `InvalidBotToken` or `PollingConflict`.

        At the end polling stops at once, running turns get their grace period, and the rest waits
        in the inbox for the next start.
        """
        poller = Poller(
            self._bot,
            self._store,
            access=self._members.access,
            on_stored=self._on_stored,
            on_access_event=self._members.on_access_event,
            knows_group=self._members.knows_group,
            on_poll=self._on_poll,
            on_dropped=self._members.on_dropped,
            on_flood=self._members.on_flood,
            on_disk=self._disk_sync.done,
            now=self._context.now,
            sleep=self._sleep,
        )
        self._store.inbox.recover()
        polling = self._group.create_task(self._poll(poller, stop))
        deliveries = [self._deliver_soon(chat) for chat in self._store.outbox.undelivered()]
        announcing = self._group.create_task(self._members.publish_commands())
        self._wake(self._store.inbox.lanes())
        await stop.wait()
        polling.cancel()
        announcing.cancel()
        if working := [*self._lanes.values(), *deliveries]:
            await asyncio.wait(working, timeout=self._grace_seconds)
        for task in (*self._lanes.values(), *deliveries):
            task.cancel()
        if self._fatal:
            raise self._fatal

    async def _poll(self, poller: Poller, stop: asyncio.Event) -> None:
        try:
            await poller.run()
        except AmbrosioError as exc:
            self._fatal = exc
            stop.set()

    def _on_poll(self) -> None:
        self._context.status.polled_at = self._context.now()
        self._poll_hook()

    # --- lanes ------------------------------------------------------------------------------------

    def _on_stored(self, received: Sequence[NewUpdate]) -> None:
        self._context.status.updates += len(received)
        for new in received:
            running = self._context.running.get(new.chat)
            if running is None:
                continue
            # More of the message being answered has come: it is asked again as a whole.
            item = self._in_work.get(new.lane)
            running.continued |= item is not None and continues(item, json.loads(new.body))
            # The same message again is an edit: the answer being written is no longer wanted.
            if running.continued or running.message_id == new.message_id:
                running.superseded = True
                running.stop()
        self._wake([new.lane for new in received])

    def _on_moved(self, old_chat_id: int, new_chat_id: int) -> None:
        """Go on in the supergroup that a group has become."""
        self._store.move_chat(old_chat_id, new_chat_id)
        self._context.running.move(old_chat_id, new_chat_id)
        log.info("a group has become a supergroup, with another id")
        self._wake(self._store.inbox.lanes())
        for chat in self._store.outbox.undelivered():
            if chat.chat_id == new_chat_id:
                self._deliver_soon(chat)

    def _wake(self, lanes: Sequence[Lane]) -> None:
        for lane in lanes:
            if lane not in self._lanes:
                self._lanes[lane] = self._group.create_task(self._run_lane(lane))

    async def _run_lane(self, lane: Lane) -> None:
        try:
            if not lane.urgent:
                # After a restart: an edit replaces only an answer that has arrived.
                await self._deliver(lane.chat)
            while await self._work_next(lane):
                pass
        finally:
            del self._lanes[lane]
        if (chat := self._store.current_chat(lane.chat)) != lane.chat:
            # Its updates waited for this lane to end.
            self._wake([Lane(chat, lane.urgent)])

    async def _work_next(self, lane: Lane) -> bool:
        """Work on the next message of a lane and deliver what comes of it; False if there is none.

        While the disk takes nothing, it waits.
        """
        try:
            joined = await self._next_message(lane)
            if joined is None:
                return False
            await self._work_in_turn(lane, joined)
            await self._deliver(lane.chat)
        except StoreFailed as exc:
            log.warning("the disk: %s", exc)
            await self._sleep(DISK_PAUSE_SECONDS)
        finally:
            self._in_work.pop(lane, None)
        return True

    async def _next_message(self, lane: Lane) -> JoinedMessage | None:
        """Find the next message of a lane, once all of it is there; None if there is none."""
        while joined := self._first_message(lane):
            wait = joined.wait_seconds(self._context.now()) or self._quiet_seconds(joined)
            if not wait:
                break
            await self._sleep(wait)
        return joined

    def _first_message(self, lane: Lane) -> JoinedMessage | None:
        queue = self._store.inbox.queue(lane, 1 if lane.urgent else MAX_PARTS)
        in_work = {number for item in self._in_work.values() for number in item.inbox_ids}
        if not queue or queue[0].inbox_id in in_work:
            # It came from the group that this chat was, whose lane still works on it.
            return None
        if lane.urgent:
            return JoinedMessage((queue[0],))
        return first_message(queue, since=self._started_at)

    def _quiet_seconds(self, joined: JoinedMessage) -> float:
        """Return how much longer a suspect has to wait."""
        if not joined.suspect or joined.failures >= MAX_FAILURES:
            return 0.0
        quiet = QUIET_SECONDS[joined.failures]
        wait = self._started_at + quiet - self._context.now()
        # It is longer only if the clock was set back meanwhile.
        return wait if 0 < wait <= quiet else 0.0

    async def _work_in_turn(self, lane: Lane, joined: JoinedMessage) -> None:
        """Claim a message and work on it, alone if it is a suspect, else beside others."""
        alone = joined.suspect and joined.failures < MAX_FAILURES
        lock = self._work_lock.alone() if alone else self._work_lock.shared()
        async with lock as waited:
            if waited and self._first_message(lane) != joined:
                # More of it has come, or an edit, or the chat has moved.
                return
            item = self._store.inbox.claim_together(joined.items, joined.main, alone=alone)
            self._in_work[lane] = item
            await self._work(item)

    async def _work(self, item: InboxItem) -> None:
        """Handle one update; an unforeseen failure is its own fault."""
        if item.failures >= MAX_FAILURES:
            self._handler.give_up(item, "three attempts", texts.GAVE_UP)
            return
        try:
            failure = await failure_of(self._handle(item))
        except asyncio.CancelledError:
            self._store.inbox.release(item)
            raise
        if failure is not None:
            self._on_failure(item, failure)

    async def _handle(self, item: InboxItem) -> None:
        begun_after = item.after_message_id
        if begun_after is not None and self._streamer.mode(item.chat) == "edit":
            await self._delivery.delete_lost_preview(item.chat, begun_after)
        await self._handler.handle(item)
        self._warn_owners()

    def _on_failure(self, item: InboxItem, failure: Exception) -> None:
        """Decide what becomes of an update whose turn has failed."""
        if failed := _find(failure, StoreFailed):
            self._store.inbox.release(item)
            raise failed from failure
        if refused := _find(failure, NotStorable):
            # The next attempt would end alike, and may cost money.
            log.error("what an update has led to cannot be stored", exc_info=failure)
            self._handler.give_up(item, "not storable", refused.user_message)
            return
        log.error("a turn failed, attempt %d", item.failures + 1, exc_info=failure)
        self._store.inbox.record_failure(item)

    # --- delivery ---------------------------------------------------------------------------------

    def _deliver_soon(self, chat: Chat) -> asyncio.Task[None]:
        return self._group.create_task(self._deliver(chat))

    async def _deliver(self, chat: Chat) -> None:
        """Deliver what waits for a chat; a message that fails by our own fault is given up."""
        failures = 0
        while failures < MAX_ROUNDS:
            failure = await failure_of(self._delivery.deliver(chat))
            if failure is None:
                return
            if failed := _find(failure, StoreFailed):
                log.warning("the disk: %s", failed)
                await self._sleep(DISK_PAUSE_SECONDS)
            else:
                log.error("a message for %s cannot be sent", chat, exc_info=failure)
                failures += 1

    def _warn_owners(self) -> None:
        """Tell the owners, once a month, that the budget is nearly used up."""
        budget = self._context.assistant.router.budget
        month = budget.warning()
        if not month or budget.ceiling is None:
            return
        chats = [Chat(owner) for owner in self._context.owners()]
        text = (
            f"This month's calls have cost {format_usd(budget.spent())} of "
            f"{format_usd(budget.ceiling)}. Until the month ends, free models answer what the rest "
            "does not cover. /usage shows the details."
        )
        if self._store.notify_once(
            f"budget {month}", [render_notice(chat, text)[0] for chat in chats]
        ):
            for chat in chats:
                self._deliver_soon(chat)


def _find(exc: BaseException, kind: type[Kind]) -> Kind | None:
    """Find a failure of a kind in an exception or a group of them."""
    if isinstance(exc, BaseExceptionGroup):
        found = exc.subgroup(kind)
        return _find(found.exceptions[0], kind) if found else None
    return exc if isinstance(exc, kind) else None
