"""What of a long text to show a model that looks for something in it. Pure.

No understanding: the beginning, which says what it is about, and then the paragraphs with the
rarest words of the question, in their order.
"""

import re
from collections import Counter
from collections.abc import Sequence

from .context_window import estimate_tokens

WORD = re.compile(r"\w{3,}")
# A paragraph without end is cut into pieces of so many characters.
MAX_PARAGRAPH_CHARACTERS = 1_200
# This part of the space is for the beginning: a third.
BEGINNING_DIVISOR = 3
LEFT_OUT = "[…]"


def choose_excerpt(text: str, question: str, *, max_tokens: int) -> str:
    """Return the text, or the parts of it that fit and most likely answer a question."""
    if estimate_tokens(text) <= max_tokens:
        return text
    paragraphs = _paragraphs(text)
    sizes = [estimate_tokens(paragraph) for paragraph in paragraphs]
    kept: set[int] = set()
    left = max_tokens - estimate_tokens(LEFT_OUT)
    for position in range(len(paragraphs)):
        if sum(sizes[: position + 1]) > max_tokens // BEGINNING_DIVISOR:
            break
        kept.add(position)
        left -= sizes[position]
    for position in _by_relevance(paragraphs, question):
        if position not in kept and sizes[position] <= left:
            kept.add(position)
            left -= sizes[position]
    return _join(paragraphs, sorted(kept))


def _paragraphs(text: str) -> list[str]:
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        for start in range(0, len(paragraph), MAX_PARAGRAPH_CHARACTERS):
            piece = paragraph[start : start + MAX_PARAGRAPH_CHARACTERS].strip()
            if piece:
                found.append(piece)
    return found


def _by_relevance(paragraphs: Sequence[str], question: str) -> list[int]:
    """Order the paragraphs by the words that they share with the question, rare words first."""
    words = [set(WORD.findall(paragraph.casefold())) for paragraph in paragraphs]
    wanted = set(WORD.findall(question.casefold()))
    count = Counter(word for each in words for word in each & wanted)
    scores = [sum(1 / count[word] for word in each & wanted) for each in words]
    return sorted(range(len(paragraphs)), key=lambda position: -scores[position])


def _join(paragraphs: Sequence[str], positions: Sequence[int]) -> str:
    parts = []
    before = -1
    for position in positions:
        if position != before + 1:
            parts.append(LEFT_OUT)
        parts.append(paragraphs[position])
        before = position
    if before != len(paragraphs) - 1:
        parts.append(LEFT_OUT)
    return "\n\n".join(parts)
