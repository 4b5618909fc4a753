"""The numbers of a run: how many passed, how sure that is, how long it took, what it cost.

Pure. What a number cannot be made of is None and shown as a dash.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from statistics import median

from . import checks
from .checks import CheckFailure
from .questions import Question
from .runner import Result

# The 97.5 % point of the normal distribution: intervals hold 95 of 100 times.
Z = 1.959964


@dataclass(frozen=True, slots=True)
class GradedSample:
    """A result and what the checks complain of."""

    result: Result
    complaints: tuple[CheckFailure, ...]

    @property
    def passed(self) -> bool:
        """Whether the answer is what was wanted; a failure is not."""
        return not self.complaints


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One model in one wording; shares and intervals from 0 to 1, times in seconds."""

    model: str
    wording: str
    judged: tuple[GradedSample, ...]
    asked: int
    passed: int
    failed: int
    interval: tuple[float, float]
    words: float | None
    first_seconds: float | None
    total_seconds: float | None
    tokens_per_second: float | None
    usd_per_question: Decimal | None
    right: int | None  # in the opinion of a judge, of those it has judged
    opinions: int

    @property
    def share(self) -> float:
        """How large a part passed."""
        return self.passed / self.asked

    @property
    def name(self) -> str:
        """The model, and the wording unless there is but one."""
        return f"{self.model} · {self.wording}" if self.wording else self.model


def examine(result: Result, question: Question) -> GradedSample:
    """Judge a result; a failure is a complaint of its own."""
    spoken = result.spoken
    if spoken.failure:
        return GradedSample(result, (CheckFailure("failure", spoken.failure),))
    return GradedSample(result, checks.examine(question, spoken.text, cut=spoken.cut))


def score_table(results: Iterable[Result], questions: Mapping[str, Question]) -> list[ScoreRow]:
    """Make a line for each model and wording, the best first, the faster of equals before."""
    results = list(results)
    several = len({result.wording for result in results}) > 1
    ordered = sorted(results, key=_whose)
    lines = [
        _line(
            model,
            wording if several else "",
            [examine(each, questions[each.question]) for each in group],
        )
        for (model, wording), group in groupby(ordered, key=_whose)
    ]
    return sorted(lines, key=lambda line: (-line.share, line.total_seconds or math.inf, line.name))


def _whose(result: Result) -> tuple[str, str]:
    return result.model, result.wording


def _line(model: str, wording: str, judged: Sequence[GradedSample]) -> ScoreRow:
    spoken = [each.result.spoken for each in judged if not each.result.spoken.failure]
    passed = sum(each.passed for each in judged)
    # Repeats of a question are no new evidence: the interval counts questions.
    questions = len({each.result.question for each in judged})
    prices = [each.usd for each in spoken]
    known = [usd for usd in prices if usd is not None]
    opinions = [each.result.opinion for each in judged if each.result.opinion]
    return ScoreRow(
        model=model,
        wording=wording,
        judged=tuple(judged),
        asked=len(judged),
        passed=passed,
        failed=len(judged) - len(spoken),
        interval=wilson(passed / len(judged), questions),
        words=_median(checks.count(each.text) for each in spoken),
        first_seconds=_median(each.first_seconds for each in spoken),
        total_seconds=_median(each.total_seconds for each in spoken),
        tokens_per_second=_speed(judged),
        usd_per_question=sum(known, Decimal(0)) / len(known) if known and known == prices else None,
        right=sum(each.right is True for each in opinions) if opinions else None,
        opinions=len(opinions),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None


def _speed(judged: Iterable[GradedSample]) -> float | None:
    """Divide all tokens by all the time they took: of one short answer it would mean nothing."""
    counted = [
        (each.result.spoken.completion_tokens - 1, each.result.spoken.speaking_seconds)
        for each in judged
        if each.result.spoken.completion_tokens
    ]
    tokens, seconds = sum(each[0] for each in counted), sum(each[1] for each in counted)
    return tokens / seconds if tokens > 0 and seconds > 0 else None


def wilson(share: float, count: int) -> tuple[float, float]:
    """Give the interval that a share, seen so many times, may really have (Wilson's, 95 %)."""
    if not count:
        return 0.0, 1.0
    square = Z * Z / count
    middle = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


# --- which wording helps which model --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """A wording against the first one, at one model: questions gained and lost by it."""

    model: str
    wording: str
    against: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def chance(self) -> float:
        """How often a coin would part them at least so far (the sign test, both sides)."""
        count = len(self.gained) + len(self.lost)
        fewer = min(len(self.gained), len(self.lost))
        tail: float = sum(math.comb(count, number) for number in range(fewer + 1)) / 2**count
        return min(1.0, 2.0 * tail)

    @property
    def says(self) -> str:
        """Say it in words, and no more than can be said."""
        if self.chance >= 0.05:
            return "makes no clear difference"
        return "helps" if len(self.gained) > len(self.lost) else "harms"

    @property
    def sentence(self) -> str:
        """Say all of it in one line."""
        counts = f"{len(self.gained)} questions gained and {len(self.lost)} lost"
        return (
            f"{self.model}: “{self.wording}” {self.says} "
            f"({counts} against “{self.against}”, p = {self.chance:.2f})"
        )


def compare(lines: Iterable[ScoreRow], wordings: Sequence[str]) -> list[Comparison]:
    """Set each wording against the first, for each model that was asked in both."""
    found = {(line.model, line.wording): line for line in lines}
    comparisons = []
    for model in dict.fromkeys(model for model, _ in found):
        first = found.get((model, wordings[0]))
        for wording in wordings[1:]:
            other = found.get((model, wording))
            if first and other:
                comparisons.append(_compared(first, other))
    return comparisons


def _compared(first: ScoreRow, other: ScoreRow) -> Comparison:
    before, after = _shares(first), _shares(other)
    both = [name for name in before if name in after]
    return Comparison(
        model=other.model,
        wording=other.wording,
        against=first.wording,
        gained=tuple(name for name in both if after[name] > before[name]),
        lost=tuple(name for name in both if after[name] < before[name]),
    )


def _shares(line: ScoreRow) -> dict[str, float]:
    """How often each question passed, over its repeats."""
    outcomes: dict[str, list[bool]] = {}
    for each in line.judged:
        outcomes.setdefault(each.result.question, []).append(each.passed)
    return {name: sum(passed) / len(passed) for name, passed in outcomes.items()}
