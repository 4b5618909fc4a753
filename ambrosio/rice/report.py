"""The report of a run, as JSON and as a short message for a phone."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..core.costs import format_usd
from .questions import Question
from .runner import TrialResult
from .statistics import Comparison, GradedSample, ScoreRow, compare, score_table
from .wanted import describe_wanted

DASH = "–"
# On a phone; the HTML report has all of them, whole.
MAX_SHOWN_MISSES, MAX_SHOWN_CHARS = 3, 60
MARKS = re.compile(r"[\\`*_{}\[\]#+.!|~<>$-]")


@dataclass(frozen=True, slots=True)
class Report:
    """The results of a run, ready to be shown; `notes` say what did not go as planned."""

    when: str
    questions: Mapping[str, Question]
    rows: tuple[ScoreRow, ...]
    comparisons: tuple[Comparison, ...] = ()
    judge: str = ""
    notes: tuple[str, ...] = ()


def build_report(
    results: Iterable[TrialResult],
    questions: Mapping[str, Question],
    variants: Iterable[object],
    *,
    when: str,
    judge: str = "",
    notes: Iterable[str] = (),
) -> Report:
    """Compute the scores; questions that were not asked are left out."""
    results = list(results)
    asked = {result.question_id for result in results}
    rows = tuple(score_table(results, questions))
    return Report(
        when=when,
        questions={name: question for name, question in questions.items() if name in asked},
        rows=rows,
        comparisons=tuple(compare(rows, [str(variant) for variant in variants])),
        judge=judge,
        notes=tuple(notes),
    )


# --- formatting -----------------------------------------------------------------------------------


def format_seconds(value: float | None) -> str:
    """Write a time, like `0.46 s` or `75 s`."""
    if value is None:
        return DASH
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def format_rate(value: float | None) -> str:
    """Write tokens per second."""
    return DASH if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def format_cost(usd_per_question: Decimal | None) -> str:
    """Write the cost of a thousand questions; a single one costs too little to read."""
    if usd_per_question is None:
        return DASH
    return format_usd(usd_per_question * 1000) if usd_per_question else "free"


def answer_cells(answer: GradedSample) -> tuple[str, str, str, str]:
    """Format one answer's figures: right length and right content (✓ or ✗), time, cost."""
    sample = answer.result.sample
    if sample.failure:
        return ("✗", "✗", DASH, DASH)
    cost = DASH if sample.usd is None else format_usd(sample.usd) if sample.usd else "free"
    return (
        "✓" if answer.has_right_length else "✗",
        "✓" if answer.has_right_content else "✗",
        format_seconds(sample.total_seconds),
        cost,
    )


def format_count(value: float | None) -> str:
    """Write a median of whole numbers, which may fall between two of them."""
    return DASH if value is None else f"{value:g}"


def format_judged(row: ScoreRow) -> str:
    """Write how many of the judged answers are correct according to the judge."""
    return f"{row.judged_correct} of {row.judged_count}" if row.judged_count else DASH


def format_interval(row: ScoreRow) -> str:
    """Write the confidence interval in percent."""
    low, high = row.interval
    return f"{low * 100:.0f}–{high * 100:.0f} %"


def cells(row: ScoreRow, report: Report) -> list[str]:
    """Format a row's numbers in the order of the table's columns."""
    return [
        f"{row.passed} of {row.asked}",
        format_interval(row),
        f"{row.right_length}",
        f"{row.right_content}",
        format_count(row.median_words),
        format_seconds(row.first_seconds),
        format_seconds(row.total_seconds),
        format_rate(row.tokens_per_second),
        format_cost(row.usd_per_question),
        str(row.failed or ""),
        *([format_judged(row)] if report.judge else []),
    ]


# --- JSON -----------------------------------------------------------------------------------------


