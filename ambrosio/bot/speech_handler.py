"""Reading answers aloud in a chat: have it spoken, store it, deliver it.

The voice note is stored before it is sent, as every message is; what was paid for is not asked
again.
"""

import logging
from functools import partial

from ..assistant.progress import Progress
from ..assistant.speech import SpeechAssistant
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
        stored = self._context.store.conversations.turn(turn_id)
        messages = await self._messages(item, stored) if stored else []
        save = partial(self._context.store.finish, item, messages)
        await self._delivery.write_when_possible(save)

    async def follow(self, item: InboxItem) -> None:
        """Read the answer to a voice note aloud if that is on in the chat."""
        store = self._context.store
        if not store.conversations.chat_state(item.chat).voice:
            return
        stored = store.conversations.turn_of(item.chat, item.message_id)
        if stored is None or stored.answer is None:
            return
        # The answer itself must not wait for the voice.
        await self._delivery.deliver(item.chat)
        messages = await self._messages(item, stored)
        await self._delivery.write_when_possible(partial(store.outbox.enqueue, *messages))

    async def _messages(self, item: InboxItem, stored: StoredTurn) -> list[Outgoing]:
        progress = Progress(stored.turn.message_id)
        failure: AmbrosioError | None = None
        spoken = None
        with self._context.running.track(item.chat, progress):
            async with self._streamer.showing(item.chat, progress, action="record_voice") as draft:
                try:
                    with progress.stoppable() as scope:
                        spoken = await self._assistant.read_aloud(
                            stored, local_only=self._context.assistant.is_local_only(item.chat)
                        )
                    stopped = scope.cancelled_caught
                except (NoProvider, AllProvidersFailed, FileError) as exc:
                    failure, stopped = exc, False
        surplus = [Delete(item.chat, number) for number in leftover_drafts(item, draft)]
        if stopped:
            return [*surplus]
        if spoken is None:
            return [*self._notice(item, stored, failure), *surplus]
        file = File(spoken.file_name, spoken.content, is_voice=True)
        reply_to = None if item.chat.is_private else stored.turn.message_id
        note = OutgoingMessage(
            item.chat,
            files=(file,),
            silent=True,
            reply_to_id=reply_to,
            turn_id=stored.turn_id,
            local_only=stored.turn.local_only,
        )
        return [note, *surplus]

    def _notice(
        self, item: InboxItem, stored: StoredTurn, failure: AmbrosioError | None
    ) -> list[OutgoingMessage]:
        text = texts.NOTHING_TO_READ_ALOUD
        if failure:
            for_owner = stored.turn.user_id in self._context.owners()
            text = failure.owner_message if for_owner else failure.user_message
        return render_notice(item.chat, text)
