"""Finding out whether Telegram has a message whose sending was cut off, before it is sent again.

The Bot API has no way to read a chat and no key against repetition. It has a question that changes
nothing: to set the very buttons that a message has. The answers, from the Bot API server and TDLib:

- `message to edit not found`: the chat has no message with this id. The server looks for it first,
  whatever is to be changed (telegram-bot-api `Client.cpp`, `TdOnCheckMessageCallback`), and a
  message of another private chat is not in this one.
- `message can't be edited`: it is a person's, a service message, or one of the bot's with another
  markup than buttons (td `MessagesManager::can_edit_message`; core.telegram.org/bots/api,
  "Updating messages"; tdlib/td#3196). Such a one is never found here.
- `message is not modified`: it is the bot's, and has exactly these buttons (`Client.cpp`,
  `fail_query_with_error`). The same for each message of an album, which can have none
  (tdlib/td#1463).
- Success, with the message as it is now: it is the bot's and had other buttons.

Where to ask: ids rise, so it stands behind the newest one that was known before it was sent, among
the next few (`store.known_message_ids`). Ids that are known to be something else are left out.

Why no other message is taken for it, or changed: what the bot sends to a chat goes through the
outbox, one message after the other, and the next one waits until the one before is noted. So an
unknown message of the bot behind that id is this one, but for three kinds:

- a preview that was not noted: it has a Stop button, so the question succeeds, and its text is
  another. It gets its button back.
- a text past the outbox, while the disk is full (`Delivery.tell_now`): it has a markup that cannot
  be edited.
- a message in another topic of the same chat, which has an outbox of its own: then nobody is asked
  (`KnownMessageIds.search_range`).

The same question finds a preview that is a message and was left without being noted: it alone has
nothing but a Stop button. It is deleted when its update is worked on again, after all that waits
for the chat has been delivered.

What cannot be known is sent again, as without all this: a message that asks for a reply, one that
may have gone as several, one that is to edit another. What Telegram accepts only after it was asked
comes twice. It would go wrong with another program that sends by the same token, at the same moment
and to the same chat.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import telegram
from telegram.error import (
    BadRequest,
    ChatMigrated,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from ..core.messages import Chat, Outgoing, OutgoingMessage
from ..markdown import render
from ..store import SearchRange, Store
from . import ptb
from .rate_limit import RateLimiter
from .send_failures import NOTICES, SendFailed
from .streaming import STOP

log = logging.getLogger(__name__)

MAX_QUESTIONS = 12
# How far the ids are looked through, with those that are left out.
MAX_DISTANCE = 100
# How often the questions may fail, or meet a flood wait, before the message is sent again.
MAX_FAILURES = 5


class NoVerdict(Exception):
    """Telegram's answer says nothing; no more questions."""


def can_ask(outgoing: Outgoing) -> bool:
    """Say whether a message would be known by its buttons, or by having none."""
    if not isinstance(outgoing, OutgoingMessage) or outgoing.edit_message_id is not None:
        return False
    # What stands for a message that may be missing stands beside copies that nobody knows of.
    if outgoing.asks_for_reply or outgoing.content.text in NOTICES:
        return False
    # Where Telegram refuses a rich message, it goes in pieces.
    rich = outgoing.rich_markdown
    return not rich or len(render(rich, files=False).chunks) == 1


def sent_keyboard(outgoing: OutgoingMessage) -> telegram.InlineKeyboardMarkup | None:
    """Return the buttons that a message is sent with; albums and voice notes have none."""
    if len(outgoing.files) > 1 or any(file.is_voice for file in outgoing.files):
        return None
    return ptb.to_keyboard(outgoing.buttons, outgoing.turn_id)


def candidates(place: SearchRange) -> Iterator[int]:
    """List the ids that a message may have, the likeliest first."""
    ids = range(place.after + 1, place.after + MAX_DISTANCE + 1)
    unknown = (message_id for message_id in ids if message_id not in place.known)
    for _, message_id in zip(range(MAX_QUESTIONS), unknown, strict=False):
        yield message_id


def read_refusal(description: str) -> bool:
    """Say whether a refusal means that a message has these very buttons, or raise `NoVerdict`."""
    text = description.lower()
    # Only the text tells them apart.
    if "message is not modified" in text:
        return True
    if "message to edit not found" in text or "message can't be edited" in text:
        return False
    raise NoVerdict


