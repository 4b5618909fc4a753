"""The guard of a concise answer: ends it where the short answer ends.

A small model goes on after its answer, with an explanation or with the next question. The guard
reads the stream piece by piece and says what may be shown, and whether the answer is complete; who
reads the stream then closes it, and the model stops computing. The answer ends

* after the first paragraph, for an ordinary question: at a blank line, or at the end of a sentence
  once the paragraph is very long;
* after the first block of code, where code is asked for;
* after the list, where a list is asked for or the answer is one;
* by itself, where a text is asked for that is long by nature, such as a poem.

It never ends in the middle of a sentence, a number or a block of code, nor after a line that
announces what follows ("For example:"). Pure and incremental.
"""

import re

from .vv import AnswerPlan

FENCE = re.compile(r"\s*(`{3,}|~{3,})")
# A bullet, a number, a row of a table, or a line that begins with a bold label.
ITEM = re.compile(r"\s*(?:[-*+•–]\s|\d{1,3}[.)]\s|[a-z][.)]\s|\||\*\*[^*]+\*\*|☐|✓)")
HEADING = re.compile(r"\s*#{1,6}\s")
# "Python: …", a short label with a value.
LABEL = re.compile(r"\s*[^\s:.!?][^:.!?\n]{0,24}:\s+\S")
INDENTED = re.compile(r"(?:\t| {2,})\S")
CODE_SIGNS = re.compile(r"[=;{}()\[\]<>|$\\]|--?\w")
MATH = re.compile(r"\s*(?:\$\$|\\\[)")
SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]*_]*(?=\s+[^\sa-z])")
CLOSED = re.compile(r"[.!?…。！？][\"'”’»)\]*_`]*$")
# A full stop after one of these ends no sentence; nor does one after a number or a single letter.
ABBREVIATIONS = frozenset(
    [
        "e.g",
        "i.e",
        "etc",
        "vs",
        "dr",
        "mr",
        "mrs",
        "ms",
        "prof",
        "st",
        "no",
        "nr",
        "ca",
        "approx",
        "fig",
        "vol",
        "jr",
        "sr",
        "inc",
        "z.b",
        "d.h",
        "u.a",
        "bzw",
        "usw",
        "evtl",
        "p.ex",
        "p.ej",
        "sra",
        "ecc",
        "bijv",
        "o.a",
        "a.m",
        "p.m",
        "u.s",
        "u.k",
    ]
)
# A line that has become this long shows what it is.
DECIDED_CHARS = 40


