"""Who may speak to Ambrosio, what counts as a vv question, and who may be asked for what.

Pure: every rule is a function of its arguments. What it covers: an update reaches the inbox only
through `gate`, and a provider is asked only if `permitted` lists it. What it does not: Telegram
itself sees every message, and a local provider is what stands at a private address or what its
owner calls local; where that passes things on to, nobody here can see.
"""

import hmac
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .messages import Place

# The kinds that are asked for; Telegram remembers the list, so it is sent with every getUpdates.
UPDATE_KINDS = (
    "message",
    "edited_message",
    "callback_query",
    "stopped_message_generation",
    "my_chat_member",
)
STOP_COMMANDS = ("/stop", "/cancel")
# Anonymous admins and channels borrow the id of a fake user; the others speak in foreign chats.
NOT_A_PERSON = ("sender_chat", "business_connection_id", "guest_query_id")


# --- the gate -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in, and who the bot is."""

    bot: int
    username: str
    owners: frozenset[int]
    guests: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()

    @property
    def people(self) -> frozenset[int]:
        """Everybody who may speak."""
        return self.owners | self.guests


@dataclass(frozen=True, slots=True)
class Admitted:
    """An update of somebody who may speak; `urgent` ones overtake those that wait."""

    place: Place
    person: int
    message: int
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Knock:
    """A stranger opened a pairing link in a private chat."""

    person: int
    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Membership:
    """The bot was put into a group, or out of it; only an owner makes it `welcome` there."""

    group: int
    title: str
    present: bool
    welcome: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    """Nobody's business: counted, never stored, never answered."""

    reason: str


Verdict = Admitted | Knock | Membership | Dropped
Raw = Mapping[str, Any]


def gate(update: Raw, access: Access) -> Verdict:
    """Judge a raw update before anything else sees it.

    Everything about it may be missing or of the wrong type; such an update is dropped, since
    whoever may speak cannot be told from it.
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
                return _stopped(body, access)
            case "my_chat_member":
                return _membership(body, access)
            case _:
                return Dropped("kind")
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        return Dropped("unreadable")


def _message(body: Raw, access: Access) -> Verdict:
    sender, chat = body.get("from") or {}, body["chat"]
    if sender.get("is_bot") or any(name in body for name in NOT_A_PERSON):
        return Dropped("not a person")
    text = body.get("text") or body.get("caption") or ""
    if int(sender["id"]) not in access.people:
        return _knock(sender, chat, text)
    if chat["type"] != "private" and int(chat["id"]) not in access.groups:
        return Dropped("chat")
    if chat["type"] != "private" and not _addressed(body, text, access):
        return Dropped("not addressed")
    command = text.split(maxsplit=1)[0].lower() if text.strip() else ""
    urgent = command.removesuffix("@" + access.username.lower()) in STOP_COMMANDS
    return Admitted(_place(body), int(sender["id"]), int(body["message_id"]), urgent)


def _knock(sender: Raw, chat: Raw, text: str) -> Verdict:
    opened = re.fullmatch(r"/start(?:@\w+)? ([\w-]{1,64})", text.strip())
    if chat["type"] == "private" and opened:
        return Knock(int(sender["id"]), str(sender.get("first_name", "")), opened[1])
    return Dropped("stranger")


def _addressed(body: Raw, text: str, access: Access) -> bool:
    answered = (body.get("reply_to_message") or {}).get("from") or {}
    named = re.search(rf"(?<!\w)(?:/\w+)?@{re.escape(access.username)}(?!\w)", text, re.IGNORECASE)
    return answered.get("id") == access.bot or named is not None


def _press(body: Raw, access: Access) -> Verdict:
    message = body.get("message")
    if not message:
        return Dropped("inline")
    # Whoever presses is judged, not whose message carries the button.
    if int(body["from"]["id"]) not in access.people:
        return Dropped("stranger")
    chat = message["chat"]
    if chat["type"] != "private" and int(chat["id"]) not in access.groups:
        return Dropped("chat")
    person, number = int(body["from"]["id"]), int(message["message_id"])
    return Admitted(_place(message), person, number, urgent=True)


def _stopped(body: Raw, access: Access) -> Verdict:
    # It names nobody; drafts exist only in private chats, whose id is the person's.
    chat = int(body["chat"]["id"])
    if chat not in access.people:
        return Dropped("stranger")
    place = Place(chat, int(body.get("message_thread_id") or 0))
    return Admitted(place, chat, 0, urgent=True)


def _membership(body: Raw, access: Access) -> Verdict:
    chat = body["chat"]
    if chat["type"] not in {"group", "supergroup"}:
        return Dropped("kind")
    present = body["new_chat_member"]["status"] in {"member", "administrator", "restricted"}
    welcome = int(body["from"]["id"]) in access.owners or int(chat["id"]) in access.groups
    return Membership(int(chat["id"]), str(chat.get("title", "")), present, welcome)


def _place(message: Raw) -> Place:
    # Outside of topics the thread id only names a chain of replies.
    topic = message.get("message_thread_id") if message.get("is_topic_message") else None
    return Place(int(message["chat"]["id"]), int(topic or 0))


# --- pairing --------------------------------------------------------------------------------------

PAIRING_SECONDS = 600
GUESSES_OF_ONE = 5
GUESSES_OF_ALL = 50


@dataclass(slots=True)
class Pairing:
    """A one-time code that lets the first person who opens it in: ten minutes, few guesses."""

    code: str
    opened_at: float
    owner: bool = False
    used: bool = False
    guesses: Counter[int] = field(default_factory=Counter)

    def live(self, *, now: float) -> bool:
        """Say whether it can still be opened."""
        spent = self.guesses.total() >= GUESSES_OF_ALL
        return not self.used and not spent and now < self.opened_at + PAIRING_SECONDS

    def open(self, code: str, *, person: int, now: float) -> bool:
        """Take a guess; True once, for the right code in time."""
        if not self.live(now=now) or self.guesses[person] >= GUESSES_OF_ONE:
            return False
        self.used = hmac.compare_digest(code.encode(), self.code.encode())
        if not self.used:
            self.guesses[person] += 1
        return self.used


# --- vv -------------------------------------------------------------------------------------------

VV = re.compile(r"\s*vv\b[\s:,;.!?–—-]*", re.IGNORECASE)


def split_vv(text: str) -> tuple[bool, str]:
    """Tell whether a request begins with "vv", and give it without.

    Phones capitalise, and some people put a colon; "vvv" and "vva" are other words.
    """
    found = VV.match(text)
    return (True, text[found.end() :]) if found else (False, text)


# --- who may be asked -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules need to know of a provider."""

    name: str
    paid: bool
    local: bool = False
    worst_usd: Decimal = Decimal(0)


def permitted(
    standings: Iterable[Standing], *, private: bool = False, left: Decimal | None
) -> tuple[str, ...]:
    """List who may be asked: what is private stays home, and the others need to be affordable.

    So much money is `left`; None: there is no ceiling. Who is paid is asked only if the worst case
    of this call is covered; zero means zero.
    """
    return tuple(
        each.name
        for each in standings
        if not (private and not each.local) and (not each.paid or _covered(each, left))
    )


def _covered(standing: Standing, left: Decimal | None) -> bool:
    return left is None or (left > 0 and standing.worst_usd <= left)
