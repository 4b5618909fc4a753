"""Hearing what someone sent: fetch it, have it written down, show what was heard.

The transcript is kept and shown before the question is answered, in one transaction: a crash after
that neither has it paid for again nor shows it twice. What is asked goes on as if it was typed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..assistant.answer import Answer
from ..assistant.answers import Assistant
from ..assistant.progress import Progress
from ..assistant.transcripts import TranscriptAssistant
from ..commands.context import BotContext
from ..commands.registry import BY_NAME
from ..commands.voice import wrong_button
from ..config.program import advise
from ..core import texts
from ..core.attachments import Attachment, MediaKind
from ..core.errors import AmbrosioError, NoProvider
from ..core.file_errors import AudioTooLong, FileError
from ..core.messages import (
    Chat,
    Delete,
    Entity,
    File,
    FormattedText,
    ModelRef,
    Outgoing,
    OutgoingMessage,
    Turn,
)
from ..core.provider_errors import AllProvidersFailed
from ..core.sound import Recording, Transcript, name_of
from ..core.spoken import read_spoken_command, split_spoken_vv
from ..markdown.splitting import first_message, utf16_len
from ..store import InboxItem, RecordingKey, Store
from .answer_handler import AnswerHandler, leftover_drafts
from .answer_view import RETRY, render_notice
from .delivery import Delivery
from .downloads import Downloads
from .turns import build_turn
from .updates import UserCommand, UserQuestion

MAX_MINUTES = 120
# A longer quote is folded, and one that does not fit a message goes along as a file.
SHORT_QUOTE_CHARACTERS = 400
# How `updates` begins what was forwarded.
FORWARDED = "Forwarded from "


class VoiceHandler:
    """Turns recordings into questions, one message at a time in each chat."""

    def __init__(
        self,
        context: BotContext,
        delivery: Delivery,
        answers: AnswerHandler,
        downloads: Downloads,
    ) -> None:
        self._context, self._delivery = context, delivery
        self._answers, self._downloads = answers, downloads
        self._assistant = TranscriptAssistant(context.transcripts, context.media)

    @property
    def _store(self) -> Store:
        return self._context.store

    async def hear(
        self, item: InboxItem, question: UserQuestion
    ) -> UserQuestion | UserCommand | None:
        """Return what was asked in the recordings of a message; None if that is dealt with."""
        if not (recordings := self._recordings(item, question)):
            return question
        keys = [
            RecordingKey(item.chat, item.message_id, question.user_id, file.unique_id)
            for file in recordings
        ]
        heard = [self._store.transcripts.find(key) for key in keys]
        if None in heard:
            heard = await self._listen(item, question, recordings, keys)
        said = "\n\n".join(transcript.text for transcript in heard if transcript)
        if not heard:
            return None
        if not said:
            self._refuse(item, texts.NO_WORDS)
            return None
        return _as_typed(question, said)

    def _recordings(self, item: InboxItem, question: UserQuestion) -> list[Attachment]:
        """List what is to be heard; a reply without files is about those of the other message.

        Unless that one is part of the conversation already.
        """
        files = question.attachments
        if not files and question.replied_attachments and question.reply_to_id is not None:
            turn = self._store.conversations.turn_of(item.chat, question.reply_to_id)
            is_known = turn is not None and turn.answer is not None
            files = () if is_known else question.replied_attachments
        return [file for file in files if file.is_sound]

    async def _listen(
        self,
        item: InboxItem,
        question: UserQuestion,
        recordings: Sequence[Attachment],
        keys: Sequence[RecordingKey],
    ) -> list[Transcript | None]:
        """Listen to recordings, keep and show what was heard; nothing if that is dealt with."""
        progress = Progress(item.message_id)
        turn = local_turn(self._context.assistant, item.chat, item.message_id, question)
        local_only = turn.local_only
        found: dict[RecordingKey, Transcript] = {}
        failure: AmbrosioError | None = None
        stopped = False
        async with self._answers.showing_progress(item, progress) as draft:
            try:
                with progress.stoppable() as scope:
                    for key, recording in zip(keys, recordings, strict=True):
                        found[key] = await self._transcribe(
                            key, recording, progress, local_only=local_only
                        )
                stopped = scope.cancelled_caught
            except (FileError, NoProvider, AllProvidersFailed) as exc:
                failure = exc
        surplus = [Delete(item.chat, message_id) for message_id in leftover_drafts(item, draft)]
        if progress.superseded:
            # It was edited, or is part of a longer message, which is heard as a whole.
            close = self._store.put_back if progress.continued else self._store.finish
            close(item, surplus)
            return []
        if failure or stopped:
            self._fail(item, turn, failure, surplus)
            return []
        quote = self._quote(item, found, local_only=local_only)
        self._store.keep_transcripts(found, [*quote, *surplus])
        await self._delivery.deliver(item.chat)
        return [*found.values()]

    async def _transcribe(
        self, key: RecordingKey, file: Attachment, progress: Progress, *, local_only: bool
    ) -> Transcript:
        if kept := self._store.transcripts.find(key):
            return kept
        if file.duration_seconds > MAX_MINUTES * 60:
            raise AudioTooLong(MAX_MINUTES)
        content = await self._downloads.fetch(file.file_id, size=file.size)
        return await self._assistant.transcribe(
            Recording(content, name_of(content), float(file.duration_seconds)),
            TranscriptKeeper(self._store, key, progress),
            user_id=key.user_id,
            local_only=local_only,
        )

    def _quote(
        self, item: InboxItem, found: Mapping[RecordingKey, Transcript], *, local_only: bool
    ) -> list[Outgoing]:
        said = "\n\n".join(transcript.text for transcript in found.values() if transcript.text)
        if not said:
            return []
        reply_to = None if item.chat.is_private else item.message_id
        message = render_transcript(item, said)
        return [
            replace(part, reply_to_id=reply_to, local_only=local_only)
            for part in (message, *_transcript_file(item, said))
        ]

    def correct(self, item: InboxItem, question: UserQuestion) -> InboxItem | None:
        """Take a reply to the bot's *What did you say?* as what was said; None if it is none.

        Returns the update as that of the recording, whose answer is replaced.
        """
        if question.reply_to_id is None or question.edited:
            return None
        recording_id = self._store.transcripts.asked_by(item.chat, question.reply_to_id)
        transcripts = self._store.transcripts
        if recording_id is None or transcripts.speaker(item.chat, recording_id) != question.user_id:
            return None
        if self._context.assistant.is_local_only(item.chat):
            self._store.conversations.mark_local_only(item.chat, recording_id)
        corrected = replace(item, message_id=recording_id)
        messages: list[Outgoing] = []
        for shown in transcripts.shown(item.chat, recording_id):
            if shown.is_prompt:
                messages.append(Delete(item.chat, shown.message_id))
            else:
                quote = render_transcript(corrected, question.text)
                messages.append(replace(quote, edit_message_id=shown.message_id))
        self._store.correct_transcript(item.chat, recording_id, question.text, messages)
        return corrected

    def _fail(
        self,
        item: InboxItem,
        turn: Turn,
        failure: AmbrosioError | None,
        surplus: Sequence[Delete],
    ) -> None:
        """Say why nothing was heard, and keep what may be heard at another attempt."""
        reason = _reason(failure, for_owner=turn.user_id in self._context.owners())
        if failure is None or not failure.retryable:
            self._refuse(item, reason, surplus)
            return
        reply_to = None if item.chat.is_private else item.message_id
        shown = render_notice(item.chat, reason, buttons=(RETRY,), reply_to=reply_to)
        answer = Answer(turn, failure=failure, unread=True)
        self._context.assistant.save(answer, [*shown, *surplus], item)

    def _refuse(self, item: InboxItem, text: str, surplus: Sequence[Delete] = ()) -> None:
        """Close the update and say why there is no answer."""
        reply_to = None if item.chat.is_private else item.message_id
        self._store.finish(item, [*render_notice(item.chat, text, reply_to=reply_to), *surplus])


def local_turn(assistant: Assistant, chat: Chat, message_id: int, question: UserQuestion) -> Turn:
    """Make the turn of a recording, which says whether it may only be heard by local providers.

    Its message is marked then.
    """
    turn, _ = build_turn(assistant, chat, message_id, question)
    return assistant.with_privacy(turn)


def render_transcript(item: InboxItem, said: str) -> OutgoingMessage:
    """Show what was heard as a quote, with a button for when it is wrong."""
    text = first_message(said)
    kind = "blockquote" if len(text) <= SHORT_QUOTE_CHARACTERS else "expandable_blockquote"
    return OutgoingMessage(
        item.chat,
        FormattedText(text, (Entity(kind, 0, utf16_len(text)),)),
        buttons=(wrong_button(item.message_id),),
        silent=True,
        recording_message_id=item.message_id,
    )


def _transcript_file(item: InboxItem, said: str) -> list[OutgoingMessage]:
    if first_message(said) == said:
        return []
    file = File("transcript.txt", said.encode() + b"\n")
    return [OutgoingMessage(item.chat, files=(file,), silent=True)]


def _reason(failure: AmbrosioError | None, *, for_owner: bool) -> str:
    if failure is None:
        return texts.LISTENING_STOPPED
    return advise(failure.owner_message if for_owner else failure.user_message)


def _as_typed(question: UserQuestion, said: str) -> UserQuestion | UserCommand:
    """Put what was said in the place of the recordings; alone, it may be a command or a vv."""
    others = tuple(file for file in question.attachments if not file.is_sound)
    alone = not question.text.strip() and not others
    if alone and (command := read_spoken_command(said, BY_NAME)):
        name, args = command
        return UserCommand(question.user_id, name, args, question.reply_to_id, question.quote)
    concise = question.concise
    if alone and not concise:
        concise, said = split_spoken_vv(said)
    gap = "\n" if question.text.endswith(":") else "\n\n"
    text = f"{question.text}{gap}{said}" if question.text.strip() else said
    return replace(
        question,
        text=text,
        concise=concise,
        attachments=others,
        replied_attachments=(),
        from_outside=not _is_own(question),
    )


def _is_own(question: UserQuestion) -> bool:
    """Say whether the person spoke themselves: not in a file, a forward or another's message."""
    sounds = [file.kind for file in question.attachments if file.is_sound]
    spoken = {MediaKind.VOICE, MediaKind.VIDEO_NOTE}
    return bool(sounds) and spoken.issuperset(sounds) and FORWARDED not in question.text


@dataclass(slots=True)
class TranscriptKeeper:
    """Shows how a transcript grows, and keeps its pieces."""

    store: Store
    key: RecordingKey
    progress: Progress

    def on_request(self, ref: ModelRef) -> None:
        """Note who has been sent something."""
        self.store.chats.record_request(self.key.chat, ref.provider)

    def on_text(self, text: str) -> None:
        """Show the words so far."""
        if text != self.progress.text:
            self.progress.text = text
            self.progress.changed.set()

    def on_note(self, note: str) -> None:
        """Show why there are none yet, or how far it is."""
        self.progress.set_note(note)

    def known_piece(self, ref: ModelRef, number: int) -> str | None:
        """Return what an earlier attempt has heard in a piece."""
        return self.store.transcripts.find_piece(self.key, ref, number)

    def on_piece(self, ref: ModelRef, number: int, text: str) -> None:
        """Keep what was heard in a piece."""
        self.store.transcripts.keep_piece(self.key, Transcript(text, ref), number)
