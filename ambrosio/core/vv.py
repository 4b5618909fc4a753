"""TODO docstring."""

import re

MAX_CONCISE_TOKENS = 400

# Said behind a vv question to models that are known to pass over their system prompt.
VV_REMINDER = "\n\n(As concise as possible: only the answer, no introduction, no explanation.)"


# --- vv -------------------------------------------------------------------------------------------

VV_PATTERN = re.compile(r"\s*vv\b[\s:,;.!?–—-]*", re.IGNORECASE)


def split_vv(text: str) -> tuple[bool, str]:
    """Tell whether a request begins with "vv", and give it without.

    Phones capitalise, and some people put a colon; "vvv" and "vva" are other words.
    """
    found = VV_PATTERN.match(text)
    return (True, text[found.end() :]) if found else (False, text)
