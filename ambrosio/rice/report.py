"""A report: what is said of a run, as JSON, and in the few lines that a phone has room for."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .questions import Question
from .runner import Result
from .statistics import Comparison, GradedSample, ScoreRow, compare, score_table

DASH = "–"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told of a run; `notes` say what did not go as it should."""

    when: str
    questions: Mapping[str, Question]
    lines: tuple[ScoreRow, ...]
    comparisons: tuple[Comparison, ...] = ()
    judge: str = ""
    notes: tuple[str, ...] = ()


def report(
    results: Iterable[Result],
    questions: Mapping[str, Question],
    wordings: Iterable[object],
    *,
    when: str,
    judge: str = "",
    notes: Iterable[str] = (),
) -> Report:
    """Work everything out; only questions that were asked are part of it."""
    results = list(results)
    asked = {result.question for result in results}
    lines = tuple(score_table(results, questions))
    return Report(
        when=when,
        questions={name: each for name, each in questions.items() if name in asked},
        lines=lines,
        comparisons=tuple(compare(lines, [str(each) for each in wordings])),
        judge=judge,
        notes=tuple(notes),
    )


# --- numbers as people read them ------------------------------------------------------------------


def seconds(value: float | None) -> str:
    """Write a time."""
    if value is None:
        return DASH
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def rate(value: float | None) -> str:
    """Write tokens per second."""
    return DASH if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def dollars(value: Decimal | None) -> str:
    """Write what a thousand questions cost: one costs less than anybody can read."""
    if value is None:
        return DASH
    return f"${value * 1000:.3f}" if value else "free"


def count(value: float | None) -> str:
    """Write a median of whole numbers, which may fall between two."""
    return DASH if value is None else f"{value:g}"


def opinions(line: ScoreRow) -> str:
    """Write how many of the answers that were judged are right in the judge's opinion."""
    return f"{line.right} of {line.opinions}" if line.opinions else DASH


def interval(line: ScoreRow) -> str:
    """Write between what the share lies, in percent."""
    low, high = line.interval
    return f"{low * 100:.0f}–{high * 100:.0f} %"


def cells(line: ScoreRow, told: Report) -> list[str]:
    """Put the numbers of a line into words, in the order of the table's columns."""
    return [
        f"{line.passed} of {line.asked}",
        interval(line),
        count(line.words),
        seconds(line.first_seconds),
        seconds(line.total_seconds),
        rate(line.tokens_per_second),
        dollars(line.usd_per_question),
        str(line.failed or ""),
        *([opinions(line)] if told.judge else []),
    ]


# --- JSON -----------------------------------------------------------------------------------------


def as_json(told: Report) -> str:
    """Write everything down for a program; times in seconds, shares from 0 to 1."""
    packed = {
        "when": told.when,
        "questions": len(told.questions),
        "models": [_line(line, told) for line in told.lines],
        "comparisons": [
            {
                "model": each.model,
                "wording": each.wording,
                "against": each.against,
                "gained": each.gained,
                "lost": each.lost,
                "p": round(each.chance, 4),
                "says": each.says,
            }
            for each in told.comparisons
        ],
        "judge": told.judge or None,
        "notes": told.notes,
    }
    return json.dumps(packed, indent=2, ensure_ascii=False)


def _line(line: ScoreRow, told: Report) -> dict[str, Any]:
    usd = line.usd_per_question
    return {
        "model": line.model,
        "wording": line.wording or None,
        "asked": line.asked,
        "passed": line.passed,
        "failed": line.failed,
        "interval": [round(bound, 4) for bound in line.interval],
        "median_words": line.words,
        "median_first_seconds": line.first_seconds,
        "median_total_seconds": line.total_seconds,
        "tokens_per_second": line.tokens_per_second,
        "usd_per_question": None if usd is None else float(usd),
        "judged_right": line.right,
        "judged": line.opinions,
        "answers": [_answer(each, told) for each in line.judged],
    }


def _answer(each: GradedSample, told: Report) -> dict[str, Any]:
    spoken, opinion = each.result.spoken, each.result.opinion
    return {
        "question": each.result.question,
        "ask": told.questions[each.result.question].ask,
        "answer": spoken.text,
        "passed": each.passed,
        "complaints": [str(complaint) for complaint in each.complaints],
        "served": spoken.served,
        "first_seconds": spoken.first_seconds,
        "total_seconds": spoken.total_seconds,
        "opinion": opinion.says if opinion else None,
    }


# --- the phone ------------------------------------------------------------------------------------


def message(told: Report) -> str:
    """Write the run down in Markdown for a phone: a paragraph for each model, then the failures."""
    if not told.lines:
        return "\n\n".join(["There is no answer to tell of.", *told.notes])
    parts = []
    for line in told.lines:
        figures = [
            f"{line.passed} of {line.asked}",
            f"{count(line.words)} {'word' if line.words == 1 else 'words'}",
            seconds(line.total_seconds),
            dollars(line.usd_per_question) + (" per 1,000" if line.usd_per_question else ""),
        ]
        rows = [f"**{line.name}**", ", ".join(figures)]
        missed = [each.result.question for each in line.judged if not each.passed]
        rows += [f"✗ {', '.join(missed)}"] if missed else []
        parts.append("  \n".join(rows))
    return "\n\n".join([*parts, *told.notes])
