"""Parsing an update into one of our own types.

The one place that reads Telegram's objects. An update that cannot be parsed gives None; a kind of
message that the bot does not handle gives `Unsupported`.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import telegram

from ..core import texts
from ..core.attachments import Attachment
from ..core.vv import split_vv
from . import message_text
from .message_parts import MAX_UNITS, SPLIT_UNITS
from .message_text import RawMessage


@dataclass(frozen=True, slots=True)
class UserQuestion:
    """A question, whether it came in one message or in several.

    `quote` is what it replies to, `is_partial_quote` if the user chose a part; `attachments` are
    the files of all its messages, `replied_attachments` those of the message it replies to.
    `speaker` is the user's name, `language` the code of their app's language, and `unseen` says
    what of the question does not reach the model. It is `from_outside` if it holds what others have
    said.
    """

    user_id: int
    text: str
    concise: bool = False
    edited: bool = False
    reply_to_id: int | None = None
    quote: str = ""
    is_partial_quote: bool = False
    attachments: tuple[Attachment, ...] = ()
    speaker: str = ""
    unseen: str = ""
    from_outside: bool = False
    replied_attachments: tuple[Attachment, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class UserCommand:
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


ParsedUpdate = UserQuestion | UserCommand | ButtonPress | StopPressed | Unsupported | Ignored

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
    "video_chat_scheduled",
    "video_chat_started",
    "video_chat_ended",
    "video_chat_participants_invited",
    "proximity_alert_triggered",
    "boost_added",
    "checklist_tasks_done",
    "checklist_tasks_added",
    "giveaway_created",
    "giveaway_completed",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "direct_message_price_changed",
    "paid_message_price_changed",
)


def parse_update(
    update: dict[str, Any], bot: telegram.Bot, username: str, *, people: Collection[int] = ()
) -> ParsedUpdate | None:
    """Parse an update that `access` has let through; None if it cannot be parsed."""
    return parse_together([update], bot, username, people=people)


def parse_together(
    updates: Sequence[dict[str, Any]],
    bot: telegram.Bot,
    username: str,
    *,
    people: Collection[int] = (),
    edited: bool = False,
) -> ParsedUpdate | None:
    """Parse the updates that are one message of a user; None if none of them can be parsed.

    Args:
        updates: in order; an `edited_message` among several stands for the message it replaces.
        bot: the bot that they are for.
        username: its name.
        people: the users who talk to the bot; what they said elsewhere may be private.
        edited: whether the message as a whole was edited.
    """
    readable = [update for update in updates if _is_readable(update, bot)]
    if not readable:
        return None
    first = readable[0]
    if query := first.get("callback_query"):
        return ButtonPress(int(query["from"]["id"]), str(query["id"]), query.get("data") or "")
    if stopped := first.get("stopped_message_generation"):
        return StopPressed(int(stopped.get("draft_id", 0)))
    messages = [update.get("message") or update.get("edited_message") for update in readable]
    if None in messages:
        return Ignored()
    edited = edited or (len(updates) == 1 and "message" not in first)
    reader = _Reader(username, frozenset({*people, bot_id(bot)}), edited=edited)
    try:
        return reader.read([message for message in messages if message])
    except (TypeError, KeyError, ValueError, AttributeError):
        return None


def bot_id(bot: telegram.Bot) -> int:
    """Return the bot's id, which its token begins with."""
    return int(re.match(r"\d*", bot.token)[0] or 0)  # type: ignore[index]  # it always matches