def as_json(report: Report) -> str:
    """Write the whole report as JSON; times in seconds, shares from 0 to 1."""
    fields = {
        "when": report.when,
        "questions": len(report.questions),
        "models": [_row_fields(row, report) for row in report.rows],
        "comparisons": [
            {
                "model": comparison.model,
                "prompt": comparison.variant,
                "baseline": comparison.baseline,
                "gained": comparison.gained,
                "lost": comparison.lost,
                "p": round(comparison.p_value, 4),
                "conclusion": comparison.conclusion,
            }
            for comparison in report.comparisons
        ],
        "judge": report.judge or None,
        "notes": report.notes,
    }
    return json.dumps(fields, indent=2, ensure_ascii=False)


def _row_fields(row: ScoreRow, report: Report) -> dict[str, Any]:
    usd = row.usd_per_question
    return {
        "model": row.model,
        "prompt": row.variant or None,
        "asked": row.asked,
        "passed": row.passed,
        "right_length": row.right_length,
        "right_content": row.right_content,
        "failed": row.failed,
        "interval": [round(bound, 4) for bound in row.interval],
        "median_words": row.median_words,
        "median_first_seconds": row.first_seconds,
        "median_total_seconds": row.total_seconds,
        "tokens_per_second": row.tokens_per_second,
        "usd_per_question": None if usd is None else float(usd),
        "judged_correct": row.judged_correct,
        "judged": row.judged_count,
        "answers": [_answer_fields(answer, report) for answer in row.graded],
    }


def _answer_fields(answer: GradedSample, report: Report) -> dict[str, Any]:
    sample, verdict = answer.result.sample, answer.result.verdict
    return {
        "question": answer.result.question_id,
        "ask": report.questions[answer.result.question_id].ask,
        "answer": sample.text,
        "passed": answer.passed,
        "right_length": answer.has_right_length,
        "right_content": answer.has_right_content,
        "failed_checks": [str(failure) for failure in answer.failures],
        "served_by": sample.served_by,
        "first_seconds": sample.first_seconds,
        "total_seconds": sample.total_seconds,
        "usd": None if sample.usd is None else float(sample.usd),
        "verdict": verdict.text if verdict else None,
    }


# --- the message ----------------------------------------------------------------------------------


def as_message(report: Report) -> str:
    """Write the report in Markdown for a phone: one paragraph per model, then the notes."""
    if not report.rows:
        return "\n\n".join(["There are no answers to report.", *report.notes])
    return "\n\n".join([*(_paragraph(row, report.questions) for row in report.rows), *report.notes])


def _paragraph(row: ScoreRow, questions: Mapping[str, Question]) -> str:
    numbers = [
        f"{row.passed} of {row.asked} right",
        f"{format_count(row.median_words)} {'word' if row.median_words == 1 else 'words'}",
        format_seconds(row.total_seconds),
        format_cost(row.usd_per_question) + (" per 1,000" if row.usd_per_question else ""),
    ]
    lines = [f"**{row.name}**", ", ".join(numbers)]
    missed = [answer for answer in row.graded if not answer.passed]
    lines += [_missed(answer, questions) for answer in missed[:MAX_SHOWN_MISSES]]
    if len(missed) > MAX_SHOWN_MISSES:
        lines.append(f"… and {len(missed) - MAX_SHOWN_MISSES} more, in the report below")
    return "  \n".join(lines)


def _missed(answer: GradedSample, questions: Mapping[str, Question]) -> str:
    """Write the question, what was answered, and what was wanted."""
    question, sample = questions[answer.result.question_id], answer.result.sample
    if sample.failure:
        return f"✗ {_literal(question.ask)} – {_literal(sample.failure)}"
    said = " ".join(sample.text.split())
    shown = said if len(said) <= MAX_SHOWN_CHARS else f"{said[:MAX_SHOWN_CHARS].rstrip()}…"
    wanted = _literal(describe_wanted(question))
    return f"✗ {_literal(question.ask)} – “{_literal(shown)}”; wanted: {wanted}"


def _literal(text: str) -> str:
    """Escape Markdown; nobody's answer formats the message."""
    # Not parentheses: with a backslash, one begins a formula.
    return MARKS.sub(r"\\\g<0>", text)
