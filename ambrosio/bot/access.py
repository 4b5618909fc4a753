"""Who may use the bot: the check that every raw update passes first.

Pure: it stores nothing and answers nothing. Only numeric ids of users and groups count.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.messages import Chat

# The kinds that are asked for; Telegram remembers the list, so it is sent with every getUpdates.
UPDATE_KINDS = (
    "message",
    "edited_message",
    "callback_query",
    "stopped_message_generation",
    "my_chat_member",
)
STOP_COMMANDS = ("/stop", "/cancel")
# Anonymous admins and channels write with the id of a fake user; the others are in foreign chats.
NOT_A_PERSON = ("sender_chat", "business_connection_id", "guest_query_id")


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in, and who the bot is."""

    bot_id: int
    username: str
    owners: frozenset[int]
    guests: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()

    @property
    def people(self) -> frozenset[int]:
        """The users who may use the bot."""
        return self.owners | self.guests


@dataclass(frozen=True, slots=True)
class Admitted:
    """An update of a user who may use the bot; an `urgent` one overtakes those that wait."""

    chat: Chat
    user_id: int
    message_id: int
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class PairingAttempt:
    """A stranger opened a pairing link in a private chat."""

    user_id: int
    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Membership:
    """The bot was added to a group or removed; it is `welcome` if an owner added it."""

    chat_id: int
    title: str
    present: bool
    welcome: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """A group of ours became a supergroup, which has another id."""

    old_chat_id: int
    new_chat_id: int


@dataclass(frozen=True, slots=True)
class AnonymousAdmin:
    """An admin of one of our groups addressed the bot in the group's name, so nobody knows who."""

    chat: Chat
    message_id: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """An update that is counted, never stored and never answered."""

    reason: str


AccessEvent = PairingAttempt | Membership | Moved | AnonymousAdmin
Verdict = Admitted | AccessEvent | Dropped
# A message that may still be a part of one that addresses the bot, and one of an unknown group.
NOT_ADDRESSED = Dropped("not addressed")
FOREIGN_CHAT = Dropped("chat")
RawUpdate = Mapping[str, Any]


def check_access(update: RawUpdate, access: Access) -> Verdict:
    """Check a raw update before anything else sees it.

    Any part may be missing or of the wrong type; such an update is dropped, since it does not say
    reliably who sent it.
    """
    try:
        kind = next((kind for kind in UPDATE_KINDS if kind in update), "")
        body = update[kind] if kind else {}
        match kind:
            case "message" | "edited_message":
                return _message(body, access)
            case "callback_query":
                return _press(body, access)
            case "stopped_message_generation":
                return _stop(body, access)
            case "my_chat_member":
                return _membership(body, access)
            case _:
                return Dropped("kind")
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        return Dropped("unreadable")


def _message(body: RawUpdate, access: Access) -> Verdict:
    sender, chat = body.get("from") or {}, body["chat"]
    text = body.get("text") or body.get("caption") or ""
    if moved := _moved(body, access):
        return moved
    if sender.get("is_bot") or any(name in body for name in NOT_A_PERSON):
        return _not_a_person(body, text, access)
    if int(sender["id"]) not in access.people:
        return _pairing_attempt(sender, chat, text)
    if chat["type"] != "private" and int(chat["id"]) not in access.groups:
        return FOREIGN_CHAT
    if chat["type"] != "private" and not _is_addressed(body, text, access):
        return NOT_ADDRESSED
    command = text.split(maxsplit=1)[0].lower() if text.strip() else ""
    urgent = command.removesuffix("@" + access.username.lower()) in STOP_COMMANDS
    return Admitted(_chat(body), int(sender["id"]), int(body["message_id"]), urgent)


def _moved(body: RawUpdate, access: Access) -> Verdict | None:
    """Recognise the service messages in both groups; either may come first, or alone."""
    chat_id = int(body["chat"]["id"])
    if "migrate_to_chat_id" in body:
        moved = Moved(chat_id, int(body["migrate_to_chat_id"]))
    elif "migrate_from_chat_id" in body:
        moved = Moved(int(body["migrate_from_chat_id"]), chat_id)
    else:
        return None
    return moved if moved.old_chat_id in access.groups else FOREIGN_CHAT


def _not_a_person(body: RawUpdate, text: str, access: Access) -> Verdict:
    chat = body["chat"]
    in_own_name = (body.get("sender_chat") or {}).get("id") == chat["id"]
    if in_own_name and int(chat["id"]) in access.groups and _is_addressed(body, text, access):
        return AnonymousAdmin(_chat(body), int(body["message_id"]))
    return Dropped("not a person")


def admit_part(update: RawUpdate) -> Admitted:
    """Admit a message that does not address the bot, as a part of one that does."""
    body = update["message"]
    return Admitted(_chat(body), int(body["from"]["id"]), int(body["message_id"]))


def _pairing_attempt(sender: RawUpdate, chat: RawUpdate, text: str) -> Verdict:
    opened = re.fullmatch(r"/start(?:@\w+)? ([\w-]{1,64})", text.strip())
    if chat["type"] == "private" and opened:
        return PairingAttempt(int(sender["id"]), str(sender.get("first_name", "")), opened[1])
    return Dropped("stranger")


def _is_addressed(body: RawUpdate, text: str, access: Access) -> bool:
    answered = (body.get("reply_to_message") or {}).get("from") or {}
    named = re.search(rf"(?<!\w)(?:/\w+)?@{re.escape(access.username)}(?!\w)", text, re.IGNORECASE)
    return answered.get("id") == access.bot_id or named is not None


def _press(body: RawUpdate, access: Access) -> Verdict:
    message = body.get("message")
    if not message:
        return Dropped("inline")
    # The user who presses counts, not the author of the message.
    if int(body["from"]["id"]) not in access.people:
        return Dropped("stranger")
    chat = message["chat"]
    if chat["type"] != "private" and int(chat["id"]) not in access.groups:
        return Dropped("chat")
    user_id, message_id = int(body["from"]["id"]), int(message["message_id"])
    return Admitted(_chat(message), user_id, message_id, urgent=True)


def _stop(body: RawUpdate, access: Access) -> Verdict:
    # It names no user; drafts exist only in private chats, whose id is the user's.
    chat_id = int(body["chat"]["id"])
    if chat_id not in access.people:
        return Dropped("stranger")
    chat = Chat(chat_id, int(body.get("message_thread_id") or 0))
    return Admitted(chat, chat_id, 0, urgent=True)


def _membership(body: RawUpdate, access: Access) -> Verdict:
    chat = body["chat"]
    if chat["type"] not in {"group", "supergroup"}:
        return Dropped("kind")
    present = body["new_chat_member"]["status"] in {"member", "administrator", "restricted"}
    welcome = int(body["from"]["id"]) in access.owners or int(chat["id"]) in access.groups
    return Membership(int(chat["id"]), str(chat.get("title", "")), present, welcome)


def _chat(message: RawUpdate) -> Chat:
    # Outside of topics the thread id only names a chain of replies.
    topic = message.get("message_thread_id") if message.get("is_topic_message") else None
    return Chat(int(message["chat"]["id"]), int(topic or 0))
