"""What a spoken sentence asks for: a short answer, a command. Pure.

A transcript writes "vv" in many ways, and a command with its slash as a word.
"""

import re
from collections.abc import Collection

from .vv import split_vv

# "VV", "V V", "v. v.", "vee vee", "Vee-vee", "double v": letters as models that listen write them.
SPOKEN_VV = re.compile(
    r"\s*(?:v[\s.,-]*v|vee[\s.,-]*vee|vi[\s-]vi|short answer)(?!\w)[\s:,;.!?–—-]*", re.IGNORECASE
)
SPOKEN_COMMAND = re.compile(r"\s*(?:slash[\s,-]+|/\s*)(\w+)(?!\w)[\s:,;.!?]*", re.IGNORECASE)
END_MARKS = ".!?…"


def split_spoken_vv(text: str) -> tuple[bool, str]:
    """Say whether a spoken question asks for a short answer, and return the question."""
    if found := SPOKEN_VV.match(text):
        return True, text[found.end() :]
    return split_vv(text)


def read_spoken_command(text: str, names: Collection[str]) -> tuple[str, str] | None:
    """Return the command that was spoken and its arguments; None if it is none of `names`."""
    found = SPOKEN_COMMAND.match(text)
    if not found or found[1].lower() not in names:
        return None
    args = text[found.end() :].strip()
    # The full stop of a sentence is not part of a name, a number or "on".
    return found[1].lower(), args.rstrip(END_MARKS)
