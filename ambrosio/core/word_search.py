"""Searching texts for words: which are alike, which text is best, which passage shows it. Pure.

It compares as the full-text index does: without capitals and accents, and a word also finds what
begins with it. The index finds the candidates; this ranks them, since ranking by the index costs a
look at every turn of everybody.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

WORD = re.compile(r"\w+")
# Of what is searched for; more words find nothing more.
MAX_TERMS = 16
# So short words are whole ones, since nearly every text has a word that begins with them.
MAX_WHOLE_CHARACTERS = 2
# From here on, characters are words or syllables, and words are written without spaces between.
FIRST_IDEOGRAPH = "\u2e80"
# As in BM25: how soon more of the same word counts no more, and how much a long text is held back.
SATURATION, LENGTH_SHARE = 1.2, 0.75
MAX_COUNT = 20
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Term:
    """A word to search for, as typed and folded; with `whole`, longer words are not meant."""

    word: str
    text: str
    whole: bool = False


def fold(text: str) -> str:
    """Write a text without capitals and accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


def terms_of(words: str) -> list[Term]:
    """Return the words of a search, each once."""
    typed = {fold(word): word for word in words.split() if WORD.search(word)}
    return [Term(word, text, whole=_is_short(text)) for text, word in typed.items()][:MAX_TERMS]


def _is_short(text: str) -> bool:
    return len(text) <= MAX_WHOLE_CHARACTERS and text[0] < FIRST_IDEOGRAPH


def order_by_relevance(
    texts: Sequence[str], terms: Sequence[Term], weights: Sequence[float] = ()
) -> list[int]:
    """Return the positions of the texts that hold a term, best first, equals in their order.

    Args:
        texts: what was found.
        terms: what was searched for.
        weights: how much each term counts; without them, the more the fewer texts hold it.
    """
    counts = [[_count(folded, term) for term in terms] for folded in map(fold, texts)]
    holding = [sum(1 for row in counts if row[number]) for number in range(len(terms))]
    weights = weights or [math.log(1 + len(texts) / max(held, 1)) for held in holding]
    average = sum(map(len, texts)) / max(len(texts), 1) or 1.0
    scores = [
        sum(weight * _saturated(count, len(text) / average) for weight, count in pairs)
        for text, pairs in zip(
            texts, ([*zip(weights, row, strict=True)] for row in counts), strict=True
        )
    ]
    found = [position for position, row in enumerate(counts) if any(row)]
    # A word more or less makes no text better.
    return sorted(found, key=lambda position: -round(scores[position], 1))


def _saturated(count: int, relative_length: float) -> float:
    slowed = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * relative_length)
    return count * (SATURATION + 1) / (count + slowed)


def _count(folded: str, term: Term) -> int:
    """Count the words that are a term or begin with it, up to a limit."""
    count, at = 0, folded.find(term.text)
    while at >= 0 and count < MAX_COUNT:
        end = at + len(term.text)
        starts = at == 0 or not folded[at - 1].isalnum()
        count += starts and not (term.whole and folded[end : end + 1].isalnum())
        at = folded.find(term.text, end)
    return count


def choose_passage(texts: Sequence[str], terms: Sequence[Term], max_words: int) -> str:
    """Return the passage with the most of the terms, of one of these texts."""
    passages = [_best_window(text, terms, max_words) for text in texts]
    return max(passages, key=lambda passage: passage[0])[1]


def _best_window(text: str, terms: Sequence[Term], max_words: int) -> tuple[int, str]:
    """Return how many terms the best passage of a text holds, and the passage."""
    words = [*WORD.finditer(text)]
    held = [_held(word.group(), terms) for word in words]
    hits = [position for position, found in enumerate(held) if found]
    best, first = 0, 0
    for start in hits:
        count = len(frozenset().union(*held[start : start + max_words]))
        if count > best:
            best, first = count, start
    # What stands before the first term is needed to understand it; what is after it, more.
    first = max(0, min(first - max_words // 4, len(words) - max_words))
    last = min(first + max_words, len(words)) - 1
    begin = words[first].start() if first else 0
    end = words[last].end() if last < len(words) - 1 else len(text)
    before, after = f"{ELLIPSIS} " * (begin > 0), f" {ELLIPSIS}" * (end < len(text))
    return best, f"{before}{text[begin:end]}{after}"


def _held(word: str, terms: Sequence[Term]) -> frozenset[Term]:
    folded = _folded_word(word)
    return frozenset(
        term
        for term in terms
        if (folded == term.text if term.whole else folded.startswith(_first_part(term.text)))
    )


@lru_cache(maxsize=1024)
def _folded_word(word: str) -> str:
    return fold(word)


def _first_part(text: str) -> str:
    """Return what a term begins with as a word: "don" of "don't"."""
    found = WORD.search(text)
    return found.group() if found else text
