"""The checks: each looks at an answer for one thing and complains in a few words, or does not.

Pure, and without a model: what they cannot see is whether a sentence is true. They were made from
how models really talk, which `tests/test_rice_checks.py` has in a table.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .language import fold, tell
from .phrases import ASSENT, CLAUSE, CLOSING, CODE, INTRODUCTION, NO, NO_AFTER_ALL, UNSURE, YES
from .questions import Expected, Question


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """What an answer has failed: the check's name, and what it found."""

    check: str
    says: str

    def __str__(self) -> str:
        return f"{self.check}: {self.says}"


def examine(question: Question, text: str, *, cut: bool = False) -> tuple[CheckFailure, ...]:
    """Judge an answer by everything that its question asks for."""
    wanted, text = question.expected, text.strip()
    found = [("complete", "it reached its length limit" if cut else "")]
    if question.concise:
        found += _manner(question, text)
    if not wanted.code:
        found.append(("code", code(text)))
    found += [*_length(wanted, text), *_words(wanted, text), *_statements(wanted, text)]
    return tuple(CheckFailure(name, says) for name, says in found if says)


Findings = Iterator[tuple[str, str]]


def _manner(question: Question, text: str) -> Findings:
    yield "introduction", introduction(text, assents=bool(question.expected.says))
    yield "closing", closing(text)
    yield "echo", echo(text, question.words)


def _length(wanted: Expected, text: str) -> Findings:
    if wanted.words is not None:
        yield "words", too_long(text, wanted.words)
    if wanted.least_words is not None:
        yield "least_words", too_short(text, wanted.least_words)


def _words(wanted: Expected, text: str) -> Findings:
    if wanted.one_of:
        yield "one_of", choice(text, wanted.one_of, best=wanted.best)
    for term in wanted.contains:
        yield "contains", missing_term(text, term)
    for term in wanted.lacks:
        yield "lacks", contains_term(text, term)
    if wanted.matches:
        yield "matches", unlike(text, wanted.matches)


def _statements(wanted: Expected, text: str) -> Findings:
    if wanted.says:
        yield "says", verdict(text, wanted.says)
    if wanted.unsure:
        yield "unsure", certain(text)
    if wanted.number is not None:
        yield "number", quantity(text, wanted.number, wanted.unit, within=wanted.within)
    if wanted.language:
        yield "language", foreign(text, wanted.language)


# --- length ---------------------------------------------------------------------------------------

FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)
# Scripts that are written without spaces; two of their characters count as a word.
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")


def plain(text: str) -> str:
    """Take the marks of Markdown away and leave the words, and the code, as they are."""
    text = FENCE.sub("", text)
    text = re.sub(r"(?m)^\s*(?:#{1,6}(?=\s)|>|[-*+](?=\s))\s*", "", text)
    return re.sub(r"\*\*|__|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)|`", "", text).strip()


def count(text: str) -> int:
    """Count the words of an answer; what has neither letter nor digit is none."""
    bare = plain(text)
    spaced = [word for word in UNSPACED.sub(" ", bare).split() if re.search(r"\w", word)]
    return len(spaced) + (len(UNSPACED.findall(bare)) + 1) // 2


def too_long(text: str, most: int) -> str:
    """Complain of more words than were wanted."""
    words = count(text)
    return f"{words} words, at most {most} wanted" if words > most else ""


def too_short(text: str, least: int) -> str:
    """Complain of an answer that says less than the question deserves."""
    words = count(text)
    return f"only {words} words, at least {least} wanted" if words < least else ""


# --- manner ---------------------------------------------------------------------------------------


def introduction(text: str, *, assents: bool = False) -> str:
    """Complain of words before the answer; where it `assents`, "Certainly, …" is the answer."""
    said = fold(plain(text))
    found = INTRODUCTION.match(said) or (None if assents else ASSENT.match(said))
    return f"begins with “{found[0].strip()}”" if found else ""


def closing(text: str) -> str:
    """Complain of a summary, a wish or an offer behind the answer."""
    # The first sentence is the answer or an introduction; neither closes anything.
    for sentence in _sentences(plain(text))[1:]:
        if CLOSING.match(fold(sentence)):
            return f"closes with “{sentence[:60]}”"
    return ""


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?…])\s+|\n+", text) if re.search(r"\w", part)]


def echo(text: str, question: str) -> str:
    """Complain of an answer that begins by saying the question again."""
    asked, said = _bare(question), _bare(plain(text))
    # Of a question of two words, an answer can hardly help repeating some.
    repeated = len(asked.split()) >= 4 and said.startswith(asked)
    return "repeats the question" if repeated else ""


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", fold(text)))


def code(text: str) -> str:
    """Complain of code that nobody has asked for."""
    return "code that was not asked for" if CODE.search(text) else ""


# --- content --------------------------------------------------------------------------------------


def _names(text: str, term: str) -> bool:
    """Say whether one of the alternatives in a term stands in the text, as a word of its own."""
    said = fold(plain(text))
    return any(re.search(_word(fold(each)), said) for each in term.split("|"))


