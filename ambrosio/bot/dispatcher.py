"""Dispatching updates from the inbox to the handlers, one worker for each lane.

Lanes keep the order within a chat and let chats run in parallel; urgent updates (Stop, buttons)
have lanes of their own and overtake. All results of an update are stored in one transaction before
any of them is sent.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import telegram
from telegram.error import TelegramError

from ..assistant.progress import Progress
from ..commands.context import BotContext, CommandCall, CommandResult
from ..commands.imagine import change_image
from ..commands.memory import remember_that
from ..commands.registry import BUTTONS, BY_NAME
from ..core import texts
from ..core.attachments import MediaKind
from ..core.costs import format_usd
from ..core.errors import AmbrosioError, NotStorable, StoreFailed
from ..core.messages import Chat, Delete, Outgoing, OutgoingMessage, Turn
from ..store import InboxItem, Lane, NewUpdate, Store
from . import callback_data
from .answer_handler import AnswerHandler, leftover_drafts
from .answer_view import render_notice
from .delivery import Delivery
from .grouping import MAX_PARTS, continues, first_group
from .image_handler import ImageHandler
from .members import Members
from .poller import Poller
from .streaming import AnswerStreamer
from .turns import build_turn
from .updates import (
    ButtonPress,
    Command,
    Ignored,
    ParsedUpdate,
    StopPressed,
    Unsupported,
    UserQuestion,
    parse_together,
)

log = logging.getLogger(__name__)

Kind = TypeVar("Kind", bound=Exception)

MAX_ATTEMPTS = 3
DISK_PAUSE_SECONDS = 5.0


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
        group: asyncio.TaskGroup,
        grace_seconds: float = 5.0,
        on_poll: Callable[[], None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot, self._context = bot, context
        self._delivery, self._streamer = delivery, streamer
        self._images = ImageHandler(context, delivery, streamer, sleep=sleep)
        self._answers = AnswerHandler(context, delivery, streamer)
        self._members = Members(bot, context, delivery, group=group, on_moved=self._on_moved)
        delivery.on_moved = self._on_moved
        self._grace_seconds = grace_seconds
        self._poll_hook = on_poll
        self._sleep = sleep
        self._lanes: dict[Lane, asyncio.Task[None]] = {}
        self._in_work: dict[Lane, InboxItem] = {}
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
            now=self._context.now,
            sleep=self._sleep,
        )
        polling = self._group.create_task(self._poll(poller, stop))
        deliveries = [
            self._group.create_task(self._delivery.deliver(chat))
            for chat in self._store.outbox.undelivered()
        ]
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
                self._group.create_task(self._delivery.deliver(chat))

    def _wake(self, lanes: Sequence[Lane]) -> None:
        for lane in lanes:
            if lane not in self._lanes:
                self._lanes[lane] = self._group.create_task(self._run_lane(lane))

    async def _run_lane(self, lane: Lane) -> None:
        try:
            while True:
                try:
                    item = await self._next_item(lane)
                    if item is None:
                        break
                    self._in_work[lane] = item
                    await self._work(item)
                except StoreFailed as exc:
                    log.warning("the disk: %s", exc)
                    await self._sleep(DISK_PAUSE_SECONDS)
                finally:
                    self._in_work.pop(lane, None)
        finally:
            del self._lanes[lane]
        if (chat := self._store.current_chat(lane.chat)) != lane.chat:
            # Its updates waited for this lane to end.
            self._wake([Lane(chat, lane.urgent)])

    async def _next_item(self, lane: Lane) -> InboxItem | None:
        """Claim the next message of a lane, once all of it is there; None if there is none."""
        while queue := self._store.inbox.queue(lane, 1 if lane.urgent else MAX_PARTS):
            in_work = {number for item in self._in_work.values() for number in item.inbox_ids}
            if queue[0].inbox_id in in_work:
                # It came from the group that this chat was, whose lane still works on it.
                return None
            group = first_group(queue, since=self._started_at)
            if lane.urgent or (wait := group.complete_at - self._context.now()) <= 0:
                return self._store.inbox.claim_together(group.items, group.main)
            await self._sleep(wait)
        return None

    async def _work(self, item: InboxItem) -> None:
        """Handle one update; an unforeseen failure costs one of its attempts."""
        if item.attempts > MAX_ATTEMPTS:
            await self._dead_letter(item, "three attempts", texts.GAVE_UP)
            return
        try:
            await self._handle(item)
            self._warn_owners()
        except asyncio.CancelledError:
            self._store.inbox.release(item)
            raise
        except Exception as exc:
            if failed := _find(exc, StoreFailed):
                self._store.inbox.release(item)
                raise failed from exc
            if refused := _find(exc, NotStorable):
                # The next attempt would end alike, and may cost money.
                log.exception("what an update has led to cannot be stored")
                await self._dead_letter(item, "not storable", refused.user_message)
                return
            log.exception("a turn failed, attempt %d", item.attempts)

    async def _handle(self, item: InboxItem) -> None:
        item, parsed = self._parse(item)
        match parsed:
            case UserQuestion():
                await self._question(item, parsed)
            case Command():
                await self._command(item, parsed)
            case ButtonPress():
                await self._press(item, parsed)
            case Unsupported():
                await self._send_result(item, CommandResult(parsed.hint))
            case StopPressed() | Ignored():
                running = self._context.running.get(item.chat)
                if (
                    isinstance(parsed, StopPressed)
                    and running
                    and running.message_id == parsed.draft_id
                ):
                    running.stop()
                self._store.finish(item)
            case None:
                await self._dead_letter(item, "unreadable", texts.UNREADABLE)

    def _parse(self, item: InboxItem) -> tuple[InboxItem, ParsedUpdate | None]:
        """Parse what was claimed; an edit of a part stands for the question as a whole."""
        bodies = {part.message_id: part.body for part in item.parts or (item,)}
        edited = False
        if not item.parts and "edited_message" in item.body:
            main_id, kept = self._store.conversations.parts(item.chat, item.message_id)
            if item.message_id in kept:
                bodies, edited = {**kept, **bodies}, True
                self._store.conversations.keep_parts(item.chat, main_id, bodies)
                item = replace(item, message_id=main_id)
        parsed = parse_together(
            [json.loads(body) for body in bodies.values()],
            self._bot,
            self._context.username,
            people=self._members.access().people,
            edited=edited,
        )
        if item.message_id < 0 and isinstance(parsed, UserQuestion | Command):
            # From before the group became a supergroup, as is what it replies to.
            reply_to_id = None if parsed.reply_to_id is None else -parsed.reply_to_id
            parsed = replace(parsed, reply_to_id=reply_to_id)
        return item, parsed

    async def _dead_letter(self, item: InboxItem, reason: str, text: str) -> None:
        replies = render_notice(item.chat, text, reply_to=item.message_id or None)
        self._store.dead_letter(item, reason, replies)
        await self._delivery.deliver(item.chat)

    # --- kinds of updates -------------------------------------------------------------------------

    async def _command(self, item: InboxItem, parsed: Command) -> None:
        command = BY_NAME.get(parsed.name)
        person_may = command and (
            not command.owner_only or parsed.user_id in self._context.owners()
        )
        if command is None or not person_may:
            await self._send_result(
                item, CommandResult(texts.UNKNOWN_COMMAND.format(name=parsed.name))
            )
            return
        if self._store.inbox.superseded(item):
            self._store.finish(item)
            return
        if self._context.assistant.is_local_only(item.chat):
            # If it is quoted or edited later, outside private mode, it stays local all the same.
            self._store.conversations.mark_local_only(item.chat, item.message_id)
        call = CommandCall(
            item.chat,
            parsed.user_id,
            item.message_id,
            parsed.args,
            parsed.reply_to_id,
            parsed.quote,
        )
        if not command.slow:
            await self._send_result(item, await command.run(self._context, call))
            return
        async with self._answers.showing_progress(item, Progress(item.message_id)) as preview:
            result = await command.run(self._context, call)
        surplus = [Delete(item.chat, message_id) for message_id in leftover_drafts(item, preview)]
        await self._send_result(item, replace(result, messages=(*result.messages, *surplus)))

    async def _press(self, item: InboxItem, parsed: ButtonPress) -> None:
        """Handle a button; what asks a model then waits in the ordinary lane."""
        action, args = callback_data.decode(parsed.data)
        run = BUTTONS.get(action)
        result = CommandResult(toast=texts.BUTTON_EXPIRED)
        if run:
            result = await run(
                self._context, CommandCall(item.chat, parsed.user_id, item.message_id, args)
            )
        if item.urgent:
            await self._toast(parsed.query_id, result.toast)
            if result.turn or result.image_order:
                self._store.inbox.make_ordinary(item)
                self._wake([Lane(item.chat)])
                return
        if result.leave_chat_id is not None:
            await self._members.leave(result.leave_chat_id)
        await self._send_result(item, result)

    async def _toast(self, query: str, text: str) -> None:
        try:
            await self._bot.answer_callback_query(query, text or None)
        except TelegramError as exc:
            # Telegram forgets a press after a while; what it asked for is done all the same.
            log.debug("a button was not answered: %s", type(exc).__name__)

    async def _send_result(self, item: InboxItem, result: CommandResult) -> None:
        if result.turn:
            if result.compare:
                await self._answers.compare(item, result.turn)
            else:
                await self._answers.answer(item, result.turn, shown=result.replaces_messages)
            return
        if result.image_order:
            await self._images.generate(item, result.image_order)
            return
        reply_to = None if item.chat.is_private else item.message_id
        replies = (
            render_notice(item.chat, result.text, buttons=result.buttons, reply_to=reply_to)
            if result.text
            else []
        )
        if replies and result.edit_message_id is not None:
            replies[0] = replace(
                replies[0], edit_message_id=result.edit_message_id, reply_to_id=None
            )
        if result.files:
            replies.append(OutgoingMessage(item.chat, files=result.files, silent=True))
        messages: list[Outgoing] = [*replies, *result.messages]
        if self._context.assistant.is_local_only(item.chat):
            # It may repeat what was said here.
            messages = [
                replace(message, local_only=True)
                if isinstance(message, OutgoingMessage)
                else message
                for message in messages
            ]
        self._store.finish(item, messages)
        await self._delivery.deliver(item.chat)

    async def _question(self, item: InboxItem, parsed: UserQuestion) -> None:
        if self._store.inbox.superseded(item):
            self._store.finish(item)
            return
        if unreadable := [file for file in parsed.attachments if file.kind != MediaKind.STICKER]:
            hint = texts.UNSUPPORTED_KINDS[unreadable[0].kind]
            await self._send_result(item, CommandResult("" if parsed.edited else hint))
            return
        if await self._remember(item, parsed) or await self._change_image(item, parsed):
            return
        turn, shown = build_turn(self._context.assistant, item.chat, item.message_id, parsed)
        if parsed.edited and turn.replaces_id is not None:
            previous = self._store.conversations.turn(turn.replaces_id)
            if previous and previous.answer is not None and _same_question(previous.turn, turn):
                self._store.finish(item)
                return
        if not parsed.text.strip():
            await self._send_result(item, CommandResult(texts.EMPTY_VV_QUESTION))
            return
        await self._answers.answer(item, turn, shown=shown, note=parsed.unseen)

    async def _remember(self, item: InboxItem, parsed: UserQuestion) -> bool:
        """Remember what "remember that …" asks for; False if it is a question."""
        if parsed.attachments:
            return False
        if self._context.assistant.is_local_only(item.chat):
            self._store.conversations.mark_local_only(item.chat, item.message_id)
        call = CommandCall(
            item.chat, parsed.user_id, item.message_id, parsed.text, parsed.reply_to_id
        )
        if result := remember_that(self._context, call):
            await self._send_result(item, result)
        return result is not None

    async def _change_image(self, item: InboxItem, parsed: UserQuestion) -> bool:
        """Treat a reply to an image as a request to change it; False if it is a question."""
        call = CommandCall(
            item.chat, parsed.user_id, item.message_id, parsed.text, parsed.reply_to_id
        )
        result = None if parsed.concise else change_image(self._context, call)
        if result and result.image_order:
            return await self._images.generate(item, result.image_order)
        if result:
            await self._send_result(item, result)
        return result is not None

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
                self._group.create_task(self._delivery.deliver(chat))


def _find(exc: BaseException, kind: type[Kind]) -> Kind | None:
    """Find a failure of a kind in an exception or a group of them."""
    if isinstance(exc, BaseExceptionGroup):
        found = exc.subgroup(kind)
        return _find(found.exceptions[0], kind) if found else None
    return exc if isinstance(exc, kind) else None


def _same_question(one: Turn, other: Turn) -> bool:
    return (one.question, one.concise) == (other.question, other.concise)