def _is_readable(update: dict[str, Any], bot: telegram.Bot) -> bool:
    try:
        telegram.Update.de_json(update, bot)
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the messages that are one; `insiders` are the bot and its people."""

    username: str
    insiders: frozenset[int]
    edited: bool

    def read(self, messages: Sequence[RawMessage]) -> ParsedUpdate:
        first = messages[0]
        for kind in ("animation", "story", "paid_media"):
            # Of these there is no file that the model could be given.
            if first.get(kind):
                return Ignored() if self.edited else Unsupported(texts.UNSUPPORTED_KINDS[kind])
        files = tuple(file for message in messages for file in message_text.attachments(message))
        concise, words = self._words(messages)
        if not words.strip() and not files and not concise:
            known = any(first.get(kind) for kind in SERVICE_MESSAGES)
            return Ignored() if known or self.edited else Unsupported(texts.UNSUPPORTED)
        if self.edited and not (first.get("text") or first.get("caption")):
            # A live location moves, a poll gets votes.
            return Ignored()
        if not files and (command := self._command(messages)):
            return command
        return self._question(messages, words, files, concise=concise)

    def _question(
        self,
        messages: Sequence[RawMessage],
        words: str,
        files: tuple[Attachment, ...],
        *,
        concise: bool,
    ) -> UserQuestion:
        replying = _replying(messages)
        context, unseen = self._elsewhere(replying)
        sender = messages[0].get("from") or {}
        return UserQuestion(
            user_id=int(sender.get("id", 0)),
            text=f"{context}\n\n{words}" if context else words,
            concise=concise,
            edited=self.edited,
            reply_to_id=_reply_to_id(replying),
            quote=message_text.quoted(_replied(replying)),
            is_partial_quote="quote" in replying,
            attachments=files,
            speaker=message_text.person_name(sender),
            unseen=unseen,
            replied_attachments=message_text.attachments(replying.get("reply_to_message") or {}),
            language=str(sender.get("language_code") or ""),
            from_outside=bool(context) or any(map(self._is_from_outside, messages)),
        )

    def _command(self, messages: Sequence[RawMessage]) -> ParsedUpdate | None:
        """Return the command that the messages are, if they are one."""
        first = messages[0]
        text = self._joined([(first, message_text.own_text(first)), *self._own(messages[1:])])
        found = re.match(r"/(\w+)(?:@(\w+))?(?:\s+|$)", text)
        if not found or not str(first.get("text", "")).startswith("/"):
            return None
        if found[2] and found[2].lower() != self.username.lower():
            return Unsupported(texts.COMMAND_OF_ANOTHER.format(name=found[1], username=found[2]))
        quote = _replied(first) or self._quote_elsewhere(first)
        return UserCommand(
            user_id=int((first.get("from") or {}).get("id", 0)),
            name=found[1].lower(),
            args=text[found.end() :].strip(),
            reply_to_id=_reply_to_id(first),
            quote=quote,
        )

    # --- words ------------------------------------------------------------------------------------

    def _words(self, messages: Sequence[RawMessage]) -> tuple[bool, str]:
        """Return the words of all messages, and whether the person's own begin with "vv"."""
        concise = False
        said: list[tuple[RawMessage, str]] = []
        own = [message for message in messages if "forward_origin" not in message]
        asking = next((message for message in own if _has_words(message)), messages[0])
        for message, text in self._own(messages):
            if message is asking:
                concise, text = split_vv(text)  # noqa: PLW2901
            said.append((message, _with_origin(message, text)))
        return concise, self._joined(said)

    def _own(self, messages: Sequence[RawMessage]) -> list[tuple[RawMessage, str]]:
        return [(message, self._without_mention(message)) for message in messages]

    def _without_mention(self, message: RawMessage) -> str:
        text = message_text.own_text(message)
        if message["chat"]["type"] == telegram.constants.ChatType.PRIVATE:
            return text
        pattern = rf"\s*@{re.escape(self.username)}(?!\w)"
        return re.sub(pattern, "", text, flags=re.IGNORECASE).strip()

    def _joined(self, said: Sequence[tuple[RawMessage, str]]) -> str:
        """Join texts as they were before they were sent in several messages."""
        text, gap = "", ""
        for message, part in said:
            if part:
                text += f"{gap}{part}" if text else part
                gap = _gap_after(message)
        return text

    def _is_from_outside(self, message: RawMessage) -> bool:
        """Say whether a message, or what it replies to, holds what its sender did not write."""
        if message_text.is_from_outside(message):
            return True
        if not (replied := message.get("reply_to_message")):
            return False
        writer, sender = replied.get("from") or {}, message.get("from") or {}
        is_ours = writer.get("id") == sender.get("id") or writer.get("username") == self.username
        return not is_ours or message_text.is_from_outside(replied)

    # --- what it replies to in another chat -------------------------------------------------------

    def _elsewhere(self, message: RawMessage) -> tuple[str, str]:
        """Return what a message replies to outside of the chat, and what of it is not seen."""
        if story := message.get("reply_to_story"):
            name = message_text.origin_name({"chat": story.get("chat")})
            return f"(A reply to a story of {name}, which is not shown here.)", texts.STORY_UNSEEN
        if not (external := message.get("external_reply")):
            return "", ""
        name = message_text.origin_name(external["origin"])
        if quote := self._quote_elsewhere(message):
            return f"{name} wrote in another chat:\n{message_text.quoted(quote)}", ""
        line = f"(A reply to a message of {name} in another chat, which is not shown here.)"
        return line, texts.QUOTE_UNSEEN

    def _quote_elsewhere(self, message: RawMessage) -> str:
        """Return what was quoted from another chat, unless it may be private there.

        What the bot's own people and the bot have said elsewhere stays there: whether it is local
        only is not known here. A hidden sender may be one of them.
        """
        external = message.get("external_reply") or {}
        origin = external.get("origin") or {}
        sender_id = int((origin.get("sender_user") or {}).get("id", 0))
        me = int((message.get("from") or {}).get("id", 0))
        outsider = sender_id and sender_id not in {me, *self.insiders}
        if not (origin.get("type") in {"channel", "chat"} or outsider):
            return ""
        return _quote_text(message) or message_text.thing_line(external)


def _has_words(message: RawMessage) -> bool:
    return bool(message.get("text") or message.get("caption"))


def _with_origin(message: RawMessage, text: str) -> str:
    if "forward_origin" not in message:
        return text
    name = message_text.origin_name(message["forward_origin"])
    return f"Forwarded from {name}:\n{text}".rstrip()


def _gap_after(message: RawMessage) -> str:
    """Return what stood between a message and the next: nothing where Telegram cut a word."""
    units = len(str(message.get("text") or "").encode("utf-16-le", "surrogatepass")) // 2
    if units < SPLIT_UNITS or "forward_origin" in message:
        return "\n\n"
    return "" if units >= MAX_UNITS else "\n"


# --- what it replies to in the chat ---------------------------------------------------------------


def _replying(messages: Sequence[RawMessage]) -> RawMessage:
    """Return the message that replies to something, or the first."""
    replies = ("reply_to_message", "external_reply", "reply_to_story")
    found = (message for message in messages if any(name in message for name in replies))
    return next(found, messages[0])


def _reply_to_id(message: RawMessage) -> int | None:
    replied = message.get("reply_to_message")
    return int(replied["message_id"]) if replied else None


def _replied(message: RawMessage) -> str:
    """Return the text that a message replies to, or the part of it that was quoted."""
    if not (replied := message.get("reply_to_message")):
        return ""
    return _quote_text(message) or message_text.own_text(replied)


def _quote_text(message: RawMessage) -> str:
    quote = message.get("quote") or {}
    entities = quote.get("entities") or ()
    return message_text.clean(message_text.with_links(str(quote.get("text") or ""), entities))
