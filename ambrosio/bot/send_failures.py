"""What a failed call means for a message, and what is sent instead.

Pure. Telegram has no key that would make it ignore a repetition: only an edit or a deletion can be
repeated at will.
"""

from dataclasses import replace

import httpx
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

from ..core import texts
from ..core.messages import Chat, Delete, FormattedText, Outgoing, OutgoingMessage
from ..markdown import plain
from . import ptb

# A token that is not accepted is tried again after this long.
OWNER_PAUSE_SECONDS = 30.0
# A read timeout leaves open whether Telegram has the message: once more, and never a third time.
MAX_TRIES = 2
# Unless Telegram has said each time that it does not have it.
MAX_TRIES_IF_ABSENT = 4
MAX_TRIES_OF_EDITS = 6
# What is sent instead of a message is not replaced itself.
NOTICES = frozenset((texts.NOT_SENT, texts.MAYBE_SENT))


class SendFailed(Exception):
    """Telegram does not have the message; it can be sent again after `pause_seconds`, if given."""

    def __init__(self, pause_seconds: float | None = None) -> None:
        super().__init__()
        self.pause_seconds = pause_seconds


class SendUncertain(Exception):
    """Telegram may have the message or not."""


class SendRejected(Exception):
    """Telegram will never accept the message; `content` says that the reason is in the message."""

    def __init__(self, reason: str, *, content: bool) -> None:
        super().__init__(reason)
        self.content = content


class ChatMoved(Exception):
    """The group became a supergroup; nothing was sent."""

    def __init__(self, new_chat_id: int) -> None:
        super().__init__()
        self.new_chat_id = new_chat_id


def ways(outgoing: OutgoingMessage, *, open_topic: bool) -> list[OutgoingMessage]:
    """List the ways to send a message, the best first: what is refused is tried in the next.

    An edit becomes a new message, a topic that is gone is left, formatting is given up. Only what
    helps tells which of them it was.
    """
    places = [outgoing] if open_topic else []
    if outgoing.edit_message_id is not None:
        places = [outgoing, *(replace(place, edit_message_id=None) for place in places)]
    if outgoing.chat.topic_id:
        outside = Chat(outgoing.chat.chat_id)
        places.append(replace(outgoing, chat=outside, edit_message_id=None))
    if outgoing.files or outgoing.rich_markdown:
        return places
    new = [place for place in places if place.edit_message_id is None]
    if outgoing.content.entities:
        new = [replace(place, content=FormattedText(outgoing.content.text)) for place in new]
        places += new
    if outgoing.buttons:
        places += [replace(place, buttons=()) for place in new]
    return places


def max_tries(outgoing: Outgoing, *, absent: bool = False) -> int:
    """Return how often a message is sent if its sending is cut off each time.

    It is `absent` if Telegram says that it does not have it; else it stays uncertain.
    """
    if isinstance(outgoing, Delete) or outgoing.edit_message_id is not None:
        return MAX_TRIES_OF_EDITS
    return MAX_TRIES_IF_ABSENT if absent else MAX_TRIES


def notice_instead(outgoing: Outgoing, text: str = texts.NOT_SENT) -> OutgoingMessage | None:
    """Make the line that is sent in place of a message; None if that was such a line."""
    if isinstance(outgoing, Delete) or outgoing.content.text in NOTICES:
        return None
    return OutgoingMessage(
        outgoing.chat, plain(text), silent=outgoing.silent, local_only=outgoing.local_only
    )


def _text(outgoing: Outgoing) -> str:
    if isinstance(outgoing, Delete):
        return ""
    return f"{outgoing.content.text}\n{outgoing.rich_markdown}"


def is_unchanged(outgoing: OutgoingMessage, exc: BadRequest) -> bool:
    """Say whether an edit was refused because it changes nothing."""
    # Only the text tells this refusal from that of a message that is gone.
    return outgoing.edit_message_id is not None and "not modified" in exc.message.lower()


def translate_error(
    exc: TelegramError, outgoing: Outgoing
) -> SendFailed | SendUncertain | SendRejected | ChatMoved:
    """Translate a failure into what it means for the message: not sent, uncertain, or rejected."""
    match exc:
        case ChatMigrated() if exc.new_chat_id != outgoing.chat.chat_id:
            return ChatMoved(exc.new_chat_id)
        case RetryAfter():
            return SendFailed(ptb.retry_after_seconds(exc))
        case BadRequest():
            return SendRejected(ptb.reason(exc, _text(outgoing)), content=True)
        case Forbidden() | ChatMigrated() | EndPointNotFound():
            return SendRejected(ptb.reason(exc), content=False)
        case TimedOut():
            early = isinstance(exc.__cause__, httpx.ConnectTimeout | httpx.PoolTimeout)
            return SendFailed() if early else SendUncertain()
        case NetworkError():
            # A server error has no cause; after a connection that broke midway it is uncertain.
            sure = exc.__cause__ is None or isinstance(exc.__cause__, httpx.ConnectError)
            return SendFailed() if sure else SendUncertain()
        case _ if exc.__cause__ is not None:
            # The response could not be read.
            return SendUncertain()
        case _:
            # The token is not accepted, which only the owner can fix.
            return SendFailed(OWNER_PAUSE_SECONDS)
