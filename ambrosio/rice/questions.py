"""The questions: what is asked, and what an answer must be like.

They stand in a TOML file, a table for each, named by its id. The shipped file can be extended by
one of the owner's, where a table with a known id takes the place of the shipped one.
"""

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..config import prompts
from ..config.settings import describe_read_error
from ..core.context_window import PastTurn
from ..core.errors import InvalidSettings
from ..core.vv import split_vv
from .language import LANGUAGES


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer is checked for; a string with "|" in it lists what is equally good."""

    words: int | None = None  # at most
    least_words: int | None = None
    code: bool = False  # code was asked for
    one_of: tuple[str, ...] = ()
    best: str = ""  # the one of them that is right
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    matches: str = ""
    says: str = ""  # yes or no
    unsure: bool = False  # nobody can know it, and the answer admits it
    number: float | None = None
    within: float = 0.02  # how far off the number may be, as a share of it
    unit: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `quick` ones make the short run, `private` ones never leave the machine."""

    id: str
    ask: str
    kind: str
    expected: Expected
    before: tuple[PastTurn, ...] = ()
    quick: bool = False
    private: bool = False

    @property
    def concise(self) -> bool:
        """Whether the shortest answer is wanted."""
        return split_vv(self.ask)[0]

    @property
    def words(self) -> str:
        """The question as the assistant gets it, without the "vv"."""
        return split_vv(self.ask)[1].strip()

    @property
    def digest(self) -> str:
        """Tell whether the same was asked: changed checks need no new answers."""
        asked = [self.ask, [[past.question, past.answer] for past in self.before]]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]


def gather(own: Path) -> dict[str, Question]:
    """Read the shipped questions and those of the owner's file, or raise `InvalidSettings`."""
    questions = parse(prompts.read("rice.toml"), source="rice.toml")
    if not own.exists():
        return questions
    try:
        return questions | parse(own.read_text("utf-8"), source=str(own))
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidSettings(
            [(str(own), describe_read_error(exc), "expected a readable text file")]
        ) from None


def parse(text: str, *, source: str) -> dict[str, Question]:
    """Read a questions file, or raise `InvalidSettings` with all that is wrong with it."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise InvalidSettings(
            [(source, describe_read_error(exc), "expected a valid TOML file")]
        ) from None
    faults = [
        (f"{source}: {name}", wrong, right)
        for name, table in tables.items()
        for wrong, right in _faults(table)
    ]
    if faults:
        raise InvalidSettings(faults)
    return {name: _question(name, table) for name, table in tables.items()}


Table = Mapping[str, Any]
# What a table may hold, and of what type.
QUESTION: Mapping[str, type] = {
    "ask": str,
    "kind": str,
    "before": list,
    "quick": bool,
    "private": bool,
}
EXPECTED: Mapping[str, type] = {
    "words": int,
    "least_words": int,
    "code": bool,
    "one_of": list,
    "best": str,
    "contains": list,
    "lacks": list,
    "matches": str,
    "says": str,
    "unsure": bool,
    "number": float,
    "within": float,
    "unit": str,
    "language": str,
}
KNOWN = {**QUESTION, **EXPECTED}
NAMES = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}


def _faults(table: object) -> list[tuple[str, str]]:
    """List what is wrong with one question, each with what would be right."""
    if not isinstance(table, dict):
        return [("is no table", 'a table with `ask = "…"`')]
    faults: list[tuple[str, str]] = []
    for name, value in table.items():
        if name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, n=1)
            faults.append((f"`{name}` is not known", f"one of {', '.join(near or KNOWN)}"))
        elif not _fits(value, KNOWN[name]):
            faults.append((f"`{name}` is of the wrong type", NAMES[KNOWN[name]]))
    return faults or _nonsense(table)


def _nonsense(table: Table) -> list[tuple[str, str]]:
    """List what is of the right type and makes no sense."""
    asked, faults = str(table.get("ask", "")), []
    if not split_vv(asked)[1].strip():
        faults.append(("has no question", '`ask = "vv capital of Peru?"`'))
    elif split_vv(asked)[0] and "words" not in table:
        faults.append(("does not say how short a vv answer must be", "`words = 6`"))
    if table.get("says", "yes") not in {"yes", "no"}:
        faults.append(("`says` is neither yes nor no", '`says = "yes"`'))
    if table.get("language", "en") not in LANGUAGES:
        faults.append(("`language` is not known", f"one of {', '.join(LANGUAGES)}"))
    if any(not isinstance(past, dict) or set(past) != {"ask", "answer"} for past in _past(table)):
        faults.append(("`before` cannot be read", '`before = [{ ask = "…", answer = "…" }]`'))
    try:
        re.compile(str(table.get("matches", "")))
    except re.error as exc:
        faults.append((f"`matches` is no regular expression: {exc}", "see Python's `re`"))
    return faults


def _fits(value: object, kind: type) -> bool:
    # True is an int to Python.
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _question(name: str, table: Table) -> Question:
    wanted: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in table.items()
        if key in EXPECTED
    }
    before = tuple(
        PastTurn(number, split_vv(past["ask"])[1], past["answer"], split_vv(past["ask"])[0])
        for number, past in enumerate(_past(table), start=1)
    )
    given = {key: value for key, value in table.items() if key in QUESTION and key != "before"}
    return Question(name, **{"kind": "own", **given}, expected=Expected(**wanted), before=before)


def _past(table: Table) -> list[Any]:
    return cast("list[Any]", table.get("before", []))
