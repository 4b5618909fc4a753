"""What a person asked to be remembered: recognising it, its limit, and how a model is told.

Pure.
"""

import re
from collections.abc import Sequence

# For all facts of a person together. They are read with every new conversation.
MAX_CHARACTERS = 1500
HEADING = "What the user has asked you to remember:"

_ASKS = re.compile(
    r"\s*(?:(?:please|bitte|per favore|por favor|s'il te plaît|s'il vous plaît),?\s+)?"
    r"(?:remember that|merke? dir,? (?:bitte,? )?dass|merken sie sich,? (?:bitte,? )?dass"
    r"|(?:ricorda|ricordati|ricordi) che|(?:recuerda|recuerde) que"
    r"|(?:souviens-toi|souvenez-vous|retiens|retenez|rappelle-toi) qu(?:e\s|['’]))"
    r"\s*(?P<fact>\S.*)",
    re.IGNORECASE | re.DOTALL,
)


def find_fact(text: str) -> str:
    """Return the fact in "remember that …"; "" if it is something else, such as a question."""
    match = _ASKS.fullmatch(text)
    if match is None or "?" in text or "？" in text:
        return ""
    fact = tidy(match["fact"])
    # "Remember that!" says nothing to remember.
    return fact if " " in fact else ""


def tidy(text: str) -> str:
    """Write a fact in one line."""
    return " ".join(text.split())


def add_facts(system: str, facts: Sequence[str]) -> str:
    """Return the system prompt with a person's facts behind it."""
    if not facts:
        return system
    lines = "\n".join(f"{number}. {fact}" for number, fact in enumerate(facts, start=1))
    return f"{system.rstrip()}\n\n{HEADING}\n{lines}"
