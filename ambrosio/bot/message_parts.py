"""Which updates are one message of a person, and how long to wait for the rest of it.

Telegram sends an album, a long paste, and a forward with a comment as several messages, without a
mark at the end. They are joined only on evidence, so that ordinary messages wait for nothing. Pure:
works on raw updates and moments.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..store import InboxItem

# Apps split a text at 4,096 UTF-16 units or at a space a little before.
MAX_UNITS = 4096
SPLIT_UNITS = MAX_UNITS - 100
# Telegram's dates are whole seconds.
PASTE_SECONDS = 2
FORWARD_SECONDS = 1
# So long after the last part, nothing more is expected.
QUIET_SECONDS = 1.0
# After a start, the rest may still be at Telegram, which delivers it with the first polls.
START_SECONDS = 3.0
MAX_PARTS = 100


@dataclass(frozen=True, slots=True)
class MessagePart:
    """What tells whether a message belongs to the one before it."""

    message_id: int
    user_id: int
    date: int
    album: str
    is_forward: bool
    is_text: bool
    is_command: bool
    is_near_limit: bool
    has_words: bool
    edited: bool

    @property
    def is_comment(self) -> bool:
        """Whether these are the person's own words, and no command."""
        return self.is_text and not self.is_forward and not self.is_command

    @property
    def is_open(self) -> bool:
        """Whether it is a reason to wait for more."""
        forwarded = self.is_forward and not self.is_command
        return bool(self.album) or forwarded or (self.is_near_limit and not self.is_forward)


@dataclass(frozen=True, slots=True)
class JoinedMessage:
    """The updates at the head of a queue that are one message, with the edits of its parts.

    `main` is the position of the one that the question is named after. It is complete when
    the clock has reached `complete_at`.
    """

    items: tuple[InboxItem, ...]
    main: int = 0
    complete_at: float = 0.0

    @property
    def suspect(self) -> bool:
        """Whether it was being worked on when a process died."""
        return any(item.suspect for item in self.items)

    @property
    def failures(self) -> int:
        """How many attempts have failed by its own fault."""
        return max(item.failures for item in self.items)

    def wait_seconds(self, now: float) -> float:
        """Return how long to wait for the rest of it; 0 if it is complete."""
        wait = self.complete_at - now
        # It is longer only if the clock was set back meanwhile.
        return wait if 0 < wait <= START_SECONDS else 0.0


def read_part(update: Mapping[str, Any]) -> MessagePart | None:
    """Read what joining needs; None for what is no message, or cannot be read."""
    try:
        message = update.get("message") or update["edited_message"]
        text = str(message.get("text") or "")
        return MessagePart(
            message_id=int(message["message_id"]),
            user_id=int(message["from"]["id"]),
            date=int(message["date"]),
            album=str(message.get("media_group_id") or ""),
            is_forward="forward_origin" in message,
            is_text=bool(text.strip()),
            is_command=text.startswith("/"),
            is_near_limit=len(text.encode("utf-16-le", "surrogatepass")) // 2 >= SPLIT_UNITS,
            has_words=bool(text.strip() or message.get("caption")),
            edited="message" not in update,
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        return None


def joins(part: MessagePart, following: MessagePart) -> bool:
    """Say whether a message continues the one before it."""
    if part.user_id != following.user_id or following.edited:
        return False
    if part.album and part.album == following.album:
        return True
    seconds = abs(following.date - part.date)
    if part.is_near_limit and not part.is_forward and following.is_text:
        # What looks like a command is where the text was cut: a path, a fraction.
        return seconds <= PASTE_SECONDS and not following.is_forward
    return seconds <= FORWARD_SECONDS and _is_forward_with_comment(part, following)


def _is_forward_with_comment(part: MessagePart, following: MessagePart) -> bool:
    pair = (part, following)
    forwards = [one for one in pair if one.is_forward and not one.is_command]
    return len(forwards) + sum(one.is_comment for one in pair) == len(pair) and bool(forwards)


def first_message(queue: Sequence[InboxItem], *, since: float) -> JoinedMessage:
    """Return the message at the head of a queue that is not empty.

    Args:
        queue: what waits in a lane, oldest first.
        since: when the bot was started.
    """
    head = read_part(json.loads(queue[0].body))
    if head is None or head.edited:
        return JoinedMessage((queue[0],))
    members, edits, ended = _collect(queue, head)
    parts = [part for _, part in members]
    last_item, last = members[-1]
    complete_at = 0.0
    if last.is_open and len(parts) < MAX_PARTS and (last.album or not ended):
        complete_at = last_item.received_at + QUIET_SECONDS
        if last_item.received_at < since:
            complete_at = max(complete_at, since + START_SECONDS)
    items = tuple(item for item, _ in members)
    if len(items) == 1:
        # An edit of a message that stands alone takes its place by itself.
        return JoinedMessage(items, complete_at=complete_at)
    return JoinedMessage((*items, *edits), _main(parts), complete_at)


def _collect(
    queue: Sequence[InboxItem], head: MessagePart
) -> tuple[list[tuple[InboxItem, MessagePart]], list[InboxItem], bool]:
    """Collect the parts of the first message, and the edits of them.

    Also says whether the same person has sent something else behind it.
    """
    members, edits = [(queue[0], head)], []
    ended = False
    for item in queue[1:]:
        part = read_part(json.loads(item.body))
        if part is None or part.user_id != head.user_id:
            continue
        if part.edited:
            if part.message_id in {member.message_id for _, member in members}:
                edits.append(item)
        elif not ended and joins(members[-1][1], part):
            members.append((item, part))
        elif not (part.album and part.album == head.album):
            ended = True
        else:
            members.append((item, part))
    return members, edits, ended


def _main(parts: Sequence[MessagePart]) -> int:
    """Choose the part that can be edited and replied to best: the person's own words."""
    own = [position for position, part in enumerate(parts) if not part.is_forward]
    worded = [position for position in own if parts[position].has_words]
    return next(iter([*worded, *own]), 0)


def continues(item: InboxItem, update: Mapping[str, Any]) -> bool:
    """Say whether an update that has just come belongs to the message being answered."""
    parts = [read_part(json.loads(part.body)) for part in item.parts or (item,)]
    new, last = read_part(update), parts[-1]
    if new is None or last is None:
        return False
    if new.edited:
        return len(parts) > 1 and any(part and part.message_id == new.message_id for part in parts)
    messages = [part for part in parts if part and not part.edited]
    return bool(messages) and joins(messages[-1], new)