def _word(term: str) -> str:
    # Scripts without spaces have no borders of words to look for.
    before = r"(?<!\w)" if re.match(r"\w", term) and not UNSPACED.match(term) else ""
    after = r"(?!\w)" if re.search(r"\w$", term) and not UNSPACED.search(term[-1]) else ""
    return before + re.escape(term) + after


def missing_term(text: str, term: str) -> str:
    """Complain when something that belongs in the answer is not there."""
    return "" if _names(text, term) else f"does not say {_quoted(term)}"


def contains_term(text: str, term: str) -> str:
    """Complain when something is there that does not belong."""
    return f"says {_quoted(term)}" if _names(text, term) else ""


def _quoted(term: str) -> str:
    first, *others = term.split("|")
    return f"“{first}” or the like" if others else f"“{first}”"


def unlike(text: str, pattern: str) -> str:
    """Complain when a pattern is nowhere in the answer, code included."""
    bare = FENCE.sub("", text)
    return "" if re.search(pattern, bare, re.IGNORECASE) else f"nothing in it is like {pattern}"


def choice(text: str, options: tuple[str, ...], *, best: str = "") -> str:
    """Complain unless the answer decides: the first clause that names an option names only one.

    Where one of them is `best`, it must be that one.
    """
    said = fold(re.sub(r"\n+", ". ", plain(text)))
    for clause in CLAUSE.split(said):
        named = [option for option in options if _names(clause, option)]
        if len(named) == 1:
            wrong = best and not _names(clause, best)
            return f"chooses {named[0].split('|')[0]}" if wrong else ""
        if named:
            return "names " + " and ".join(option.split("|")[0] for option in named)
    return "names none of the options"


def verdict(text: str, wanted: str) -> str:
    """Complain unless the answer begins with the right one of yes and no."""
    opening = " ".join(fold(plain(text)).split()[:4])
    no, yes = NO.search(opening), YES.search(opening)
    said = "no" if no else "yes" if yes else ""
    # "No, that is true" and "Yes, it is not": whichever comes first.
    if no and yes and yes.start() < no.start() and not NO_AFTER_ALL.match(opening):
        said = "yes"
    if not said:
        return "says neither yes nor no"
    return "" if said == wanted else f"says {said}, and {wanted} would be right"


def certain(text: str) -> str:
    """Complain of an answer to what nobody can know."""
    return "" if UNSURE.search(fold(plain(text))) else "does not admit that it cannot know"


def foreign(text: str, language: str) -> str:
    """Complain of an answer in another language, where it is long enough to tell."""
    told = tell(plain(text))
    return f"is in another language ({told})" if told and told != language else ""


# --- numbers --------------------------------------------------------------------------------------

FIGURES = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
PARTS = {"½": ".5", "¼": ".25", "¾": ".75", "⅓": ".333", "⅔": ".667"}
NUMBER = r"(?<![\w.])[-−]?(?:\d+ )?\d+/\d+|(?<!\w)[-−]?\d[\d.,']*"


def quantity(text: str, number: float, unit: str = "", *, within: float = 0.02) -> str:
    """Complain unless the number is there, near enough, and with its unit if it has one."""
    said = _digits(plain(text))
    behind = rf"\s*(?:{'|'.join(re.escape(fold(each)) for each in unit.split('|'))})(?!\w)"
    found = [each[1] for each in re.finditer(rf"({NUMBER}){behind if unit else ''}", said)]
    near = abs(number) * within + 1e-9
    if any(abs(value - number) <= near for each in found for value in _readings(each)):
        return ""
    wanted = f"{number:g} {unit.partition('|')[0]}".strip()
    return f"does not say {wanted}" + (f" but {', '.join(found)}" if found else "")


def _digits(text: str) -> str:
    """Write numbers in figures, without spaces that divide thousands."""
    text = re.sub(r"(?<=\d)[\u2009\u202f\u00a0](?=\d{3})", "", text)
    for sign, part in PARTS.items():
        text = re.sub(rf"(?<!\d)\s?{sign}", f" 0{part}", text)
        text = re.sub(rf"(?<=\d)\s?{sign}", part, text)
    said = fold(text)
    for word, value in FIGURES.items():
        said = re.sub(rf"\b{word}\b", str(value), said)
    return said


def _readings(figures: str) -> Iterator[float]:
    """Read a number in every way it may be meant: a comma may divide thousands or the fraction."""
    figures = figures.replace("'", "").replace("−", "-").rstrip(".,")
    if "/" in figures:
        whole, _, fraction = figures.rpartition(" ")
        above, below = fraction.split("/")
        yield float(whole or 0) + float(above) / float(below or 1)
        return
    for form in (figures.replace(",", ""), figures.replace(".", "").replace(",", ".")):
        if re.fullmatch(r"-?\d+(?:\.\d+)?", form):
            yield float(form)