class ConciseGuard:
    """Passes on one answer until it is complete.

    Args:
        plan: what the question asks for.
    """

    def __init__(self, plan: AnswerPlan) -> None:
        self.plan = plan
        self.ended = False
        # Read but not passed on: white space, and the line after a blank one until it is known.
        self._held = ""
        self._line = ""
        # Whether the current line is the first after a blank one and not known yet.
        self._undecided = False
        self._block = _Block()

    def feed(self, text: str) -> str:
        """Take the next piece of the answer and return what may be shown of it."""
        shown = []
        for piece in re.split(r"(\n)", text):
            if self.ended:
                break
            if piece:
                shown.append(self._end_line() if piece == "\n" else self._grow(piece))
        return "".join(shown)

    def end(self) -> str:
        """Return what was held back, at the end of a stream that ended by itself."""
        if self.ended or (self._undecided and not self._decide(whole_line=True)):
            return ""
        # White space at the very end is no part of the answer.
        return self._held.rstrip()

    def _grow(self, piece: str) -> str:
        self._line += piece
        self._held += piece
        if self._undecided and not self._decide(whole_line=False):
            return ""
        cut = self._sentence_end()
        if cut is None:
            return self._release()
        self.ended = True
        surplus = len(self._line) - cut
        return self._held[: max(0, len(self._held) - surplus)].rstrip()

    def _decide(self, *, whole_line: bool) -> bool:
        """Say whether the line after a blank one is known to belong to the answer."""
        continues = self._continues(whole_line=whole_line)
        self.ended = continues is False
        if continues:
            self._undecided = False
            self._block = _Block(after=self._block)
        return bool(continues)

    def _release(self) -> str:
        """Pass on what is held, except for white space at its end."""
        if not self._block.has_text:
            # Blank lines before the answer are dropped.
            self._held = self._held.lstrip("\n")
        shown = self._held.rstrip()
        self._held = self._held[len(shown) :]
        return shown

    def _end_line(self) -> str:
        line, shown = self._line, ""
        if line.strip() or self._block.fence:
            if self._undecided and not self._decide(whole_line=True):
                return ""
            self._block.add(line)
            shown = self._release()
            self.ended = self._block.is_whole_code and self.plan.shape != "text"
        else:
            self._end_block()
        self._line = ""
        self._held += "\n"
        return shown

    def _end_block(self) -> None:
        """Decide at a blank line whether the answer is complete."""
        if not self._block.has_text or self._undecided or self.plan.shape == "text":
            return
        if self._block.kind == "code" or not self._may_continue():
            self.ended = True
        else:
            self._undecided = True

    def _may_continue(self) -> bool:
        """Say whether what follows the blank line has to be looked at."""
        block = self._block
        return (
            self.plan.shape != "line"
            or block.kind == "list"
            or block.announces
            or block.is_labelled
            or not CLOSED.search(block.last_line)
        )

    def _continues(self, *, whole_line: bool) -> bool | None:
        """Say whether a line after a blank one belongs to the answer; None if not known yet."""
        block, line = self._block, self._line
        if not line.strip():
            return None
        if block.announces:
            return True
        plain = self.plan.shape == "line" and block.kind == "text" and not block.is_labelled
        if len(line.strip()) < (2 if plain else DECIDED_CHARS) and not whole_line:
            # A single character says little: "1" may become "1. …", and "**" a label.
            return None
        if MATH.match(line) or (not CLOSED.search(block.last_line) and line.lstrip()[0].islower()):
            return True
        if block.kind == "list" or self.plan.shape == "list":
            return _belongs_to_list(line)
        if self.plan.shape == "code":
            return bool(FENCE.match(line)) or (block.is_code_like and _is_code_like(line))
        return block.is_labelled and bool(LABEL.match(line) or ITEM.match(line))

    def _sentence_end(self) -> int | None:
        """Find where a paragraph that has become too long ends, as a position in the line."""
        block = self._block
        if block.kind != "text" or block.fence or self.plan.shape not in {"line", "code"}:
            return None
        if FENCE.match(self._line) or ITEM.match(self._line):
            return None
        for match in SENTENCE_END.finditer(self._line):
            before = self._line[: match.start()]
            words = block.words + len(before.split())
            if words >= self.plan.max_words and not _is_abbreviation(before):
                return match.end()
        return None


class _Block:
    """A paragraph, list or block of code that is being read."""

    def __init__(self, after: "_Block | None" = None) -> None:
        self.kind = "text"
        self.fence = ""
        self.has_text = after is not None
        self.is_whole_code = self.is_code_like = False
        self.last_line = ""
        self.words = 0

    def add(self, line: str) -> None:
        """Add a complete line."""
        fence = FENCE.match(line)
        if self.fence:
            if line.strip().startswith(self.fence) and not line.strip().strip(self.fence[0]):
                self.fence, self.is_whole_code = "", True
        elif fence:
            self.kind, self.fence = "code", fence[1]
        elif ITEM.match(line):
            self.kind = "list"
        self.is_code_like = _is_code_like(line)
        self.last_line = line.strip()
        self.words += len(line.split())
        self.has_text = True

    @property
    def announces(self) -> bool:
        """Whether it says that something follows: "For example:", or a heading."""
        bare = self.last_line.rstrip("*_ ")
        return bare.endswith((":", "：")) or bool(HEADING.match(self.last_line))

    @property
    def is_labelled(self) -> bool:
        """Whether its last line is a label with a value, one of several perhaps."""
        return bool(LABEL.match(self.last_line))


def _belongs_to_list(line: str) -> bool:
    label = line.rstrip().rstrip("*_ ").endswith(":")
    return bool(ITEM.match(line) or INDENTED.match(line) or HEADING.match(line) or label)


def _is_code_like(line: str) -> bool:
    if INDENTED.match(line) or FENCE.match(line):
        return True
    words = line.split()
    capitalised = bool(words) and words[0].rstrip(",").isalpha() and words[0].istitle()
    prose = capitalised and len(words) > 1 and words[1].rstrip(",").isalpha()
    return bool(CODE_SIGNS.search(line)) and not prose


def _is_abbreviation(before: str) -> bool:
    """Say whether the full stop behind a text belongs to its last word, or stands in code."""
    if before.count("`") % 2:
        return True
    word = before.rsplit(maxsplit=1)[-1].lstrip("([\"'“‘*_").casefold() if before.split() else ""
    return word in ABBREVIATIONS or word.isdigit() or (len(word) == 1 and word.isalpha())
