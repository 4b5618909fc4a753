"""The statistics of a run: how many answers passed, how certain that is, and times and costs.

Pure. A value that cannot be computed is None.
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
from .runner import TrialResult

# The 97.5 % quantile of the normal distribution, for 95 % confidence intervals.
Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class GradedSample:
    """A result and the checks it failed."""

    result: TrialResult
    failures: tuple[CheckFailure, ...]

    @property
    def passed(self) -> bool:
        """Whether there is an answer and it passed all checks."""
        return not self.failures

    @property
    def has_right_length(self) -> bool:
        """Whether there is an answer that says neither too much nor too little."""
        failed = any(failure.is_about_length for failure in self.failures)
        return not (self._is_missing or failed)

    @property
    def has_right_content(self) -> bool:
        """Whether there is an answer, however long, with what was asked for."""
        return not self._is_missing and all(failure.is_about_length for failure in self.failures)

    @property
    def _is_missing(self) -> bool:
        return bool(self.result.sample.failure)


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The scores of one model with one prompt; shares from 0 to 1, times in seconds."""

    model: str
    variant: str  # "" if the run has only one
    graded: tuple[GradedSample, ...]
    asked: int
    passed: int
    right_length: int
    right_content: int
    failed: int  # requests without an answer
    interval: tuple[float, float]  # 95 % confidence interval of `share`
    median_words: float | None
    first_seconds: float | None
    total_seconds: float | None
    tokens_per_second: float | None
    usd_per_question: Decimal | None
    judged_correct: int | None
    judged_count: int

    @property
    def share(self) -> float:
        """The share of answers that passed."""
        return self.passed / self.asked

    @property
    def name(self) -> str:
        """The model, with the prompt if the run has several."""
        return f"{self.model} · {self.variant}" if self.variant else self.model


def grade(result: TrialResult, question: Question) -> GradedSample:
    """Check a result's answer; a failed request counts as one failed check."""
    sample = result.sample
    if sample.failure:
        return GradedSample(result, (CheckFailure("failure", sample.failure),))
    return GradedSample(result, checks.check_answer(question, sample.text, cut=sample.cut))


def score_table(
    results: Iterable[TrialResult], questions: Mapping[str, Question]
) -> list[ScoreRow]:
    """Make one row per model and prompt, best share first, then the faster."""
    results = list(results)
    several = len({result.variant for result in results}) > 1
    ordered = sorted(results, key=_model_and_variant)
    rows = [
        _score_row(
            model,
            variant if several else "",
            [grade(result, questions[result.question_id]) for result in group],
        )
        for (model, variant), group in groupby(ordered, key=_model_and_variant)
    ]
    return sorted(rows, key=lambda row: (-row.share, row.total_seconds or math.inf, row.name))


def _model_and_variant(result: TrialResult) -> tuple[str, str]:
    return result.model, result.variant


def _score_row(model: str, variant: str, graded: Sequence[GradedSample]) -> ScoreRow:
    samples = [answer.result.sample for answer in graded if not answer.result.sample.failure]
    passed = sum(answer.passed for answer in graded)
    # Repeats of a question are not independent, so the interval counts questions.
    questions = len({answer.result.question_id for answer in graded})
    verdicts = [answer.result.verdict for answer in graded if answer.result.verdict]
    return ScoreRow(
        model=model,
        variant=variant,
        graded=tuple(graded),
        asked=len(graded),
        passed=passed,
        right_length=sum(answer.has_right_length for answer in graded),
        right_content=sum(answer.has_right_content for answer in graded),
        failed=len(graded) - len(samples),
        interval=wilson(passed / len(graded), questions),
        median_words=_median(checks.count_words(sample.text) for sample in samples),
        first_seconds=_median(sample.first_seconds for sample in samples),
        total_seconds=_median(sample.total_seconds for sample in samples),
        tokens_per_second=_tokens_per_second(graded),
        usd_per_question=_mean_cost([sample.usd for sample in samples]),
        judged_correct=sum(verdict.correct is True for verdict in verdicts) if verdicts else None,
        judged_count=len(verdicts),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None


def _mean_cost(costs: Sequence[Decimal | None]) -> Decimal | None:
    """Return the mean, or None if one of the costs is unknown."""
    known = [usd for usd in costs if usd is not None]
    return sum(known, Decimal(0)) / len(known) if known and len(known) == len(costs) else None


def _tokens_per_second(graded: Iterable[GradedSample]) -> float | None:
    """Divide all tokens by all seconds; the rate of a single short answer would mean nothing."""
    counted = [
        # The first token marks the start of the time.
        (answer.result.sample.completion_tokens - 1, answer.result.sample.generation_seconds)
        for answer in graded
        if answer.result.sample.completion_tokens
    ]
    tokens = sum(tokens for tokens, _ in counted)
    seconds = sum(seconds for _, seconds in counted)
    return tokens / seconds if tokens > 0 and seconds > 0 else None


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share of `count` trials (Wilson score)."""
    if not count:
        return 0.0, 1.0
    square = Z_95 * Z_95 / count
    middle = (share + square / 2) / (1 + square)
    half = Z_95 * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


# --- comparing prompts ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """A prompt against the first one, for one model: ids of the questions gained and lost."""

    model: str
    variant: str
    baseline: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def p_value(self) -> float:
        """The probability of a difference at least this large by chance (two-sided sign test)."""
        count = len(self.gained) + len(self.lost)
        fewer = min(len(self.gained), len(self.lost))
        tail: float = sum(math.comb(count, number) for number in range(fewer + 1)) / 2**count
        return min(1.0, 2.0 * tail)

    @property
    def conclusion(self) -> str:
        """What the difference shows, in words that follow the prompt's name."""
        if self.p_value >= 0.05:
            return "makes no clear difference"
        return "helps" if len(self.gained) > len(self.lost) else "hurts"

    @property
    def summary(self) -> str:
        """The comparison in one line."""
        counts = f"{len(self.gained)} questions gained and {len(self.lost)} lost"
        return (
            f"{self.model}: “{self.variant}” {self.conclusion} "
            f"({counts} against “{self.baseline}”, p = {self.p_value:.2f})"
        )


def compare(rows: Iterable[ScoreRow], variants: Sequence[str]) -> list[Comparison]:
    """Compare each prompt with the first, for each model that was asked with both."""
    by_name = {(row.model, row.variant): row for row in rows}
    comparisons = []
    for model in dict.fromkeys(model for model, _ in by_name):
        baseline = by_name.get((model, variants[0]))
        for variant in variants[1:]:
            other = by_name.get((model, variant))
            if baseline and other:
                comparisons.append(_compare_rows(baseline, other))
    return comparisons


def _compare_rows(baseline: ScoreRow, other: ScoreRow) -> Comparison:
    before, after = _share_by_question(baseline), _share_by_question(other)
    both = [question_id for question_id in before if question_id in after]
    return Comparison(
        model=other.model,
        variant=other.variant,
        baseline=baseline.variant,
        gained=tuple(name for name in both if after[name] > before[name]),
        lost=tuple(name for name in both if after[name] < before[name]),
    )


def _share_by_question(row: ScoreRow) -> dict[str, float]:
    """Return how often each question passed, over its repeats."""
    outcomes: dict[str, list[bool]] = {}
    for answer in row.graded:
        outcomes.setdefault(answer.result.question_id, []).append(answer.passed)
    return {question_id: sum(passed) / len(passed) for question_id, passed in outcomes.items()}
