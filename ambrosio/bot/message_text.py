"""What a message says, as text for a model: also hidden addresses, forwards, polls and the like.

Pure: works on the raw JSON of the Bot API, where any field may be missing.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..core.attachments import Attachment, MediaKind, PhotoSize

RawMessage = Mapping[str, Any]

MAX_NAME_CHARACTERS = 64
MAX_FILE_NAME = 128
# Of an animation Telegram sends a copy as a document, too.
MEDIA = tuple(MediaKind)
FOREIGN_MEDIA = (MediaKind.PHOTO, MediaKind.AUDIO, MediaKind.VIDEO, MediaKind.DOCUMENT)


def own_text(message: RawMessage) -> str:
    """Return a message's words with the addresses behind them, or what was sent in place of words.

    Without what it replies to or where it was forwarded from.
    """
    text = str(message.get("text") or message.get("caption") or "")
    entities = message.get("entities") or message.get("caption_entities") or ()
    words = clean(with_links(text, entities))
    lines = [words] if words.strip() else [thing_line(message)]
    if "forward_origin" in message:
        lines += _button_links(message)
    return "\n".join(line for line in lines if line)


def is_from_outside(message: RawMessage) -> bool:
    """Say whether a message holds what its sender did not write: a forward, a file, a picture.

    What was spoken or filmed in the chat itself is the sender's own.
    """
    marks = (
        *("forward_origin", "via_bot", "external_reply", "reply_to_story"),
        *("contact", "poll", "game", "invoice"),
    )
    return any(message.get(mark) for mark in (*marks, *FOREIGN_MEDIA))


def with_links(text: str, entities: Any) -> str:
    """Write the address of each link behind its words: `this page (https://…)`."""
    raw = text.encode("utf-16-le", "surrogatepass")
    links = [entity for entity in entities if entity.get("type") == "text_link"]
    for link in sorted(links, key=lambda entity: int(entity["offset"]), reverse=True):
        start, end = (2 * int(link["offset"]), 2 * (int(link["offset"]) + int(link["length"])))
        label = raw[start:end].decode("utf-16-le", "replace")
        # The space behind a label stays behind the address.
        end -= 2 * (len(label) - len(label.rstrip()))
        url = str(link.get("url", ""))
        if url and label.strip().rstrip("/") not in {url.rstrip("/"), ""}:
            raw = raw[:end] + f" ({url})".encode("utf-16-le", "surrogatepass") + raw[end:]
    return raw.decode("utf-16-le", "surrogatepass")


def clean(text: str) -> str:
    """Remove NUL bytes and halves of surrogate pairs, which SQLite does not store."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def quoted(text: str) -> str:
    """Make a Markdown quote of a text."""
    return "\n".join(f"> {line}" for line in text.splitlines())


# --- things in place of words ---------------------------------------------------------------------


def thing_line(message: RawMessage) -> str:
    """Describe a location, a poll and the like in one line; "" if there is none."""
    # A venue has a location as well, so it comes first.
    kind = next((kind for kind in THINGS if message.get(kind)), "")
    return clean(" ".join(THINGS[kind](message[kind]).split())) if kind else ""


def _contact(contact: RawMessage) -> str:
    names = (contact.get("first_name"), contact.get("last_name"))
    name = " ".join(str(part) for part in names if part)
    return f"Contact: {', '.join(filter(None, (name, str(contact.get('phone_number', '')))))}"


def _venue(venue: RawMessage) -> str:
    where = (str(venue.get("title", "")), str(venue.get("address", "")))
    return f"Venue: {', '.join(filter(None, where))} ({_coordinates(venue['location'])})"


def _coordinates(location: RawMessage) -> str:
    return f"{location['latitude']}, {location['longitude']}"


def _poll(poll: RawMessage) -> str:
    """Describe a poll, with the right options of a quiz where Telegram tells them."""
    right = poll.get("correct_option_ids") or ()
    options = [
        f"{option.get('text', '')}{' (right)' * (number in right)}"
        for number, option in enumerate(poll.get("options", ()))
    ]
    kind = "Quiz" if poll.get("type") == "quiz" else "Poll"
    return f"{kind}: {'; '.join([str(poll.get('question', '')), *options])}"


def _checklist(checklist: RawMessage) -> str:
    tasks = [
        f"{task.get('text', '')}{' (done)' * bool(task.get('completion_date'))}"
        for task in checklist.get("tasks", ())
    ]
    return f"Checklist: {'; '.join([str(checklist.get('title', '')), *tasks])}"


