"""The one way to Telegram: what an answer looks like, and that it arrives.

Everything that is to be said goes through the outbox of the store, so that it outlives a crash;
what only shows that work is under way (typing) does not, and its failures harm nothing.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

import httpx
import telegram
from telegram.error import (
    BadRequest,
    ChatMigrated,
    EndPointNotFound,
    Forbidden,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from . import forms, uploads
from .assistant import Answer
from .errors import StoreFailed
from .markdown import expandable, needs_rich, plain, render, rich
from .messages import Button, Chunk, Entity, Outgoing, Place
from .pacing import Pacer
from .store import Store, Via
from .uploads import Sent

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
DISK_PAUSE_SECONDS = 5.0
# A read timeout leaves open whether Telegram has the message: once more, and never a third time.
MOST_TRIES = 2

LONGER = Button("Longer", "longer:{turn}")
RETRY = Button("Retry", "retry:{turn}")
GO_ON = Button("Go on with this one", "goon:{turn}")
# What is less is not worth its digits.
LEAST_USD = Decimal("0.0001")
# An underscore that does not end the italics of a note.
MARK = "\\_"


# --- what an answer looks like --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Style:
    """How answers are set: rich messages where entities fall short, thoughts shown or not.

    `via` says when there is a line about who answered.
    """

    rich: bool = False
    reasoning: bool = False
    via: Via = "auto"


PLAIN = Style()


def compose(
    answer: Answer,
    *,
    style: Style = PLAIN,
    shown: Sequence[int] = (),
    surplus: Sequence[int] = (),
) -> list[Outgoing]:
    """Make messages of an answer; only the first that belongs to it rings.

    Args:
        answer: what there is to say.
        style: how it is set.
        shown: messages of an older answer, which are replaced in place as far as they go.
        surplus: messages that are taken away when the answer is there.
    """
    place, notes = answer.turn.place, [*_notes(answer), *_via(answer, style.via)]
    outgoing = _set(answer, notes, rich=style.rich and not shown)
    outgoing[-1] = replace(outgoing[-1], buttons=_buttons(answer))
    outgoing = _in_place(outgoing, shown, place)
    if style.reasoning and answer.reasoning.strip() and not shown:
        outgoing.insert(0, Outgoing(place, expandable(answer.reasoning), silent=True))
    outgoing += _files(answer)
    return outgoing + [Outgoing(place, edits=old, delete=True) for old in surplus]


def compose_compared(
    answer: Answer, usd: Decimal | None, *, style: Style = PLAIN, rings: bool = True
) -> list[Outgoing]:
    """Make messages of one of several answers, with what it took and a button to go on with it."""
    notes = [*_notes(answer), *_figures(answer, usd)]
    outgoing = _set(answer, notes, rich=style.rich)
    if not answer.failure:
        outgoing[-1] = replace(outgoing[-1], buttons=(GO_ON,))
    if not rings:
        outgoing[0] = replace(outgoing[0], silent=True)
    return outgoing + _files(answer)


def _set(answer: Answer, notes: list[str], *, rich: bool) -> list[Outgoing]:
    place, text = answer.turn.place, answer.text
    if rich and needs_rich(text):
        said = "\n\n".join([text, *(f"_{note.replace('_', MARK)}_" for note in notes)])
        outgoing = [Outgoing(place, rich=said)]
    else:
        chunks = _noted(list(render(text).chunks), notes)
        outgoing = [Outgoing(place, chunk, silent=part > 0) for part, chunk in enumerate(chunks)]
    if not place.private:
        outgoing[0] = replace(outgoing[0], reply_to=answer.turn.message)
    return outgoing


def _files(answer: Answer) -> list[Outgoing]:
    files = render(answer.text).files
    return [Outgoing(answer.turn.place, files=(file,), silent=True) for file in files]


def _via(answer: Answer, when: Via) -> list[str]:
    """Say who answered, if that is wanted, and why nobody did who comes first."""
    ref, passed = answer.ref, answer.begun.passed if answer.begun else ()
    if ref is None or answer.failure or when == "never" or (when == "auto" and not passed):
        return []
    who = f"{ref.provider}, {ref.model}" if when == "always" and ref.model else ref.provider
    return [" · ".join([f"via {who}", *passed])]


def _figures(answer: Answer, usd: Decimal | None) -> list[str]:
    if answer.ref is None or answer.failure:
        return []
    usage = answer.ended.usage if answer.ended else None
    tokens = [f"{usage.completion} token{'s' * (usage.completion != 1)}"] if usage else []
    who = [answer.ref.provider, answer.ref.model] if answer.ref.model else [answer.ref.provider]
    return [" · ".join([*who, f"{answer.seconds:.1f} s", *tokens, _cost(usd)])]


def _cost(usd: Decimal | None) -> str:
    if usd is None:
        return "price unknown"
    if not usd:
        return "free"
    return f"${usd:.4f}" if usd >= LEAST_USD else f"under ${LEAST_USD}"


def notice(
    place: Place, text: str, *, buttons: tuple[Button, ...] = (), reply_to: int | None = None
) -> list[Outgoing]:
    """Make messages of something that Ambrosio says by itself, written in Markdown."""
    outgoing = [Outgoing(place, chunk, reply_to=reply_to) for chunk in render(text).chunks]
    outgoing[-1] = replace(outgoing[-1], buttons=buttons)
    return outgoing


def _notes(answer: Answer) -> list[str]:
    notes = []
    if answer.failure:
        notes.append(answer.failure.sentence)
    elif answer.stopped:
        notes.append("Stopped.")
    elif answer.looped:
        notes.append("Cut here: the model only repeated itself from here on.")
    elif answer.cut:
        notes.append(
            "Cut off here: the answer reached its length limit. Ask me to go on for the rest."
        )
    if answer.begun and answer.begun.dropped and not answer.failure:
        count = answer.begun.dropped
        turns = "message" if count == 1 else f"{count} messages"
        notes.append(
            f"This conversation is long: I no longer see its first {turns}. /new starts afresh."
        )
    return notes


def _buttons(answer: Answer) -> tuple[Button, ...]:
    if answer.failure:
        return (RETRY,) if answer.failure.again else ()
    if answer.turn.concise and not answer.stopped:
        return (LONGER,)
    return ()


def _noted(chunks: list[Chunk], notes: list[str]) -> list[Chunk]:
    """Put the notes behind the last chunk, in italics, or into one of their own if it is full."""
    if not notes:
        return chunks
    note = plain("\n".join(notes))
    if not chunks:
        return [note]
    units = len(note.text.encode("utf-16-le")) // 2
    before = len(chunks[-1].text.encode("utf-16-le")) // 2 + 2
    if before + units > 4096 or len(chunks[-1].entities) >= 100:
        return [*chunks, Chunk(note.text, (Entity("italic", 0, units),))]
    italic = Entity("italic", before, units)
    joined = Chunk(f"{chunks[-1].text}\n\n{note.text}", (*chunks[-1].entities, italic))
    return [*chunks[:-1], joined]


def _in_place(outgoing: list[Outgoing], shown: Sequence[int], place: Place) -> list[Outgoing]:
    """Let the first messages take the place of old ones; old ones too many are taken away."""
    edits = [replace(new, edits=old) for new, old in zip(outgoing, shown, strict=False)]
    surplus = [Outgoing(place, edits=old, delete=True) for old in shown[len(outgoing) :]]
    return [*edits, *outgoing[len(edits) :], *surplus]


# --- that it arrives ------------------------------------------------------------------------------


class NotSent(Exception):
    """Telegram does not have it: send it again after `pause_seconds`, if it said how long."""

    def __init__(self, pause_seconds: float | None = None) -> None:
        super().__init__()
        self.pause_seconds = pause_seconds


class PerhapsSent(Exception):
    """Nobody knows whether Telegram has it."""


class NotTaken(Exception):
    """Telegram will not take it, now or later."""


class Replies:
    """Sends what is in the outbox, and shows that work is under way."""

    def __init__(
        self,
        bot: telegram.Bot,
        store: Store,
        pacer: Pacer,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._store = store
        self._pacer = pacer
        self._sleep = sleep
        self._knows_rich = True
        self._locks: defaultdict[Place, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def deliver(self, place: Place) -> None:
        """Send everything that waits for a place, in order; returns when Telegram has it."""
        async with self._locks[place]:
            pause = FIRST_PAUSE_SECONDS
            while found := self._store.next_out(place):
                number, outgoing, tries = found
                try:
                    await self._deliver(number, outgoing, tries)
                    pause = FIRST_PAUSE_SECONDS
                except NotSent as exc:
                    await self.written(partial(self._store.sending, number, tries))
                    self._pacer.flooded(place.chat, exc.pause_seconds or pause)
                    pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _deliver(self, number: int, outgoing: Outgoing, tries: int) -> None:
        """Send one message and take it out of the outbox, or raise `NotSent`."""
        if tries >= MOST_TRIES:
            log.error("gave up a message for %s after %d tries", outgoing.place, tries)
            await self.written(partial(self._store.sent, number, outgoing))
            return
        await self._turn_comes(outgoing)
        await self.written(partial(self._store.sending, number, tries + 1))
        try:
            sent = await self._send(outgoing)
        except PerhapsSent:
            log.warning("a message for %s may have arrived; once more", outgoing.place)
            return
        except NotTaken as exc:
            log.warning("Telegram does not take a message for %s: %s", outgoing.place, exc)
            sent = Sent()
        await self.written(partial(self._store.sent, number, outgoing, sent.messages, sent.files))

    async def kept(self, place: Place, keep: Callable[[], object]) -> None:
        """Keep what came of a turn, which must not be asked for again: wait for the disk."""
        try:
            keep()
        except StoreFailed as exc:
            await self.tell_now(place, exc.sentence)
            await self.written(keep)

    async def written(self, write: Callable[[], object]) -> None:
        """Write what has happened already; if the disk is full, wait until it is not."""
        while True:
            try:
                write()
            except StoreFailed as exc:
                log.warning("the disk: %s", exc)
                await self._sleep(DISK_PAUSE_SECONDS)
            else:
                return

    async def _turn_comes(self, outgoing: Outgoing) -> None:
        """Wait until a message may go to this chat, and count it, or all of an album."""
        chat = outgoing.place.chat
        while (wait := self._pacer.wait_seconds(chat, "send")) > 0:
            await self._sleep(wait)
        for _ in outgoing.files or (None,):
            self._pacer.spend(chat, "send")

    async def tell_now(self, place: Place, text: str) -> None:
        """Say something past the outbox, as well as it goes: for when the disk is full."""
        try:
            await self._message(Outgoing(place, plain(text)))
        except TelegramError as exc:
            log.warning("could not tell %s: %s", place, type(exc).__name__)

    async def _send(self, outgoing: Outgoing) -> Sent:
        """Send one message and give its numbers, or raise what that means for the outbox."""
        try:
            if outgoing.files:
                return await uploads.send(self._bot, outgoing)
            try:
                return Sent(tuple(await self._do(outgoing)))
            except BadRequest as exc:
                return Sent(tuple(await self._do_otherwise(outgoing, exc)))
        except TelegramError as exc:
            raise _meaning(exc) from exc

    async def _do(self, outgoing: Outgoing) -> list[int]:
        if outgoing.delete:
            await self._bot.delete_message(outgoing.place.chat, outgoing.edits or 0)
            return []
        if outgoing.rich:
            return await self._rich(outgoing)
        if outgoing.edits is not None:
            await self._bot.edit_message_text(
                outgoing.chunk.text,
                outgoing.place.chat,
                outgoing.edits,
                entities=forms.entities(outgoing.chunk),
                link_preview_options=forms.NO_LINK_PREVIEW,
                reply_markup=forms.keyboard(outgoing.buttons),
            )
            return [outgoing.edits]
        return await self._message(outgoing)

    async def _message(self, outgoing: Outgoing) -> list[int]:
        sent = await self._bot.send_message(
            outgoing.place.chat,
            outgoing.chunk.text,
            message_thread_id=outgoing.place.topic or None,
            entities=forms.entities(outgoing.chunk),
            link_preview_options=forms.NO_LINK_PREVIEW,
            reply_markup=forms.keyboard(outgoing.buttons),
            reply_parameters=forms.reply(outgoing),
            disable_notification=outgoing.silent or None,
        )
        return [sent.message_id]

    async def _rich(self, outgoing: Outgoing) -> list[int]:
        """Let Telegram set the Markdown; where it does not, send it in pieces of our own."""
        if self._knows_rich:
            try:
                return await self._rich_message(outgoing)
            except EndPointNotFound:
                self._knows_rich = False
            except BadRequest:
                log.info("Telegram refused a rich message for %s", outgoing.place)
        numbers = []
        chunks = render(outgoing.rich, files=False).chunks
        for part, chunk in enumerate(chunks, start=1):
            buttons = outgoing.buttons if part == len(chunks) else ()
            piece = replace(outgoing, chunk=chunk, buttons=buttons, silent=part > 1)
            numbers += await self._message(piece)
        return numbers

    async def _rich_message(self, outgoing: Outgoing) -> list[int]:
        sent = await self._bot.do_api_request(
            "sendRichMessage",
            {
                "chat_id": outgoing.place.chat,
                "message_thread_id": outgoing.place.topic or None,
                "rich_message": {"markdown": rich(outgoing.rich)},
                "reply_markup": forms.keyboard(outgoing.buttons),
                "reply_parameters": forms.reply(outgoing),
            },
        )
        return [int(sent["message_id"])]

    async def _do_otherwise(self, outgoing: Outgoing, exc: BadRequest) -> list[int]:
        """Find another way for what Telegram has refused, or raise the refusal."""
        if outgoing.delete:
            return []
        if outgoing.edits is not None:
            # The one refusal that only its text tells from a message that is no longer there.
            if "not modified" in exc.message.lower():
                return [outgoing.edits]
            return await self._message(replace(outgoing, edits=None))
        if not outgoing.chunk.entities:
            raise exc
        log.error("Telegram refused the formatting of a message for %s", outgoing.place)
        return await self._message(replace(outgoing, chunk=Chunk(outgoing.chunk.text)))


def _meaning(exc: TelegramError) -> NotSent | PerhapsSent | NotTaken:
    """Tell what a failure means for a message: not there, perhaps there, or not wanted."""
    match exc:
        case RetryAfter():
            return NotSent(forms.seconds(exc))
        case BadRequest() | Forbidden() | ChatMigrated() | EndPointNotFound():
            return NotTaken(type(exc).__name__)
        case TimedOut():
            early = isinstance(exc.__cause__, httpx.ConnectTimeout | httpx.PoolTimeout)
            return NotSent() if early else PerhapsSent()
        case NetworkError():
            # A server error has no cause; a line that broke after connecting leaves it open.
            sure = exc.__cause__ is None or isinstance(exc.__cause__, httpx.ConnectError)
            return NotSent() if sure else PerhapsSent()
        case _ if exc.__cause__ is not None:
            # An answer that could not be read.
            return PerhapsSent()
        case _:
            # The token is not accepted, which only the owner can mend.
            return NotSent(LONGEST_PAUSE_SECONDS)
