"""Values from a server's JSON, made safe: whatever it sends can be stored and shown. Pure.

A name or a count that is nonsense is no reason to lose the answer beside it.
"""

from collections.abc import Mapping
from typing import Any

# No request to a model has as many tokens; a larger number is nonsense, and would be money.
MAX_TOKENS = 100_000_000
# The longest names of models, with their organisation and quantisation, have about 100.
MAX_NAME_CHARS = 200


def clean_name(value: object) -> str:
    """Read a name: one line without control characters, and with no half of a character."""
    # A gigantic number cannot even be written out.
    text = value if isinstance(value, str) else ""
    whole = text[:MAX_NAME_CHARS].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join("".join(char if char.isprintable() else " " for char in whole).split())


def first_name(value: object) -> str:
    """Read the first name in a list of names, or of objects that have one; "" for what is none."""
    for item in value if isinstance(value, list) else ():
        fields = item if isinstance(item, dict) else {"name": item}
        if found := clean_name(fields.get("name") or fields.get("id") or fields.get("voice_id")):
            return found
    return ""


def token_count(value: object) -> int:
    """Read a number of tokens; 0 for what is none, and less than none would be money back."""
    try:
        count = int(value or 0)  # type: ignore[call-overload]  # whatever it is
    except (TypeError, ValueError, OverflowError):
        return 0
    return count if 0 < count <= MAX_TOKENS else 0


def fields_of(value: object) -> Mapping[str, Any]:
    """Read an object; an empty one for what is none."""
    return value if isinstance(value, dict) else {}