def _titled(kind: str) -> Callable[[RawMessage], str]:
    def describe(thing: RawMessage) -> str:
        said = (str(thing.get("title") or ""), str(thing.get("description") or ""))
        return f"{kind}: {', '.join(filter(None, said))}"

    return describe


THINGS: Mapping[str, Callable[[RawMessage], str]] = {
    "contact": _contact,
    "venue": _venue,
    "location": lambda location: f"Location: {_coordinates(location)}",
    "poll": _poll,
    "checklist": _checklist,
    "game": _titled("Game"),
    "invoice": _titled("Invoice"),
    "dice": lambda dice: f"Dice: {dice.get('emoji', '')} {dice['value']}",
    "sticker": lambda sticker: str(sticker.get("emoji") or "Sticker"),
}


def _button_links(message: RawMessage) -> list[str]:
    """List the addresses behind the buttons of a forwarded message."""
    rows = (message.get("reply_markup") or {}).get("inline_keyboard") or ()
    return [
        clean(f"{button.get('text', '')} ({button['url']})")
        for row in rows
        for button in row
        if button.get("url")
    ]


# --- who said it ----------------------------------------------------------------------------------


def origin_name(origin: RawMessage) -> str:
    """Name who a forwarded or quoted message is from."""
    chat = origin.get("sender_chat") or origin.get("chat") or {}
    user = origin.get("sender_user") or {}
    name = origin.get("sender_user_name") or chat.get("title") or person_name(user)
    return one_line(str(name)) or "someone"


def person_name(user: RawMessage) -> str:
    """Return the name of a user as it is shown."""
    parts = (user.get("first_name"), user.get("last_name"))
    return one_line(" ".join(str(part) for part in parts if part))


def one_line(name: str) -> str:
    """Make a name safe to stand before a colon."""
    return clean(" ".join(name.split()))[:MAX_NAME_CHARACTERS].strip()


# --- files ----------------------------------------------------------------------------------------


def attachments(message: RawMessage) -> tuple[Attachment, ...]:
    """List the files of a message; a sticker that moves is only its emoji."""
    moves = message.get("sticker") or {}
    if message.get("animation") or moves.get("is_animated") or moves.get("is_video"):
        return ()
    kind = next((kind for kind in MEDIA if message.get(kind)), None)
    if kind is None:
        return ()
    media = message[kind]
    sizes: tuple[PhotoSize, ...] = ()
    if kind is MediaKind.PHOTO:
        sizes = tuple(_photo_size(size) for size in media)
        media = max(media, key=lambda size: (size.get("width", 0), size.get("file_size", 0)))
    side = int(media.get("length") or 0)
    return (
        Attachment(
            kind=kind,
            file_id=str(media.get("file_id", "")),
            unique_id=str(media.get("file_unique_id", "")),
            size=int(media.get("file_size") or 0),
            duration_seconds=int(media.get("duration") or 0),
            width=int(media.get("width") or side),
            height=int(media.get("height") or side),
            file_name=_file_name(str(media.get("file_name") or "")),
            mime_type=str(media.get("mime_type") or ""),
            sizes=sizes,
        ),
    )


def _file_name(name: str) -> str:
    """Return the last part of a file's name, in one line without invisible signs."""
    last = re.split(r"[/\\]", name)[-1]
    seen = clean("".join(sign for sign in last if sign.isprintable()))
    # The suffix says what kind of text it is.
    return seen if len(seen) <= MAX_FILE_NAME else f"{seen[: MAX_FILE_NAME - 20]}…{seen[-19:]}"


def _photo_size(size: RawMessage) -> PhotoSize:
    return PhotoSize(
        file_id=str(size.get("file_id", "")),
        width=int(size.get("width") or 0),
        height=int(size.get("height") or 0),
        size=int(size.get("file_size") or 0),
    )


# --- comparing ------------------------------------------------------------------------------------


def digest(message: RawMessage) -> str:
    """Return a digest of what a message says to us, to tell an edit from a mere reaction.

    Its words, the addresses behind them and its file count. A location does not: a live one moves.
    """
    entities = message.get("entities") or message.get("caption_entities") or ()
    links = [
        (entity.get("offset"), entity.get("length"), entity.get("url"))
        for entity in entities
        if entity.get("type") == "text_link"
    ]
    files = [attachment.unique_id for attachment in attachments(message)]
    said = [message.get("text"), message.get("caption"), links, files]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
