"""An answer's way through the bot: shown while it grows, kept in one transaction, delivered.

What `easel` is for pictures.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from ..assistant.answers import Answer
from ..assistant.progress import Progress
from ..commands.context import Desk
from ..core.messages import Outgoing, Place, Turn
from ..store import Row
from .answer_view import Style, compose, compose_compared
from .delivery import Replies
from .streaming import Preview, Previewer


class Scribe:
    """Has turns answered, one for each chat at a time."""

    def __init__(self, desk: Desk, replies: Replies, previewer: Previewer) -> None:
        self._desk, self._replies, self._previewer = desk, replies, previewer

    @asynccontextmanager
    async def running(
        self, row: Row, progress: Progress, *, concise: bool = False
    ) -> AsyncIterator[Preview]:
        """Show what grows, and let it be stopped, until the block ends."""
        self._desk.running[row.place] = progress
        sent = partial(self._desk.store.previewed, row)
        try:
            async with self._previewer.showing(
                row.place, progress, concise=concise, sent=sent
            ) as preview:
                yield preview
        finally:
            del self._desk.running[row.place]

    async def write(self, row: Row, turn: Turn, *, shown: Sequence[int] = ()) -> None:
        """Answer a turn; `shown` are messages of an older answer, which it replaces."""
        assistant, progress = self._desk.assistant, Progress(turn.message)
        async with self.running(row, progress, concise=turn.concise) as preview:
            answer = await assistant.answer(turn, progress)
        if progress.superseded:
            await self._end(row, preview)
            return
        said = compose(
            answer, style=self._style(row.place), shown=shown, surplus=surplus(row, preview)
        )
        await self._replies.kept(row.place, partial(assistant.keep, answer, said, row))
        await self._replies.deliver(row.place)

    async def compare(self, row: Row, turn: Turn) -> None:
        """Let everybody answer a turn, and show each answer as soon as it is there.

        Each is kept by itself, so that after a crash only those are asked whose answer nobody has.
        The answers to what the question was before an edit make room, the oldest first.
        """
        # What an earlier attempt has kept counts as soon as it is shown.
        await self._replies.deliver(row.place)
        there, old = self._compared(turn)
        progress = Progress(turn.message)
        shelf = _Shelf(progress, old, rings=not there)
        async with self.running(row, progress) as preview:
            await self._desk.assistant.compare(
                turn, progress, partial(self._arrived, shelf), without=there
            )
        gone = [] if progress.superseded else [each for group in old for each in group]
        await self._end(row, preview, gone)

    def _compared(self, turn: Turn) -> tuple[frozenset[str], list[list[int]]]:
        """Find who has answered a turn, and the messages that answer what it was before."""
        there, old = [], []
        for asked in self._desk.store.turns_of(turn.place, turn.message):
            shown = self._desk.store.shown(asked.id)
            same = (asked.turn.question, asked.turn.concise) == (turn.question, turn.concise)
            if shown and not same:
                old.append(shown)
            elif shown and asked.answer is not None:
                there.append(asked.provider)
        return frozenset(there), old

    async def _arrived(self, shelf: "_Shelf", answer: Answer) -> None:
        """Keep one of several answers, and deliver it while the others are waited for."""
        place, assistant = answer.turn.place, self._desk.assistant
        if shelf.progress.superseded:
            return
        said = compose_compared(
            answer, answer.usd, style=self._style(place), shown=shelf.room(), rings=shelf.rings
        )
        shelf.rings = False
        await self._replies.kept(place, partial(assistant.keep, answer, said))
        # Behind the last of them, a preview on its way would be a ghost.
        if shelf.progress.note:
            await self._replies.deliver(place)

    async def _end(self, row: Row, preview: Preview, gone: Sequence[int] = ()) -> None:
        """Close an update of which everything is kept, and take away what is no longer needed."""
        away = [*gone, *surplus(row, preview)]
        self._desk.store.finish(row, [Outgoing(row.place, edits=old, delete=True) for old in away])
        await self._replies.deliver(row.place)

    def _style(self, place: Place) -> Style:
        looks, state = self._desk.looks, self._desk.store.place(place)
        rich = looks.rich if state.rich is None else state.rich
        return Style(rich=rich, reasoning=looks.reasoning, via=state.via)


@dataclass(slots=True)
class _Shelf:
    """Where the answers of a comparison go: in the place of `old` ones, and one of them rings."""

    progress: Progress
    old: list[list[int]]
    rings: bool

    def room(self) -> list[int]:
        """Give the messages that the next answer replaces."""
        return self.old.pop(0) if self.old else []


def surplus(row: Row, preview: Preview) -> list[int]:
    """List the messages of previews that have to be taken away."""
    return [old for old in (row.preview, preview.message) if old is not None]
