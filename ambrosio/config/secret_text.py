"""What may surround a token or an API key, and what cannot be in one. Pure.

Keys come from files, secret stores and pastes, which add line ends, quotes and invisible signs.
Nothing here shows any part of a secret.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError

# The type of the validation errors whose message is shown without the value.
UNUSABLE = "ambrosio_unusable"
QUOTES = "\"'`´‘’‚“”„«»‹›"
# Telegram promises no length; those of today have 35 characters behind the colon. python-telegram-
# bot takes "/test" behind it for the test servers.
TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]{20,}(/test)?")
# Shorter values in an address are words such as `json`.
MIN_VALUE_CHARACTERS = 16
# The general categories of Unicode that nobody sees: control, format, and kinds of blanks.
UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Zs")


def clean_secret(value: object) -> object:
    """Take off what surrounds a secret by accident, and refuse what cannot be inside one.

    Blanks, line ends, quotes, byte order marks and invisible characters are taken off. Raises
    `PydanticCustomError` for anything inside that no HTTP header could carry.
    """
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str):
        return value
    first = next((index for index, sign in enumerate(text) if not _surrounds(sign)), len(text))
    last = max((index for index, sign in enumerate(text) if not _surrounds(sign)), default=-1)
    text = text[first : last + 1]
    for position, sign in enumerate(text, 1):
        if problem := _unusable(sign):
            raise PydanticCustomError(
                UNUSABLE,
                "has {problem} inside, as character {position} of {length}",
                {"problem": problem, "position": position, "length": len(text)},
            )
    return text


def secrets_in_address(url: str) -> Iterator[str]:
    """Yield the secrets in an address: its password, and long values such as `?api_key=`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.password:
        yield from {parts.password, unquote(parts.password)}
    for _, value in parse_qsl(parts.query):
        if len(value) >= MIN_VALUE_CHARACTERS:
            yield value


def _surrounds(sign: str) -> bool:
    return sign in QUOTES or unicodedata.category(sign) in UNSEEN


def _unusable(sign: str) -> str:
    """Name the kind of a character that cannot be in a secret; "" if it can be."""
    if sign in "\r\n":
        return "a line break"
    if sign.isspace():
        return "a tab" if sign == "\t" else "a blank"
    category = unicodedata.category(sign)
    if category == "Cf":
        return "an invisible character"
    if category == "Cc":
        return "a control character"
    return "" if sign.isascii() else "a character that is not ASCII"


def check_token(value: SecretStr) -> SecretStr:
    """Refuse what does not have the shape of a bot token; an empty one is not set."""
    text = value.get_secret_value()
    if text and not TOKEN.fullmatch(text):
        raise PydanticCustomError(UNUSABLE, "does not look like a bot token")
    return value


Secret = Annotated[SecretStr, BeforeValidator(clean_secret)]
BotToken = Annotated[Secret, AfterValidator(check_token)]
