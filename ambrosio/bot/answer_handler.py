"""An answer's way through the bot: shown while it grows, kept in one transaction, delivered.

What `easel` is for pictures.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from ..assistant.answers import Answer
from ..assistant.progress import Progress
from ..commands.context import BotContext
from ..core.messages import Chat, OutgoingMessage, Turn
from ..store import InboxItem
from .answer_view import AnswerStyle, render_answer, render_comparison
from .delivery import Delivery
from .streaming import AnswerStreamer, StreamedMessage


class AnswerHandler:
    """Has turns answered, one for each chat at a time."""

    def __init__(self, context: BotContext, replies: Delivery, previewer: AnswerStreamer) -> None:
        self._context, self._replies, self._previewer = context, replies, previewer

    @asynccontextmanager
    async def showing_progress(
        self, item: InboxItem, progress: Progress, *, concise: bool = False
    ) -> AsyncIterator[StreamedMessage]:
        """Show what grows, and let it be stopped, until the block ends."""
        self._context.running[item.chat] = progress
        sent = partial(self._context.store.record_draft, item)
        try:
            async with self._previewer.showing(
                item.chat, progress, concise=concise, sent=sent
            ) as preview:
                yield preview
        finally:
            del self._context.running[item.chat]

    async def answer(self, item: InboxItem, turn: Turn, *, shown: Sequence[int] = ()) -> None:
        """Answer a turn; `shown` are messages of an older answer, which it replaces."""
        assistant, progress = self._context.assistant, Progress(turn.message_id)
        async with self.showing_progress(item, progress, concise=turn.concise) as preview:
            answer = await assistant.answer(turn, progress)
        if progress.superseded:
            await self._close(item, preview)
            return
        said = render_answer(
            answer,
            style=self._style(item.chat),
            shown=shown,
            surplus=leftover_drafts(item, preview),
        )
        await self._replies.save_result(item.chat, partial(assistant.save, answer, said, item))
        await self._replies.deliver(item.chat)

    async def compare(self, item: InboxItem, turn: Turn) -> None:
        """Let everybody answer a turn, and show each answer as soon as it is there.

        Each is kept by itself, so that after a crash only those are asked whose answer nobody has.
        The answers to what the question was before an edit make room, the oldest first.
        """
        # What an earlier attempt has kept counts as soon as it is shown.
        await self._replies.deliver(item.chat)
        there, old = self._already_answered(turn)
        progress = Progress(turn.message_id)
        shelf = _ComparisonSlots(progress, old, rings=not there)
        async with self.showing_progress(item, progress) as preview:
            await self._context.assistant.compare(
                turn, progress, partial(self._on_answer, shelf), without=there
            )
        gone = [] if progress.superseded else [each for group in old for each in group]
        await self._close(item, preview, gone)

    def _already_answered(self, turn: Turn) -> tuple[frozenset[str], list[list[int]]]:
        """Find who has answered a turn, and the messages that answer what it was before."""
        there, old = [], []
        for asked in self._context.store.turns_of(turn.chat, turn.message_id):
            shown = self._context.store.shown_message_ids(asked.turn_id)
            same = (asked.turn.question, asked.turn.concise) == (turn.question, turn.concise)
            if shown and not same:
                old.append(shown)
            elif shown and asked.answer is not None:
                there.append(asked.provider)
        return frozenset(there), old

    async def _on_answer(self, shelf: "_ComparisonSlots", answer: Answer) -> None:
        """Keep one of several answers, and deliver it while the others are waited for."""
        chat, assistant = answer.turn.chat, self._context.assistant
        if shelf.progress.superseded:
            return
        said = render_comparison(
            answer, answer.usd, style=self._style(chat), shown=shelf.next_slot(), rings=shelf.rings
        )
        shelf.rings = False
        await self._replies.save_result(chat, partial(assistant.save, answer, said))
        # Behind the last of them, a preview on its way would be a ghost.
        if shelf.progress.note:
            await self._replies.deliver(chat)

    async def _close(
        self, item: InboxItem, preview: StreamedMessage, gone: Sequence[int] = ()
    ) -> None:
        """Close an update of which everything is kept, and take away what is no longer needed."""
        away = [*gone, *leftover_drafts(item, preview)]
        self._context.store.finish(
            item, [OutgoingMessage(item.chat, edit_message_id=old, delete=True) for old in away]
        )
        await self._replies.deliver(item.chat)

    def _style(self, chat: Chat) -> AnswerStyle:
        looks, state = self._context.display, self._context.store.chat_state(chat)
        rich = looks.rich if state.rich is None else state.rich
        return AnswerStyle(rich=rich, reasoning=looks.reasoning, provider_line=state.provider_line)


@dataclass(slots=True)
class _ComparisonSlots:
    """Where the answers of a comparison go: in the place of `old` ones, and one of them rings."""

    progress: Progress
    old: list[list[int]]
    rings: bool

    def next_slot(self) -> list[int]:
        """Give the messages that the next answer replaces."""
        return self.old.pop(0) if self.old else []


def leftover_drafts(item: InboxItem, preview: StreamedMessage) -> list[int]:
    """List the messages of previews that have to be taken away."""
    return [old for old in (item.draft_message_id, preview.message) if old is not None]
