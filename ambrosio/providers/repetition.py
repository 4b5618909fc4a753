"""Stops a model that says the same thing over and over, which small models do without end.

Pure. The rule: a text is a loop if it ends in rounds that are the same, or the same but for numbers
that count up, and there are more of them than anyone would want:

* at least 4 rounds of at most `MAX_ROUND_CHARS`, and `stretch` characters of them in all;
* more (`letterless`) for rules, zeros and empty tables, where a round has no letter; less (`blank`)
  for white space;
* just 4 rounds where a round is long and wordy, as prose is. Not in a code block, where four equal
  blocks are nothing special;
* with numbers that count up, `NUMBERED_ROUNDS` rounds of prose outside a code block. Numbers that
  vary or go down do not count, and data (CSV, JSON, tables, logs) is never a numbered loop;
* more rounds than the question asks for, as in "100 times" or "a 20x30 grid".

It is slow to judge: a loop that is cut late costs a minute, an answer that is cut by mistake is
lost. In a concise answer little is enough. What it gets wrong, over a corpus of both kinds, is
counted in `tests/providers/test_repetition.py`.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

from .wanted_repeats import repeat_factor, wanted_rounds

MAX_ROUND_CHARS = 1_500
# A round is looked for by the last characters of the text.
PROBE_CHARS = 48
# How many earlier places of those characters are tried as the round before.
MAX_PLACES = 12
# A round is long from here on, and wordy with this many different words.
LONG_ROUND_CHARS, LONG_ROUND_WORDS = 200, 12
MIN_ROUNDS, NUMBERED_ROUNDS = 4, 6
MIN_PROSE_WORDS = 3
MIN_LETTER_SHARE = 0.7
# How many steps of a number must be the same; a clock goes from 59 to 0.
MIN_EQUAL_STEPS = 0.75
# The text is searched after so many new characters, or after a part of it, whichever is more: so
# the cost of a long answer stays small.
CHECK_CHARS, CHECK_DIVISOR = 240, 20

DIGITS = re.compile(r"\d+")
WORD = re.compile(r"[^\W\d_]{2,}")
# Scripts without spaces, where a word has about two characters.
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
# Marks of data: of JSON, HTML, tables and code, a list of strings, a date or a time.
DATA = re.compile(r"[|{}<>=;\t\\@_]|[\"'],|0[:/.-]0[:/.-]0|0:0 [AP]M", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<!\d)[.!?…][\"'”»)*]*\s|[。！？]")
# Where an answer is best cut, the best first; ideographic sentences have no space behind them.
BORDER_CHARS = 4
BORDERS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<!\d)[.!?…][\"'”»)*]*\s+|[。！？]"),
    re.compile(r"\s+|[,;]"),
)


@dataclass(frozen=True, slots=True)
class LoopLimits:
    """How many characters of equal rounds make a loop.

    Attributes:
        stretch: as a rule.
        letterless: where no round has a letter.
        blank: where a round is white space.
        long_round: from how many characters on a round of prose is long.
        wanted_rounds: how many rounds the question asks for.
        check_chars: after how many new characters the text is searched again.
    """

    stretch: int = 6_000
    letterless: int = 10_000
    blank: int = 2_000
    long_round: int = LONG_ROUND_CHARS
    wanted_rounds: int = 0
    check_chars: int = CHECK_CHARS

    @classmethod
    def for_question(cls, question: str, *, concise: bool = False) -> "LoopLimits":
        """Return the limits for the answer to a question."""
        limits = cls()
        if concise:
            # A concise answer has no room for more.
            limits = cls(stretch=600, letterless=600, blank=200, long_round=100, check_chars=80)
        factor = repeat_factor(question)
        return replace(
            limits,
            stretch=limits.stretch * factor,
            letterless=limits.letterless * factor,
            long_round=MAX_ROUND_CHARS if factor > 1 else limits.long_round,
            wanted_rounds=wanted_rounds(question),
        )


class LoopGuard:
    """Watches one answer as it grows; `repeated_chars` is more than 0 once it is a loop."""

    def __init__(self, limits: LoopLimits | None = None) -> None:
        self._limits = limits or LoopLimits()
        self._text = self._collapsed = ""
        self._pieces: list[str] = []
        self._new_chars, self._wait_chars = 0, self._limits.check_chars
        # How many characters at the end repeat what came before, and are to be cut.
        self.repeated_chars = 0

    def feed(self, text: str) -> None:
        """Add what has come; searches the text only now and then."""
        if self.repeated_chars:
            self.repeated_chars += len(text)
            return
        self._pieces.append(text)
        self._new_chars += len(text)
        if self._new_chars >= self._wait_chars:
            self._check()

    def _check(self) -> None:
        new = "".join(self._pieces)
        # One number may have come in two pieces.
        collapsed = DIGITS.sub("0", new)
        if self._collapsed.endswith("0") and collapsed.startswith("0"):
            collapsed = collapsed[1:]
        self._text += new
        self._collapsed += collapsed
        self._pieces, self._new_chars = [], 0
        self._wait_chars = max(self._limits.check_chars, len(self._text) // CHECK_DIVISOR)
        end = self._loop_end()
        self.repeated_chars = len(self._text) - end if end else 0

    def _loop_end(self) -> int:
        """Return where the text is to be cut, 0 if it is no loop."""
        round_chars = find_round(self._text)
        if round_chars and self._is_loop(self._text, round_chars):
            return self._cut(self._text, round_chars)
        round_chars = find_round(self._collapsed)
        if not round_chars or not self._is_numbered_loop(round_chars):
            return 0
        end = self._cut(self._collapsed, round_chars)
        return _expand(self._text, end)

    def _is_loop(self, text: str, round_chars: int) -> bool:
        limits, last_round = self._limits, text[-round_chars:]
        if not last_round.strip():
            needed = limits.blank
        elif not any(map(str.isalpha, last_round)):
            needed = limits.letterless
        elif round_chars >= limits.long_round and self._is_wordy(last_round):
            needed = MIN_ROUNDS * round_chars
        else:
            needed = limits.stretch
        return self._has_enough(text, round_chars, needed, MIN_ROUNDS)

    def _is_numbered_loop(self, round_chars: int) -> bool:
        last_round = self._collapsed[-round_chars:]
        numbers = last_round.count("0")
        return (
            numbers > 0
            and self._has_enough(
                self._collapsed, round_chars, self._limits.stretch, NUMBERED_ROUNDS
            )
            and is_prose(last_round)
            and not self._in_code
            and _count_up(self._text, numbers, _repeated_chars(self._collapsed, round_chars))
        )

    def _is_wordy(self, last_round: str) -> bool:
        words = _count_words(last_round)
        return words >= LONG_ROUND_WORDS and is_prose(last_round) and not self._in_code

    @property
    def _in_code(self) -> bool:
        return (self._text.count("```") + self._text.count("~~~")) % 2 == 1

    def _has_enough(self, text: str, round_chars: int, needed: int, min_rounds: int) -> bool:
        wanted = self._limits.wanted_rounds
        # A model may miscount.
        rounds = max(min_rounds, wanted + wanted // 4 + 1 if wanted else 0)
        return _repeated_chars(text, round_chars) + round_chars >= max(needed, rounds * round_chars)

    def _cut(self, text: str, round_chars: int) -> int:
        """Return where the last round to keep ends, at a border if there is one."""
        begin = len(text) - _repeated_chars(text, round_chars) - round_chars
        end = begin + round_chars * max(1, self._limits.wanted_rounds)
        # The round may begin anywhere in a sentence; there is a whole one within the next.
        for border in BORDERS:
            for found in border.finditer(text, max(0, end - BORDER_CHARS), end + round_chars):
                if found.end() >= end:
                    return found.end()
        return end


def find_round(text: str) -> int:
    """Return the length of the rounds that a text ends in, 0 if it does not end in any.

    Of several lengths it is the one with the longest stretch, and the shortest of those: a row of
    zeros is itself made of rounds.
    """
    probe, begin = text[-PROBE_CHARS:], len(text) - PROBE_CHARS
    best = longest = 0
    search_end = len(text) - 1
    for _ in range(MAX_PLACES if begin > 0 else 0):
        place = text.rfind(probe, max(0, begin - MAX_ROUND_CHARS), search_end)
        if place < 0:
            break
        search_end = place + PROBE_CHARS - 1
        round_chars = begin - place
        if text[-round_chars:] != text[-2 * round_chars : -round_chars]:
            continue
        stretch = _repeated_chars(text, round_chars) + round_chars
        if stretch > longest:
            best, longest = round_chars, stretch
        # Within the stretch there are only multiples of this length.
        search_end = min(search_end, begin - stretch + 2 * PROBE_CHARS - 1)
    return best


def is_prose(text: str) -> bool:
    """Whether a round, its numbers collapsed to 0, is language rather than data."""
    around = text * 2
    if DATA.search(around) or _count_words(text) < MIN_PROSE_WORDS:
        return False
    if text.count(",") >= 2 and not SENTENCE_END.search(around):
        # A row of CSV.
        return False
    letters = sum(map(str.isalpha, text))
    marks = sum(not character.isalnum() and not character.isspace() for character in text)
    return letters >= MIN_LETTER_SHARE * (letters + marks)


def _count_words(text: str) -> int:
    """Count the different words."""
    unspaced = len(UNSPACED.findall(text)) // 2
    return unspaced + len({word.lower() for word in WORD.findall(UNSPACED.sub(" ", text))})


def _count_up(text: str, numbers: int, chars: int) -> bool:
    """Whether the numbers of the rounds stay or grow by equal steps, and one of them grows.

    Args:
        text: as it came.
        numbers: how many there are in a round.
        chars: at least how many characters at the end are rounds.
    """
    # The first and the last number may be incomplete.
    found = DIGITS.findall(text[-chars:])[1:-1]
    grows = False
    for place in range(numbers):
        values = [int(value[-15:]) for value in found[place::numbers]]
        steps = Counter(after - before for before, after in pairwise(values))
        ((step, count),) = steps.most_common(1) or ((0, 0),)
        if step < 0 or count < MIN_EQUAL_STEPS * (len(values) - 1):
            return False
        grows = grows or step > 0
    return grows


def _repeated_chars(text: str, round_chars: int) -> int:
    """Count the characters at the end that are the same as one round before them."""
    low, high = 0, len(text) - round_chars
    while low < high:
        middle = (low + high + 1) // 2
        if text[-middle:] == text[-middle - round_chars : -round_chars]:
            low = middle
        else:
            high = middle - 1
    return low


def _expand(text: str, collapsed_end: int) -> int:
    """Return the place in a text of a place in its collapsed form."""
    end, shorter = collapsed_end, 0
    for number in DIGITS.finditer(text):
        if number.start() - shorter >= collapsed_end:
            break
        shorter += len(number[0]) - 1
        end = collapsed_end + shorter
    return end
