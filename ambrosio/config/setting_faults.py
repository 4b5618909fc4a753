"""What is wrong with a setting, in the owner's words; pydantic's own are for programmers. Pure."""

from collections.abc import Mapping
from typing import Any

from .provider import INVALID
from .secret_text import UNUSABLE

# Name of the setting, problem, hint.
Fault = tuple[str, str, str]
# The types of our own errors about one setting beside another.
UNKNOWN_PROVIDER, NOT_SET = "ambrosio_unknown_provider", "ambrosio_not_set"
# Their messages are whole; none of them shows the value of a secret.
WORDED = (INVALID, NOT_SET, UNKNOWN_PROVIDER, UNUSABLE)
# Our own words for the types of pydantic's errors that are not about a value.
EXPLANATIONS = {"missing": "is missing", "extra_forbidden": "is not a known key"}


def explain_value(error: Mapping[str, Any]) -> str:
    """Say what is wrong with a setting, with its value unless that is secret."""
    value = error.get("input")
    if error["type"] == INVALID:
        return f"`{value}` {error['msg']}"
    # A secret accepts any text, so no other error has one for a value.
    if error["type"] in WORDED or not isinstance(value, str | int | float):
        return explain(error)
    return f"invalid value `{value}`"


def explain(error: Mapping[str, Any]) -> str:
    """Say what is wrong with a setting, without its value."""
    if error["type"] in WORDED:
        return str(error["msg"])
    return EXPLANATIONS.get(error["type"], "has an invalid value")
