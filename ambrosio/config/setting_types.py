"""The types of single settings: how a text becomes a value, and which texts do not."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from ..core.zones import find_zone

MAX_PORT = 65_535


def split_words(value: object) -> object:
    """Split a text at commas and white space; an empty text has no words."""
    if not isinstance(value, str):
        return value
    return re.split(r"[,\s]+", value.strip(", \n\t")) if value.strip() else ()


def check_zone(value: str) -> str:
    """Return the full name of a time zone, or raise `ValueError`."""
    if (zone := find_zone(value)) is None:
        raise ValueError
    return zone


def check_metrics(value: str) -> str:
    """Return the value unless it is neither a port nor a Unix socket: then raise `ValueError`."""
    is_port = re.fullmatch(r"[1-9][0-9]{0,4}", value) and int(value) <= MAX_PORT
    if value and not is_port and not re.fullmatch(r"unix:/\S+", value):
        raise ValueError
    return value


StreamMode = Literal["draft", "edit", "off"]
NameList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_words)]
IdSet = Annotated[frozenset[int], NoDecode, BeforeValidator(split_words)]
ZoneName = Annotated[str, AfterValidator(check_zone)]
MetricsAddress = Annotated[str, AfterValidator(check_metrics)]
