"""What a question of the rice test wants, in a few words for people. Pure."""

from collections.abc import Iterator

from .questions import Question

LANGUAGE_NAMES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "it": "Italian",
    "es": "Spanish",
    "nl": "Dutch",
}
# In the patterns of questions, which are simple.
WORD_BORDER = r"\b"


def describe_wanted(question: Question) -> str:
    """Say what a good answer is, such as `Lima, in at most 6 words`."""
    content = ", ".join(_content(question))
    length = " and ".join(_length(question))
    if content and length:
        return f"{content}, in {length}"
    return content or length or "a full answer"


def _content(question: Question) -> Iterator[str]:
    if question.best or question.one_of:
        yield " or ".join(map(_first, [question.best] if question.best else question.one_of))
    quoted = [*question.contains, *([] if question.code else [question.matches])]
    yield from (f"“{_first(term)}”" for term in quoted if term)
    if question.number is not None:
        yield f"{question.number:g} {_first(question.unit)}".strip()
    yield from _form(question)
    yield from (f"without “{_first(term)}”" for term in question.lacks)


def _form(question: Question) -> Iterator[str]:
    if question.says:
        yield question.says
    if question.unsure:
        yield "an admission that it cannot know"
    if question.code:
        yield "code"
    if question.language:
        yield f"in {LANGUAGE_NAMES.get(question.language, question.language)}"


def _length(question: Question) -> Iterator[str]:
    if question.max_words is not None:
        yield f"at most {question.max_words} words"
    if question.min_words is not None:
        yield f"at least {question.min_words} words"


def _first(term: str) -> str:
    return term.partition("|")[0].replace(WORD_BORDER, "")
