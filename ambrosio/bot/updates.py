"""Parsing an update into one of our own types.

The one place that reads Telegram's objects. An update that cannot be parsed gives None; a kind of
message that the bot does not handle gives `Unsupported`.
"""

import re
from dataclasses import dataclass
from typing import Any

import telegram

from ..core import texts
from ..core.vv import split_vv


@dataclass(frozen=True, slots=True)
class UserQuestion:
    """A question; `quote` is what it replies to, `is_partial_quote` if the user chose a part."""

    user_id: int
    text: str
    concise: bool = False
    edited: bool = False
    reply_to_id: int | None = None
    quote: str = ""
    is_partial_quote: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command without its slash, its arguments, and what it replies to."""

    user_id: int
    name: str
    args: str
    reply_to_id: int | None = None
    quote: str = ""


@dataclass(frozen=True, slots=True)
class ButtonPress:
    """A button was pressed; `query_id` is what answerCallbackQuery needs."""

    user_id: int
    query_id: str
    data: str


@dataclass(frozen=True, slots=True)
class StopPressed:
    """The native Stop under a draft was pressed."""

    draft_id: int


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A message that the bot does not handle, with the sentence that says so."""

    hint: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """An update that needs no answer."""


ParsedUpdate = UserQuestion | Command | ButtonPress | StopPressed | Unsupported | Ignored

# Something happened in the chat, but no user wrote anything.
SERVICE_MESSAGES = (
    "pinned_message",
    "new_chat_members",
    "left_chat_member",
    "new_chat_title",
    "new_chat_photo",
    "delete_chat_photo",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_closed",
    "forum_topic_reopened",
    "message_auto_delete_timer_changed",
    "write_access_allowed",
    "group_chat_created",
    "supergroup_chat_created",
    "migrate_to_chat_id",
    "migrate_from_chat_id",
    "chat_background_set",
)


def parse_update(update: dict[str, Any], bot: telegram.Bot, username: str) -> ParsedUpdate | None:
    """Parse an update that `access` has let through; None if it cannot be parsed."""
    try:
        parsed = telegram.Update.de_json(update, bot)
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError):
        return None
    if message := parsed.message or parsed.edited_message:
        return _message(message, username, edited=parsed.message is None)
    if query := parsed.callback_query:
        return ButtonPress(query.from_user.id, query.id, query.data or "")
    if stopped := parsed.api_kwargs.get("stopped_message_generation"):
        return StopPressed(int(stopped.get("draft_id", 0)))
    return Ignored()


def _message(message: telegram.Message, username: str, *, edited: bool) -> ParsedUpdate:
    # A caption alone does not say what the file holds.
    for kind, hint in texts.UNSUPPORTED_KINDS.items():
        if getattr(message, kind):
            return Ignored() if edited else Unsupported(hint)
    person = message.from_user.id if message.from_user else 0
    replied = message.reply_to_message
    text = _clean(message.text or "")
    if not text.strip():
        known = any(getattr(message, kind, None) for kind in SERVICE_MESSAGES)
        return Ignored() if known or edited else Unsupported(texts.UNSUPPORTED)
    if command := re.match(r"/(\w+)(?:@(\w+))?(?:\s+|$)", text):
        if command[2] and command[2].lower() != username.lower():
            return Unsupported(
                texts.COMMAND_OF_ANOTHER.format(name=command[1], username=command[2])
            )
        return Command(
            user_id=person,
            name=command[1].lower(),
            args=text[command.end() :].strip(),
            reply_to_id=replied.message_id if replied else None,
            quote=_clean(_replied(message)),
        )
    if message.chat.type != telegram.constants.ChatType.PRIVATE:
        text = re.sub(rf"\s*@{re.escape(username)}(?!\w)", "", text, flags=re.IGNORECASE).strip()
    concise, question = split_vv(text)
    return UserQuestion(
        user_id=person,
        text=question,
        concise=concise,
        edited=edited,
        reply_to_id=replied.message_id if replied else None,
        quote=_quote(message),
        is_partial_quote=message.quote is not None,
    )


def _quote(message: telegram.Message) -> str:
    """Return what a message replies to as a Markdown quote."""
    return "\n".join(f"> {line}" for line in _replied(message).splitlines())


def _replied(message: telegram.Message) -> str:
    """Return the text that a message replies to, or the part of it that was quoted.

    Empty if that message is in another chat: whether it is local only is not known here.
    """
    if (replied := message.reply_to_message) is None:
        return ""
    return (message.quote and message.quote.text) or replied.text or replied.caption or ""


def _clean(text: str) -> str:
    """Remove NUL bytes and halves of surrogate pairs, which SQLite does not store."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
