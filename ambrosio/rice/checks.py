"""The checks: each looks for one fault in an answer and returns it in a few words, or "".

Pure and without a model, so they cannot tell whether a sentence is true. They are based on real
answers, collected in `tests/rice/test_checks.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .language import detect_language, fold
from .phrases import ASSENT, CLAUSE, CLOSING, CODE, INTRODUCTION, NO, NO_AFTER_ALL, UNSURE, YES
from .questions import Question

# The checks of how much is said; the others look at what is said.
LENGTH_CHECKS = frozenset(
    {"complete", "introduction", "closing", "echo", "code", "max_words", "min_words"}
)


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """A check that an answer failed, and what it found."""

    check: str
    message: str

    @property
    def is_about_length(self) -> bool:
        """Whether the answer says too much or too little, not something wrong."""
        return self.check in LENGTH_CHECKS

    def __str__(self) -> str:
        return f"{self.check}: {self.message}"


def check_answer(question: Question, text: str, *, cut: bool = False) -> tuple[CheckFailure, ...]:
    """Run all checks that apply to the question; `cut` says that the length limit was reached."""
    text = text.strip()
    found = [("complete", "reached its length limit" if cut else "")]
    if question.concise:
        found += _check_form(question, text)
    if not question.code:
        found.append(("code", code(text)))
    found += [
        *_check_length(question, text),
        *_check_terms(question, text),
        *_check_statements(question, text),
    ]
    return tuple(CheckFailure(name, message) for name, message in found if message)


# Pairs of a check's name and its message.
Findings = Iterator[tuple[str, str]]


def _check_form(question: Question, text: str) -> Findings:
    yield "introduction", introduction(text, yes_no=bool(question.says))
    yield "closing", closing(text)
    yield "echo", echo(text, question.text)


def _check_length(question: Question, text: str) -> Findings:
    if question.max_words is not None:
        yield "max_words", too_long(text, question.max_words)
    if question.min_words is not None:
        yield "min_words", too_short(text, question.min_words)


def _check_terms(question: Question, text: str) -> Findings:
    if question.one_of:
        yield "one_of", wrong_choice(text, question.one_of, best=question.best)
    for term in question.contains:
        yield "contains", missing_term(text, term)
    for term in question.lacks:
        yield "lacks", contains_term(text, term)
    if question.matches:
        yield "matches", no_match(text, question.matches)


def _check_statements(question: Question, text: str) -> Findings:
    if question.says:
        yield "says", wrong_yes_no(text, question.says)
    if question.unsure:
        yield "unsure", missing_doubt(text)
    if question.number is not None:
        yield "number", wrong_number(text, question.number, question.unit, within=question.within)
    if question.language:
        yield "language", wrong_language(text, question.language)


# --- length ---------------------------------------------------------------------------------------

FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)
# Scripts written without spaces; two of their characters count as a word.
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")


def strip_markdown(text: str) -> str:
    """Remove Markdown syntax and keep the words and the code."""
    text = FENCE.sub("", text)
    text = re.sub(r"(?m)^\s*(?:#{1,6}(?=\s)|>|[-*+](?=\s))\s*", "", text)
    return re.sub(r"\*\*|__|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)|`", "", text).strip()


def count_words(text: str) -> int:
    """Count the words of an answer; a word has a letter or a digit."""
    bare = strip_markdown(text)
    spaced = [word for word in UNSPACED.sub(" ", bare).split() if re.search(r"\w", word)]
    return len(spaced) + (len(UNSPACED.findall(bare)) + 1) // 2


def too_long(text: str, max_words: int) -> str:
    """Find more words than allowed."""
    words = count_words(text)
    return f"{words} words, at most {max_words} wanted" if words > max_words else ""


def too_short(text: str, min_words: int) -> str:
    """Find fewer words than the question needs."""
    words = count_words(text)
    return f"only {words} words, at least {min_words} wanted" if words < min_words else ""


# --- form -----------------------------------------------------------------------------------------


def introduction(text: str, *, yes_no: bool = False) -> str:
    """Find words before the answer; to a `yes_no` question, "Certainly, …" is an answer."""
    folded = fold(strip_markdown(text))
    found = INTRODUCTION.match(folded) or (None if yes_no else ASSENT.match(folded))
    return f"starts with “{found[0].strip()}”" if found else ""


def closing(text: str) -> str:
    """Find a summary, good wishes or an offer after the answer."""
    # The first sentence is the answer or an introduction, never a closing remark.
    for sentence in _sentences(strip_markdown(text))[1:]:
        if CLOSING.match(fold(sentence)):
            return f"closes with “{sentence[:60]}”"
    return ""


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?…])\s+|\n+", text) if re.search(r"\w", part)]


def echo(text: str, question: str) -> str:
    """Find an answer that starts by repeating the question."""
    asked, answered = _words_only(question), _words_only(strip_markdown(text))
    # An answer can hardly avoid repeating a question of two words.
    repeated = len(asked.split()) >= 4 and answered.startswith(asked)
    return "repeats the question" if repeated else ""


def _words_only(text: str) -> str:
    return " ".join(re.findall(r"\w+", fold(text)))


def code(text: str) -> str:
    """Find code that was not asked for."""
    return "contains code that was not asked for" if CODE.search(text) else ""


# --- content --------------------------------------------------------------------------------------


def _mentions(text: str, term: str) -> bool:
    """Whether one of the term's alternatives is in the text, as a whole word."""
    folded = fold(strip_markdown(text))
    return any(re.search(_word_pattern(fold(word)), folded) for word in term.split("|"))


