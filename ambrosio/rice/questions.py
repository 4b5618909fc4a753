"""The test questions and what their answers are checked for, read from TOML.

Each table of the file is one question; its name is the question's id. The owner may have a file of
their own, whose questions are added to the shipped ones or, with the same id, replace them.
"""

import difflib
import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    PrivateAttr,
    Strict,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from ..config import prompts
from ..config.setting_files import describe_read_error
from ..core.context_window import PastTurn
from ..core.errors import InvalidSettings
from ..core.vv import split_vv
from .language import LANGUAGES

ASK_EXAMPLE = '`ask = "vv capital of Peru?"`'


def _invalid(problem: str, expected: str) -> PydanticCustomError:
    """Make a validation error for `_describe_error`, which reads its two texts."""
    return PydanticCustomError("invalid", "{problem}", {"problem": problem, "expected": expected})


class QuestionBefore(BaseModel):
    """A question and its answer from earlier in the same conversation."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    ask: str
    answer: str


class Question(BaseModel):
    """One question and the checks for its answer; in a string, "|" separates alternatives."""

    # Strict, since TOML has types of its own; only its arrays arrive as lists.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    ask: str
    kind: str = "own"  # its heading in the report
    before: Annotated[tuple[QuestionBefore, ...], Strict(strict=False)] = ()
    quick: bool = False  # part of the short run
    local_only: bool = False  # never sent to a provider outside this machine

    max_words: int | None = None
    min_words: int | None = None
    code: bool = False  # code is asked for
    one_of: Annotated[tuple[str, ...], Strict(strict=False)] = ()
    best: str = ""  # the option of `one_of` that is right, if only one is
    contains: Annotated[tuple[str, ...], Strict(strict=False)] = ()
    lacks: Annotated[tuple[str, ...], Strict(strict=False)] = ()
    matches: str = ""  # a regular expression
    says: Literal["", "yes", "no"] = ""
    unsure: bool = False  # it cannot be known, and the answer must say so
    number: float | None = None
    within: float = 0.02  # the accepted relative error of `number`
    unit: str = ""
    language: str = ""

    _id: str = PrivateAttr(default="")

    def model_post_init(self, context: str | None, /) -> None:
        """Take the id, which is the table's name and not part of it, from the context."""
        self._id = context or ""

    @field_validator("ask")
    @classmethod
    def _check_ask(cls, ask: str) -> str:
        if not split_vv(ask)[1].strip():
            raise _invalid("has no question", ASK_EXAMPLE)
        return ask

    @field_validator("matches")
    @classmethod
    def _check_matches(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as exc:
            problem = f"`matches` is not a valid regular expression: {exc}"
            raise _invalid(problem, "see Python's `re`") from None
        return pattern

    @field_validator("language")
    @classmethod
    def _check_language(cls, code: str) -> str:
        if code and code not in LANGUAGES:
            raise _invalid("`language` is not known", f"one of {', '.join(LANGUAGES)}")
        return code

    @model_validator(mode="after")
    def _check_limit(self) -> Self:
        if self.concise and self.max_words is None:
            raise _invalid("does not say how short a vv answer must be", "`max_words = 6`")
        return self

    @property
    def id(self) -> str:
        """The name of its table in the file."""
        return self._id

    @property
    def concise(self) -> bool:
        """Whether it starts with "vv": the shortest answer is wanted."""
        return split_vv(self.ask)[0]

    @property
    def text(self) -> str:
        """The question without the "vv", as the assistant gets it."""
        return split_vv(self.ask)[1].strip()

    @property
    def history(self) -> tuple[PastTurn, ...]:
        """The earlier questions and answers, as turns of a conversation."""
        return tuple(
            PastTurn(number, split_vv(past.ask)[1], past.answer, split_vv(past.ask)[0])
            for number, past in enumerate(self.before, start=1)
        )

    @property
    def digest(self) -> str:
        """A hash of what is sent. Checks are not part of it: new checks need no new answers."""
        sent = [self.ask, [[past.question, past.answer] for past in self.history]]
        return hashlib.sha256(json.dumps(sent).encode()).hexdigest()[:16]


def load_questions(path: Path) -> dict[str, Question]:
    """Read the shipped questions and the owner's file, if any, or raise `InvalidSettings`."""
    questions = parse_questions(prompts.read("rice.toml"), source="rice.toml")
    if not path.exists():
        return questions
    try:
        return questions | parse_questions(path.read_text("utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidSettings(
            [(str(path), describe_read_error(exc), "a readable text file")]
        ) from None


def parse_questions(text: str, *, source: str) -> dict[str, Question]:
    """Parse a questions file, or raise `InvalidSettings` with every problem in it."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise InvalidSettings([(source, describe_read_error(exc), "a valid TOML file")]) from None
    questions: dict[str, Question] = {}
    problems: list[tuple[str, str, str]] = []
    for name, table in tables.items():
        try:
            questions[name] = Question.model_validate(table, context=name)
        except ValidationError as exc:
            # Several faults in one list get the same words.
            errors = dict.fromkeys(_describe_error(error) for error in exc.errors())
            problems += [(f"{source}: {name}", problem, expected) for problem, expected in errors]
    if problems:
        raise InvalidSettings(problems)
    return questions


EXPECTED_TYPES = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "a string",
    "tuple_type": "a list of strings",
}


def _describe_error(error: ErrorDetails) -> tuple[str, str]:
    """Say what is wrong with a question and what would be right."""
    field = str(error["loc"][0]) if error["loc"] else ""
    match field, error["type"]:
        case "", "model_type":
            return "is not a table", 'a table with `ask = "…"`'
        case "before", _:
            return "`before` is not valid", '`before = [{ ask = "…", answer = "…" }]`'
        case _, "missing":
            return "has no question", ASK_EXAMPLE
        case _, "extra_forbidden":
            fields = list(Question.model_fields)
            similar = difflib.get_close_matches(field, fields, n=2)
            return f"`{field}` is not a known key", f"one of {', '.join(similar or fields)}"
        case "says", _:
            return "`says` is neither yes nor no", '`says = "yes"`'
        case _, "invalid":
            return error["ctx"]["problem"], error["ctx"]["expected"]
        case _, error_type:
            # A wrong element is reported like a wrong list.
            kind = error_type if len(error["loc"]) == 1 else "tuple_type"
            return f"`{field}` has the wrong type", EXPECTED_TYPES.get(kind, error["msg"])
