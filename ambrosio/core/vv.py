"""The vv rule: a question that begins with "vv" gets the shortest possible answer.

* Recognised: the word "vv" at the start, in any case, also followed by punctuation ("Vv: …");
  "vvv" and "vva" are other words. `/vv on` makes every question of a chat one.
* Sent: "vv " and the question, with the rule itself in the system prompt (`prompts/system.txt`).
  Models that ignore their system prompt (`repeat_vv`) also get `VV_REMINDER` after the question.
* How short: the prompt asks for one line, nothing enforces it but a limit of `MAX_CONCISE_TOKENS`
  on the answer. Thinking is turned off where the server can do that.

Pure: does not ask a model and does not look at answers.
"""

import re

# A limit for models that ignore the rule; a concise answer is far shorter.
MAX_CONCISE_TOKENS = 400
# Appended to the question for models that ignore their system prompt.
VV_REMINDER = "\n\n(As concise as possible: only the answer, no introduction, no explanation.)"
# Phones capitalise the first letter, and some people type a colon.
VV_PATTERN = re.compile(r"\s*vv\b[\s:,;.!?–—-]*", re.IGNORECASE)


def split_vv(text: str) -> tuple[bool, str]:
    """Return whether the text begins with "vv", and the text without it."""
    match = VV_PATTERN.match(text)
    return (True, text[match.end() :]) if match else (False, text)


def add_vv(question: str, *, reminder: bool) -> str:
    """Return a question as it is sent under the vv rule, with `VV_REMINDER` if wanted."""
    return f"vv {question}{VV_REMINDER if reminder else ''}"