def _word_pattern(term: str) -> str:
    # Scripts without spaces have no word boundaries.
    before = r"(?<!\w)" if re.match(r"\w", term) and not UNSPACED.match(term) else ""
    after = r"(?!\w)" if re.search(r"\w$", term) and not UNSPACED.search(term[-1]) else ""
    return before + re.escape(term) + after


def missing_term(text: str, term: str) -> str:
    """Find that a required term is missing."""
    return "" if _mentions(text, term) else f"does not say {_quote(term)}"


def contains_term(text: str, term: str) -> str:
    """Find a term that must not be in the answer."""
    return f"says {_quote(term)}" if _mentions(text, term) else ""


def _quote(term: str) -> str:
    first, *others = term.split("|")
    return f"“{first}” or similar" if others else f"“{first}”"


def no_match(text: str, pattern: str) -> str:
    """Find that a pattern matches nowhere in the answer, code included."""
    unfenced = FENCE.sub("", text)
    return "" if re.search(pattern, unfenced, re.IGNORECASE) else f"does not match {pattern}"


def wrong_choice(text: str, options: tuple[str, ...], *, best: str = "") -> str:
    """Find an answer that does not choose: the first clause with an option must have only one.

    If one option is `best`, it must be that one.
    """
    folded = fold(re.sub(r"\n+", ". ", strip_markdown(text)))
    for clause in CLAUSE.split(folded):
        named = [option for option in options if _mentions(clause, option)]
        if len(named) == 1:
            wrong = best and not _mentions(clause, best)
            return f"chooses {named[0].split('|')[0]}" if wrong else ""
        if named:
            return "names " + " and ".join(option.split("|")[0] for option in named)
    return "names none of the options"


def wrong_yes_no(text: str, wanted: str) -> str:
    """Find an answer that does not start with the `wanted` one of yes and no."""
    opening = " ".join(fold(strip_markdown(text)).split()[:4])
    no, yes = NO.search(opening), YES.search(opening)
    answer = "no" if no else "yes" if yes else ""
    # In "No, that is true" and "Yes, it is not", the first one counts.
    if no and yes and yes.start() < no.start() and not NO_AFTER_ALL.match(opening):
        answer = "yes"
    if not answer:
        return "says neither yes nor no"
    return "" if answer == wanted else f"says {answer} instead of {wanted}"


def missing_doubt(text: str) -> str:
    """Find a definite answer to a question that has none."""
    return "" if UNSURE.search(fold(strip_markdown(text))) else "does not admit that it cannot know"


def wrong_language(text: str, language: str) -> str:
    """Find an answer in another language, if it is long enough to tell."""
    detected = detect_language(strip_markdown(text))
    return f"is in another language ({detected})" if detected not in {"", language} else ""


# --- numbers --------------------------------------------------------------------------------------

NUMBER_WORDS = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
}
FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75", "⅓": ".333", "⅔": ".667"}
NUMBER = r"(?<![\w.])[-−]?(?:\d+ )?\d+/\d+|(?<!\w)[-−]?\d[\d.,']*"


def wrong_number(text: str, number: float, unit: str = "", *, within: float = 0.02) -> str:
    """Find that the number, or its unit, is missing; `within` is the accepted relative error."""
    units = "|".join(re.escape(fold(name)) for name in unit.split("|"))
    pattern = rf"({NUMBER})\s*(?:{units})(?!\w)" if unit else f"({NUMBER})"
    found = [match[1] for match in re.finditer(pattern, _use_digits(strip_markdown(text)))]
    tolerance = abs(number) * within + 1e-9
    if any(abs(value - number) <= tolerance for digits in found for value in _readings(digits)):
        return ""
    wanted = f"{number:g} {unit.partition('|')[0]}".strip()
    return f"does not say {wanted}" + (f" but {', '.join(found)}" if found else "")


def _use_digits(text: str) -> str:
    """Write numbers in digits, without spaces between thousands."""
    text = re.sub(r"(?<=\d)[\u2009\u202f\u00a0](?=\d{3})", "", text)
    for sign, part in FRACTIONS.items():
        text = re.sub(rf"(?<!\d)\s?{sign}", f" 0{part}", text)
        text = re.sub(rf"(?<=\d)\s?{sign}", part, text)
    folded = fold(text)
    for word, value in NUMBER_WORDS.items():
        folded = re.sub(rf"\b{word}\b", str(value), folded)
    return folded


def _readings(digits: str) -> Iterator[float]:
    """Read a number every way it may be meant: a comma may separate thousands or decimals."""
    digits = digits.replace("'", "").replace("−", "-").rstrip(".,")
    if "/" in digits:
        whole, _, fraction = digits.rpartition(" ")
        above, below = fraction.split("/")
        yield float(whole or 0) + float(above) / float(below or 1)
        return
    for form in (digits.replace(",", ""), digits.replace(".", "").replace(",", ".")):
        if re.fullmatch(r"-?\d+(?:\.\d+)?", form):
            yield float(form)