def has_content(outgoing: OutgoingMessage, message: telegram.Message) -> bool:
    """Say whether a message shows what was to be sent; one from another time has another text."""
    shown = (message.text or message.caption or "").strip()
    return shown == outgoing.content.text.strip() and bool(shown)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked about an id: whether it has this keyboard, as a message of ours would.

    Ids that are `ruled_out` have been asked about.
    """

    chat: Chat
    keyboard: telegram.InlineKeyboardMarkup | None
    outgoing: OutgoingMessage | None = None
    ruled_out: set[int] = field(default_factory=set)


class UncertainMessages:
    """Looks for messages that may have arrived."""

    def __init__(
        self,
        bot: telegram.Bot,
        store: Store,
        rate_limiter: RateLimiter,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot, self._store = bot, store
        self._rate_limiter, self._sleep = rate_limiter, sleep
        # By the outbox id: how often its questions failed, and the ids that are something else.
        self._failures: Counter[int] = Counter()
        self._ruled_out: defaultdict[int, set[int]] = defaultdict(set)

    async def find(self, outbox_id: int, outgoing: Outgoing) -> tuple[int, ...] | None:
        """Return the ids that Telegram gave a message that was tried before.

        None if that cannot be known; no ids if Telegram does not have the message. Raises
        `SendFailed` if Telegram cannot be asked now.
        """
        if not isinstance(outgoing, OutgoingMessage) or not can_ask(outgoing):
            return None
        place = self._store.known_message_ids.search_range(
            outbox_id, outgoing.chat, length=MAX_DISTANCE
        )
        if place is None:
            return None
        ruled_out = self._ruled_out[outbox_id]
        question = _Question(outgoing.chat, sent_keyboard(outgoing), outgoing, ruled_out)
        known_before = len(ruled_out)
        try:
            found = await self._look(question, place, count=max(1, len(outgoing.files)))
        except (NoVerdict, BadRequest, ChatMigrated, Forbidden, InvalidToken, EndPointNotFound):
            return None
        except TelegramError as exc:
            # Only questions in a row that taught nothing count.
            failures = self._failures[outbox_id] if len(ruled_out) == known_before else 0
            self._failures[outbox_id] = failures + 1
            if self._failures[outbox_id] >= MAX_FAILURES:
                return None
            pause = ptb.retry_after_seconds(exc) if isinstance(exc, RetryAfter) else None
            raise SendFailed(pause) from exc
        self._failures.pop(outbox_id, None)
        self._ruled_out.pop(outbox_id, None)
        log.info("a message for %s %s", outgoing.chat, "had arrived" if found else "is not there")
        return found

    async def find_preview(self, chat: Chat, after_message_id: int) -> int | None:
        """Return the id of a preview that a process has left behind an id without noting it."""
        place = self._store.known_message_ids.range_behind(
            after_message_id, chat, length=MAX_DISTANCE
        )
        if place is None:
            return None
        try:
            found = await self._look(_Question(chat, ptb.to_keyboard((STOP,))), place, count=1)
        except (NoVerdict, TelegramError):
            return None
        return found[0] if found else None

    async def _look(
        self, question: "_Question", place: SearchRange, *, count: int
    ) -> tuple[int, ...]:
        """Ask about one id after the other until all messages are found.

        That some are missing says nothing of the next: they are in other chats or, in a group that
        shows the bot only what is meant for it, hidden.
        """
        found: list[int] = []
        for message_id in candidates(place):
            if message_id in question.ruled_out:
                continue
            if await self._ask(question, message_id):
                found.append(message_id)
            else:
                question.ruled_out.add(message_id)
            if len(found) == count:
                break
        return tuple(found)

    async def _ask(self, question: "_Question", message_id: int) -> bool:
        chat_id = question.chat.chat_id
        await self._wait_for_limit(chat_id)
        try:
            changed = await self._bot.edit_message_reply_markup(
                chat_id, message_id, reply_markup=question.keyboard
            )
        except BadRequest as exc:
            return read_refusal(exc.message)
        sent = question.outgoing
        if sent and isinstance(changed, telegram.Message) and has_content(sent, changed):
            # It was sent without its buttons, since Telegram had refused them.
            return True
        # It can only be a preview, which gets its button back. Should that fail, it is not asked
        # about again: by then it has the buttons that are asked for.
        question.ruled_out.add(message_id)
        before = ptb.to_keyboard((STOP,)) if sent else None
        await self._bot.edit_message_reply_markup(chat_id, message_id, reply_markup=before)
        return False

    async def _wait_for_limit(self, chat_id: int) -> None:
        # Nearly all questions are refused before anything is edited, so they count as hints do.
        while (wait := self._rate_limiter.wait_seconds(chat_id, "hint")) > 0:
            await self._sleep(wait)
        self._rate_limiter.spend(chat_id, "hint")
