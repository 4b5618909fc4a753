"""Handling one update: a question, a command, a press of a button, or what cannot be used.

All results of an update are stored in one transaction; the dispatcher then has them delivered.
"""

import contextlib
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

import telegram
from telegram.error import TelegramError

from ..assistant.progress import Progress
from ..commands.context import BotContext, CommandCall, CommandResult, UnreadableButton
from ..commands.imagine import change_image
from ..commands.memory import remember_that
from ..commands.registry import BUTTONS, BY_NAME
from ..core import texts
from ..core.messages import Delete, Outgoing, OutgoingMessage, Turn
from ..store import InboxItem, Lane, Store
from . import callback_data
from .answer_handler import AnswerHandler, leftover_drafts
from .answer_view import render_notice
from .attachments import AttachmentReader, choose_files, with_words
from .image_handler import ImageHandler
from .members import Members
from .speech_handler import SpeechHandler
from .turns import build_turn
from .updates import (
    ButtonPress,
    Ignored,
    ParsedUpdate,
    StopPressed,
    Unsupported,
    UserCommand,
    UserQuestion,
    parse_together,
)
from .voice_handler import VoiceHandler

log = logging.getLogger(__name__)


class UpdateHandler:
    """Handles updates one by one, in whatever lane they come.

    Args:
        bot: answers presses of buttons.
        context: what commands may use.
        answers: answers questions.
        images: makes images.
        voice: listens to recordings.
        speech: reads answers aloud.
        attachments: reads the files of questions.
        members: who may use the bot, and leaving groups.
        on_ordinary: called with the lane of an urgent update that is to be handled in turn.
    """

    def __init__(
        self,
        bot: telegram.Bot,
        context: BotContext,
        *,
        answers: AnswerHandler,
        images: ImageHandler,
        voice: VoiceHandler,
        speech: SpeechHandler,
        attachments: AttachmentReader,
        members: Members,
        on_ordinary: Callable[[Lane], None],
    ) -> None:
        self._bot, self._context = bot, context
        self._answers, self._images, self._members = answers, images, members
        self._voice, self._speech = voice, speech
        self._attachments = attachments
        self._on_ordinary = on_ordinary

    @property
    def _store(self) -> Store:
        return self._context.store

    async def handle(self, item: InboxItem) -> None:
        """Handle an update that was claimed, and finish it in the inbox."""
        item, parsed = self._parse(item)
        match parsed:
            case UserQuestion():
                await self._question(item, parsed)
            case UserCommand():
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
                self.give_up(item, "unreadable", texts.UNREADABLE)

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
        if item.message_id < 0 and isinstance(parsed, UserQuestion | UserCommand):
            # From before the group became a supergroup, as is what it replies to.
            reply_to_id = None if parsed.reply_to_id is None else -parsed.reply_to_id
            parsed = replace(parsed, reply_to_id=reply_to_id)
        return item, parsed

    def give_up(self, item: InboxItem, reason: str, text: str) -> None:
        """Put an update aside for good, and say so with `text`."""
        replies = render_notice(item.chat, text, reply_to=item.message_id or None)
        self._store.dead_letter(item, reason, replies)

    # --- kinds of updates -------------------------------------------------------------------------

    async def _command(self, item: InboxItem, parsed: UserCommand) -> None:
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
        call = CommandCall(item.chat, parsed.user_id, item.message_id, args)
        result = CommandResult(toast=texts.BUTTON_EXPIRED)
        if run := BUTTONS.get(action):
            with contextlib.suppress(UnreadableButton):
                result = await run(self._context, call)
        if item.urgent:
            await self._toast(parsed.query_id, result.toast)
            if result.turn or result.image_order or result.reads_turn_id is not None:
                self._store.inbox.make_ordinary(item)
                self._on_ordinary(Lane(item.chat))
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
                reads = self._attachments.continuation(result.turn) if result.reads_file else None
                await self._answers.answer(
                    item, result.turn, shown=result.replaces_messages, prepare=reads
                )
            return
        if result.reads_turn_id is not None:
            await self._speech.read_aloud(item, result.reads_turn_id)
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
        self._store.finish(
            item,
            self._keep_local(item, messages),
            confirm=lambda: self._keep_local(item, result.confirm()),
        )

    def _keep_local(self, item: InboxItem, messages: Iterable[Outgoing]) -> list[Outgoing]:
        """In private mode, mark all messages as local only: they may repeat what was said here."""
        if not self._context.assistant.is_local_only(item.chat):
            return [*messages]
        return [
            replace(message, local_only=True) if isinstance(message, OutgoingMessage) else message
            for message in messages
        ]

    async def _question(self, item: InboxItem, parsed: UserQuestion) -> None:
        if self._store.inbox.superseded(item):
            self._store.finish(item)
            return
        if corrected := self._voice.correct(item, parsed):
            item, parsed = corrected, replace(parsed, edited=True, reply_to_id=None, quote="")
        heard = await self._voice.hear(item, parsed)
        match heard:
            case UserQuestion():
                await self._ask(item, heard)
                if heard is not parsed:
                    await self._speech.follow(item)
            case UserCommand():
                await self._command(item, heard)
            case None:
                return

    async def _ask(self, item: InboxItem, parsed: UserQuestion) -> None:
        """Have a question answered, with what its files show."""
        is_known = self._attachments.is_known(item.chat, parsed.reply_to_id)
        files = choose_files(parsed, is_known=is_known)
        if files.refusal:
            await self._send_result(item, CommandResult("" if parsed.edited else files.refusal))
            return
        parsed = with_words(parsed)
        if await self._remember(item, parsed) or await self._change_image(item, parsed):
            return
        turn, shown = build_turn(self._context.assistant, item.chat, item.message_id, parsed)
        if parsed.edited and turn.replaces_id is not None and not files.readable:
            previous = self._store.conversations.turn(turn.replaces_id)
            if previous and previous.answer is not None and _same_question(previous.turn, turn):
                self._store.finish(item)
                return
        if not parsed.text.strip():
            await self._send_result(item, CommandResult(texts.EMPTY_VV_QUESTION))
            return
        await self._answers.answer(
            item,
            turn,
            shown=shown,
            note=parsed.unseen or files.note,
            prepare=self._attachments.search(item.chat, parsed)
            or self._attachments.preparation(files.readable),
        )

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
        if parsed.attachments:
            return False
        call = CommandCall(
            item.chat, parsed.user_id, item.message_id, parsed.text, parsed.reply_to_id
        )
        result = None if parsed.concise else change_image(self._context, call)
        if result and result.image_order:
            return await self._images.generate(item, result.image_order)
        if result:
            await self._send_result(item, result)
        return result is not None


def _same_question(one: Turn, other: Turn) -> bool:
    return (one.question, one.concise) == (other.question, other.concise)
