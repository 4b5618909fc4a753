"""Reading answers aloud in a chat: have it spoken, store it, deliver it.

The voice note is stored before it is sent, as every message is; what was paid for is not asked
again.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from ..assistant.progress import Progress
from ..assistant.speech import ReadAloud, SpeechAssistant
from ..commands.context import BotContext
from ..core import texts
from ..core.errors import AmbrosioError, NoProvider
from ..core.file_errors import FileError
from ..core.messages import Delete, File, Outgoing, OutgoingMessage
from ..core.provider_errors import AllProvidersFailed
from ..store import InboxItem, StoredTurn
from .answer_handler import leftover_drafts
from .answer_view import render_notice
from .delivery import Delivery
from .streaming import AnswerStreamer

log = logging.getLogger(__name__)


class SpeechHandler:
    """Reads answers aloud, one at a time in each chat."""

    def __init__(self, context: BotContext, delivery: Delivery, streamer: AnswerStreamer) -> None:
        self._context, self._delivery, self._streamer = context, delivery, streamer
        self._assistant = SpeechAssistant(context.store, context.speech, context.media)

    async def read_aloud(self, item: InboxItem, turn_id: int) -> None:
        """Read an answer aloud, as the press of a button has asked for, and close the update."""
        store = self._context.store
        save = partial(store.finish, item)
        if stored := store.conversations.turn(turn_id):
            await self._read(item, stored, save)
        else:
            await self._delivery.write_when_possible(save)

    async def follow(self, item: InboxItem) -> None:
        """Read the answer to a voice note aloud if that is on in the chat."""
        store = self._context.store
        if not store.chats.state(item.chat).voice:
            return
        stored = store.conversations.turn_of(item.chat, item.message_id)
        if stored is None or stored.answer is None:
            return
        # The answer itself must not wait for the voice.
        await self._delivery.deliver(item.chat)
        await self._read(item, stored, lambda messages: store.outbox.enqueue(*messages))

    async def _read(
        self, item: InboxItem, stored: StoredTurn, save: Callable[[Sequence[Outgoing]], object]
    ) -> None:
        """Have an answer read aloud, and save what comes of it before waiting for anything."""
        progress = Progress(stored.turn.message_id)
        failure: AmbrosioError | None = None
        spoken, stopped = None, False
        with self._context.running.track(item.chat, progress):
            async with self._streamer.showing(item.chat, progress, action="record_voice") as draft:
                try:
                    with progress.stoppable() as scope:
                        spoken = await self._assistant.read_aloud(
                            stored, local_only=self._context.assistant.is_local_only(item.chat)
                        )
                    stopped = scope.cancelled_caught
                except (NoProvider, AllProvidersFailed, FileError) as exc:
                    failure = exc
                draft.close()
                messages: list[Outgoing] = [
                    Delete(item.chat, number) for number in leftover_drafts(item, draft)
                ]
                if spoken:
                    messages.insert(0, _voice_note(item, stored, spoken))
                elif not stopped:
                    messages[:0] = self._notice(item, stored, failure)
                await self._delivery.write_when_possible(partial(save, messages))

    def _notice(
        self, item: InboxItem, stored: StoredTurn, failure: AmbrosioError | None
    ) -> list[OutgoingMessage]:
        text = texts.NOTHING_TO_READ_ALOUD
        if failure:
            for_owner = stored.turn.user_id in self._context.owners()
            text = failure.owner_message if for_owner else failure.user_message
        return render_notice(item.chat, text)


def _voice_note(item: InboxItem, stored: StoredTurn, spoken: ReadAloud) -> OutgoingMessage:
    file = File(spoken.file_name, spoken.content, is_voice=True)
    return OutgoingMessage(
        item.chat,
        files=(file,),
        silent=True,
        reply_to_id=None if item.chat.is_private else stored.turn.message_id,
        turn_id=stored.turn_id,
        local_only=stored.turn.local_only,
    )
