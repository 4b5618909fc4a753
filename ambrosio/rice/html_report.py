"""The report as one self-contained HTML page: scores, charts and all answers.

All text from models and files is escaped. The page loads nothing and runs no scripts.
"""

from collections.abc import Iterator, Mapping
from html import escape
from importlib import resources

from .questions import Question
from .report import Report, answer_cells, cells
from .statistics import GradedSample, ScoreRow
from .svg_chart import Point, scatter
from .wanted import describe_wanted

COLUMNS = (
    "passed",
    "95 % interval",
    "right length",
    "right content",
    "median words",
    "first word",
    "whole answer",
    "tokens/s",
    "per 1,000 questions",
    "failed calls",
)


def html_report(report: Report) -> str:
    """Write the whole page."""
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    body = "\n".join(
        [
            *_heading(report),
            *_score_table(report),
            *_charts(report),
            *_prompt_table(report),
            *_answer_section(report),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>The rice test, {escape(report.when)}</title>\n<style>\n{style}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _heading(report: Report) -> Iterator[str]:
    concise = sum(question.concise for question in report.questions.values())
    ordinary = len(report.questions) - concise
    yield "<h1>The rice test</h1>"
    counts = [f"{concise} vv questions, which ask for the shortest answer"]
    counts += [f"{ordinary} ordinary ones, which need a full answer"] if ordinary else []
    yield (
        f'<p class="quiet">{escape(report.when)} · {" · ".join(counts)} · checked by a program</p>'
    )
    if report.judge:
        yield (
            f'<p class="quiet">* according to {escape(report.judge)}; '
            "does not count towards passing</p>"
        )
    for note in report.notes:
        yield f"<p>{escape(note)}</p>"


def _score_table(report: Report) -> Iterator[str]:
    columns = [*COLUMNS, *(["correct*"] if report.judge else [])]
    headers = "".join(f"<th>{escape(column)}</th>" for column in columns)
    yield '<div class="scroll"><table><thead><tr><th class="name">model</th><th></th>'
    yield f"{headers}</tr></thead><tbody>"
    for rank, row in enumerate(report.rows, start=1):
        yield (
            f'<tr class="m{rank % 6}"><td class="name">{_badge(rank)}{escape(row.name)}</td>'
            f"<td>{_bar(row)}</td>"
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells(row, report))
            + "</tr>"
        )
    yield "</tbody></table></div>"


def _badge(rank: int) -> str:
    return f'<span class="badge m{rank % 6}">{rank}</span>'


def _bar(row: ScoreRow) -> str:
    low, high = row.interval
    return (
        f'<div class="bar"><i style="width:{row.share:.1%}"></i>'
        f'<b style="left:{low:.1%};width:{high - low:.1%}"></b></div>'
    )


def _charts(report: Report) -> Iterator[str]:
    ranked = list(enumerate(report.rows, start=1))
    times = [
        _point(rank, row, row.total_seconds)
        for rank, row in ranked
        if row.total_seconds is not None
    ]
    costs = [
        _point(rank, row, float(row.usd_per_question * 1000))
        for rank, row in ranked
        if row.usd_per_question is not None
    ]
    yield '<h2>Quality against time and cost</h2><div class="charts">'
    if times:
        label = "seconds to the whole answer (median)"
        yield scatter(times, title="Passed, by time", x_label=label, logarithmic=True)
    if any(point.x for point in costs):
        label = "US dollars per 1,000 questions"
        yield scatter(costs, title="Passed, by cost", x_label=label, logarithmic=False)
    yield "</div>"


def _point(rank: int, row: ScoreRow, x: float) -> Point:
    return Point(rank, row.name, x, row.share, row.interval)


def _prompt_table(report: Report) -> Iterator[str]:
    if not report.comparisons:
        return
    baseline = report.comparisons[0].baseline
    yield f"<h2>Which prompt helps which model, compared with “{escape(baseline)}”</h2>"
    yield '<div class="scroll"><table class="prompts"><thead><tr><th class="name">model</th>'
    yield '<th class="name">prompt</th><th class="name"></th><th>gained</th><th>lost</th>'
    yield '<th title="probability of such a difference by chance">p</th></tr></thead><tbody>'
    for comparison in report.comparisons:
        names = (comparison.model, comparison.variant, comparison.conclusion)
        counts = (str(len(comparison.gained)), str(len(comparison.lost)))
        row = [f'<td class="name">{escape(name)}</td>' for name in names]
        row += [f"<td>{number}</td>" for number in (*counts, f"{comparison.p_value:.2f}")]
        yield f"<tr>{''.join(row)}</tr>"
    yield "</tbody></table></div>"


# --- the answers ----------------------------------------------------------------------------------


def _answer_section(report: Report) -> Iterator[str]:
    answers = [_group_by_question(row) for row in report.rows]
    yield "<h2>The answers, side by side</h2>"
    yield (
        '<div class="filter"><label><input type="radio" name="show" checked> all questions</label>'
        '<label><input type="radio" name="show" id="missed"> only questions with a failed answer'
        "</label></div>"
    )
    for kind in dict.fromkeys(question.kind for question in report.questions.values()):
        yield f'<div class="kind"><h2>{escape(kind.capitalize())}</h2>'
        for question in report.questions.values():
            if question.kind == kind:
                yield from _question_section(question, report, answers)
        yield "</div>"


def _group_by_question(row: ScoreRow) -> dict[str, list[GradedSample]]:
    answers: dict[str, list[GradedSample]] = {}
    for answer in row.graded:
        answers.setdefault(answer.result.question_id, []).append(answer)
    return answers


def _question_section(
    question: Question, report: Report, answers: list[dict[str, list[GradedSample]]]
) -> Iterator[str]:
    by_rank = [(rank, found.get(question.id, [])) for rank, found in enumerate(answers, start=1)]
    clean = all(answer.passed for _, graded in by_rank for answer in graded)
    yield f'<section class="question{" clean" if clean else ""}" id="{escape(question.id)}">'
    for turn in question.history:
        text = f"{'vv ' if turn.concise else ''}{turn.question}"
        yield f'<div class="before">{escape(text)}<br>→ {escape(turn.answer)}</div>'
    yield f"<h3>{escape(question.ask)}</h3>"
    yield f'<p class="quiet">Wanted: {escape(describe_wanted(question))}</p><div class="answers">'
    for rank, graded in by_rank:
        for answer, times in _distinct(graded).values():
            yield _answer(rank, report.rows[rank - 1].name, answer, times)
    yield "</div></section>"


def _distinct(graded: list[GradedSample]) -> Mapping[str, tuple[GradedSample, int]]:
    """Merge answers with the same text, and count them."""
    distinct: dict[str, tuple[GradedSample, int]] = {}
    for answer in graded:
        text = answer.result.sample.text or answer.result.sample.failure
        first, times = distinct.get(text, (answer, 0))
        distinct[text] = (first, times + 1)
    return distinct


def _answer(rank: int, name: str, answer: GradedSample, times: int) -> str:
    sample, verdict = answer.result.sample, answer.result.verdict
    failures = "".join(f"<li>{escape(str(failure))}</li>" for failure in answer.failures)
    details = [f"{times} times"] if times > 1 else []
    if not sample.failure:
        length, content, seconds, cost = answer_cells(answer)
        details += [f"length {length}", f"content {content}", seconds, cost]
    details += [f"{verdict.judge}: {verdict.text}"] if verdict else []
    text = f'<div class="text">{escape(sample.text)}</div>' if sample.text else ""
    return (
        f'<div class="answer{"" if answer.passed else " bad"}"><div class="who">{_badge(rank)}'
        f"{escape(name)}</div>{text}"
        f'<div class="meta">{escape(" · ".join(details))}</div>'
        + (f'<ul class="failures">{failures}</ul>' if failures else "")
        + "</div>"
    )
