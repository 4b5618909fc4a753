"""Telegram's rules for texts and entities: what it cleans up, and what it refuses.

The rules were measured with TDLib. Overlapping entities are not repaired.
"""

import re
from collections.abc import Container

from .. import Json
from .errors import bad
from .links import find_entities

MAX_ENTITIES = 100
# If there are too many entities, these are dropped first.
BLOCK_LIKE = ("blockquote", "expandable_blockquote", "code", "pre", "text_link")
PLAIN = ("bold", "italic", "underline", "strikethrough", "spoiler", "text_mention", "custom_emoji")
# The server finds these in the text itself; sending them is allowed but has no effect.
AUTOMATIC = ("mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number")
ENTITY_TYPES = {*BLOCK_LIKE, *PLAIN, *AUTOMATIC, "date_time"}
WHITESPACE = " \t\n"

_HOST = re.compile(r"[^\s:/?#@.]+(\.[^\s:/?#@.]+)+\.?(:\d{1,5})?")


def utf16_len(text: str) -> int:
    """Return the length in UTF-16 units, as Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def add_links(text: str, entities: list[Json]) -> list[Json]:
    """Add the entities found in the text, except inside code and other links."""
    taken = [
        entity for entity in entities if entity["type"] in {"code", "pre", "text_link", *AUTOMATIC}
    ]
    return entities + [
        found for found in find_entities(text) if not any(_overlap(found, old) for old in taken)
    ]


def _overlap(one: Json, other: Json) -> bool:
    ends = one["offset"] + one["length"], other["offset"] + other["length"]
    return bool(one["offset"] < ends[1] and other["offset"] < ends[0])


def tidy(text: str, entities: list[Json], known: Container[int] = ()) -> tuple[str, list[Json]]:
    """Clean and trim the text and shift its entities, or raise `BotApiError` for a wrong one."""
    chars = [_clean_char(char) for char in text]
    shown = [i for i, char in enumerate(chars) if char and char not in WHITESPACE]
    first, last = (shown[0], shown[-1]) if shown else (len(chars), -1)
    moved, old, new = {0: 0}, 0, 0
    for i, char in enumerate(text):
        if not first <= i <= last:
            chars[i] = ""
        old += utf16_len(char)
        new += utf16_len(chars[i])
        moved[old] = new
    shifted = [_move_entity(entity, moved, old, known) for entity in entities]
    result = "".join(chars)
    kept = [
        entity for entity in shifted if entity and covered_text(result, entity).strip(WHITESPACE)
    ]
    return result, sorted(kept, key=lambda entity: (entity["offset"], -entity["length"]))


def cap_entities(entities: list[Json]) -> list[Json]:
    """Return the entities that fit into a message; Telegram drops the rest silently."""
    if len(entities) <= MAX_ENTITIES:
        return entities
    ranked = sorted(enumerate(entities), key=lambda pair: (pair[1]["type"] in BLOCK_LIKE, pair[0]))
    return [entity for _, entity in sorted(ranked[:MAX_ENTITIES], key=lambda pair: pair[0])]


def split_text(text: str, max_length: int) -> list[str]:
    """Split a text at the maximum length of a message, as Telegram's apps do."""
    done, rest = [], text
    while utf16_len(rest) > max_length:
        size = max_length
        while (excess := utf16_len(rest[:size]) - max_length) > 0:
            # A character takes at most two units, so half the excess never cuts too much.
            size -= (excess + 1) // 2
        done.append(rest[:size])
        rest = rest[size:]
    return [*done, rest]


def covered_text(text: str, entity: Json) -> str:
    """Return the part of the text that the entity covers."""
    raw = text.encode("utf-16-le", "surrogatepass")
    start = entity["offset"] * 2
    return raw[start : start + entity["length"] * 2].decode("utf-16-le", "replace")


def is_valid_link(url: str, known: Container[int] = ()) -> bool:
    """Return whether Telegram accepts the URL as a link."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        scheme, rest = "http", url
    if scheme.lower() == "tg":
        user = re.fullmatch(r"user\?id=(\d+)", rest)
        return user is None or int(user.group(1)) in known
    if scheme.lower() not in {"http", "https"}:
        return False
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return _HOST.fullmatch(authority) is not None


def _clean_char(char: str) -> str:
    if char == "\r" or "\u2028" <= char <= "\u202e":
        return ""
    if char < " " and char not in WHITESPACE:
        return " "
    if "\ud800" <= char <= "\udfff":
        raise bad("strings must be encoded in UTF-8")
    return char


def _move_entity(
    entity: Json, moved: dict[int, int], end: int, known: Container[int]
) -> Json | None:
    start, stop = entity["offset"], entity["offset"] + entity["length"]
    if start < 0 or entity["length"] < 0:
        raise bad("entity has a negative offset or length")
    if start > end:
        raise bad(f"entity begins after the end of the text at UTF-16 offset {start}")
    if stop > end:
        raise bad(
            f"entity beginning at UTF-16 offset {start} "
            f"ends after the end of the text at UTF-16 offset {stop}"
        )
    for place, verb in ((start, "begins"), (stop, "ends")):
        if place not in moved:
            raise bad(f"entity {verb} in a middle of a UTF-16 symbol at byte offset {place}")
    if entity["type"] == "text_link" and not is_valid_link(str(entity.get("url", "")), known):
        raise bad("wrong HTTP URL specified")
    length = moved[stop] - moved[start]
    return {**entity, "offset": moved[start], "length": length} if length else None
