"""Answering a turn in a chat: show the answer while it grows, then store it.

The counterpart of `image_handler`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from ..assistant.answer import Answer
from ..assistant.documents import SHARES, was_too_long
from ..assistant.progress import Progress
from ..commands.context import BotContext
from ..commands.tool_effects import carry_out
from ..core.errors import NoProvider
from ..core.file_errors import FileError
from ..core.messages import Delete, Turn
from ..store import InboxItem
from .answer_view import AnswerStyle, render_answer, render_comparison
from .delivery import Delivery
from .streaming import AnswerStreamer, StreamedMessage

# Completes a turn before a model is asked, or raises `FileError` or `NoProvider`. The last argument
# is how much of a file is shown, as a share of what should fit.
Preparation = Callable[[Turn, Progress, float], Awaitable[Turn]]


class AnswerHandler:
    """Answers turns, one at a time in each chat."""

    def __init__(self, context: BotContext, delivery: Delivery, streamer: AnswerStreamer) -> None:
        self._context, self._delivery, self._streamer = context, delivery, streamer

    @asynccontextmanager
    async def showing_progress(
        self,
        item: InboxItem,
        progress: Progress,
        *,
        concise: bool = False,
        in_place: bool = False,
    ) -> AsyncIterator[StreamedMessage]:
        """Show the progress of an answer, and let it be stopped, until the block ends."""

        def sent(message_id: int) -> None:
            self._context.store.record_draft(item, message_id)
            # One that has come after its answer is deleted.
            self._delivery.deliver_soon(item.chat)

        with self._context.running.track(item.chat, progress):
            async with self._streamer.showing(
                item.chat, progress, concise=concise, in_place=in_place, sent=sent
            ) as draft:
                yield draft

    async def answer(
        self,
        item: InboxItem,
        turn: Turn,
        *,
        shown: Sequence[int] = (),
        note: str = "",
        prepare: Preparation | None = None,
    ) -> None:
        """Answer a turn.

        Args:
            item: the update that asked for it.
            turn: what was asked.
            shown: the ids of messages of an older answer, which are replaced.
            note: a line under the answer, about the question.
            prepare: adds to the turn what takes a while, such as its pictures; what it raises is
                shown instead of an answer.
        """
        assistant, progress = self._context.assistant, Progress(turn.message_id)

        def save(result: Answer) -> None:
            messages = render_answer(
                result,
                style=self._style(result.turn),
                shown=shown,
                surplus=leftover_drafts(item, draft),
                note=note,
            )
            confirm = partial(carry_out, self._context, result.turn, result.effects)
            assistant.save(result, messages, item, confirm=confirm)

        async with self.showing_progress(
            item, progress, concise=turn.concise, in_place=bool(shown)
        ) as draft:
            answer = await self._prepared_answer(turn, progress, prepare)
            draft.close()
            if not progress.superseded:
                # It has been paid for, so it does not wait for a preview that is on its way.
                await self._save(answer, save)
                return
        self._close(item, draft, progress)

    async def _prepared_answer(
        self, turn: Turn, progress: Progress, prepare: Preparation | None
    ) -> Answer:
        if prepare is None:
            return await self._context.assistant.answer(turn, progress)
        # Also what cannot be read stays local, if it came in private.
        turn = self._context.assistant.with_privacy(turn)
        answer = Answer(turn)
        for share in SHARES:
            prepared = turn
            try:
                with progress.stoppable() as scope:
                    prepared = await prepare(turn, progress, share)
            except (FileError, NoProvider) as exc:
                return Answer(turn, failure=exc, unread=exc.retryable)
            if scope.cancelled_caught:
                return Answer(turn, stopped=True)
            answer = await self._context.assistant.answer(prepared, progress)
            if not was_too_long(answer):
                break
        return answer

    async def _save(self, answer: Answer, save: Callable[[Answer], None]) -> None:
        """Store an answer, or the failure that it cannot be stored: it has been paid for."""
        await self._delivery.save_result(
            answer.turn.chat,
            partial(save, answer),
            lambda exc: save(Answer(answer.turn, failure=exc)),
        )

    async def compare(self, item: InboxItem, turn: Turn) -> None:
        """Let all models answer a turn, and deliver each answer as soon as it is complete.

        Each is stored by itself, so that after a crash only the missing ones are asked again. They
        replace the answers to the question before an edit, the oldest first.
        """
        # What an earlier attempt has stored counts once it is delivered.
        await self._delivery.deliver(item.chat)
        answered, replaced = self._already_answered(turn)
        progress = Progress(turn.message_id)
        slots = _ComparisonSlots(progress, replaced, rings=not answered)
        async with self.showing_progress(item, progress) as draft:
            await self._context.assistant.compare(
                turn, progress, partial(self._on_answer, slots), without=answered
            )
        obsolete = (
            []
            if progress.superseded
            else [message_id for message_ids in replaced for message_id in message_ids]
        )
        self._close(item, draft, progress, obsolete)

    def _already_answered(self, turn: Turn) -> tuple[frozenset[str], list[list[int]]]:
        """Find which providers have answered, and the messages that answer older versions."""
        answered, replaced = [], []
        for stored in self._context.store.conversations.turns_of(turn.chat, turn.message_id):
            shown = self._context.store.conversations.answer_message_ids(stored.turn_id)
            same = (stored.turn.question, stored.turn.concise) == (turn.question, turn.concise)
            if shown and not same:
                replaced.append(shown)
            elif shown and stored.answer is not None:
                answered.append(stored.provider)
        return frozenset(answered), replaced

    async def _on_answer(self, slots: "_ComparisonSlots", answer: Answer) -> None:
        """Store one of several answers, and deliver it while the others are still to come."""
        chat, assistant = answer.turn.chat, self._context.assistant
        if slots.progress.superseded:
            return
        shown, rings = slots.next_slot(), slots.rings

        def save(result: Answer) -> None:
            style = self._style(result.turn)
            messages = render_comparison(result, answer.usd, style=style, shown=shown, rings=rings)
            assistant.save(result, messages)

        slots.rings = False
        await self._save(answer, save)
        # After the last answer, a draft that is still on its way would stay in the chat.
        if slots.progress.note:
            await self._delivery.deliver(chat)

    def _close(
        self,
        item: InboxItem,
        draft: StreamedMessage,
        progress: Progress,
        obsolete: Sequence[int] = (),
    ) -> None:
        """Close an update whose results are stored, and delete what is no longer needed.

        If more of its message has come meanwhile, it waits to be asked again with that.
        """
        surplus = [*obsolete, *leftover_drafts(item, draft)]
        close = self._context.store.put_back if progress.continued else self._context.store.finish
        close(item, [Delete(item.chat, message_id) for message_id in surplus])

    def _style(self, turn: Turn) -> AnswerStyle:
        display = self._context.display
        state = self._context.store.chats.state(turn.chat)
        rich = display.rich if state.rich is None else state.rich
        return AnswerStyle(
            rich=rich,
            reasoning=display.reasoning,
            provider_line=state.provider_line,
            for_owner=turn.user_id in self._context.owners(),
            speaks=self._context.speech.can_speak(local_only=turn.local_only),
        )


@dataclass(slots=True)
class _ComparisonSlots:
    """Which messages the answers of a comparison replace, and whether the next one rings."""

    progress: Progress
    replaced: list[list[int]]
    rings: bool

    def next_slot(self) -> list[int]:
        """Return the ids of the messages that the next answer replaces."""
        return self.replaced.pop(0) if self.replaced else []


def leftover_drafts(item: InboxItem, draft: StreamedMessage) -> list[int]:
    """List the draft messages that have to be deleted."""
    message_ids = (item.draft_message_id, draft.message)
    return [message_id for message_id in message_ids if message_id is not None]
