"""The report as one page of HTML that needs nothing beside it: numbers, charts, all the answers.

Everything that a model or a file has said is escaped; the page loads nothing and runs nothing.
"""

from collections.abc import Iterator, Mapping
from html import escape
from importlib import resources
from itertools import groupby

from .questions import Question
from .report import Report, cells, seconds
from .statistics import GradedSample, ScoreRow
from .svg_chart import Point, scatter

COLUMNS = (
    "passed",
    "95 % sure",
    "median words",
    "first word",
    "whole answer",
    "tokens/s",
    "per 1,000 questions",
    "failed calls",
)


def html_report(told: Report) -> str:
    """Lay the whole report out."""
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    body = "\n".join(
        [*_head(told), *_numbers(told), *_charts(told), *_words(told), *_answers(told)]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>The rice test, {escape(told.when)}</title>\n<style>\n{style}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _head(told: Report) -> Iterator[str]:
    concise = sum(question.concise for question in told.questions.values())
    ordinary = len(told.questions) - concise
    yield "<h1>The rice test</h1>"
    asked = [f"{concise} vv questions that want the shortest answer"]
    asked += [f"{ordinary} ordinary ones that must not be cut short"] if ordinary else []
    yield f'<p class="quiet">{escape(told.when)} · {", ".join(asked)} · checked by a program</p>'
    if told.judge:
        yield f'<p class="quiet">* in the opinion of {escape(told.judge)}, no part of passing</p>'
    for note in told.notes:
        yield f"<p>{escape(note)}</p>"


def _numbers(told: Report) -> Iterator[str]:
    columns = [*COLUMNS, *(["right*"] if told.judge else [])]
    heads = "".join(f"<th>{escape(column)}</th>" for column in columns)
    yield '<div class="scroll"><table><thead><tr><th class="name">model</th><th></th>'
    yield f"{heads}</tr></thead><tbody>"
    for rank, line in enumerate(told.lines, start=1):
        yield (
            f'<tr class="m{rank % 6}"><td class="name">{_badge(rank)}{escape(line.name)}</td>'
            f"<td>{_bar(line)}</td>"
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells(line, told))
            + "</tr>"
        )
    yield "</tbody></table></div>"


def _badge(rank: int) -> str:
    return f'<span class="badge m{rank % 6}">{rank}</span>'


def _bar(line: ScoreRow) -> str:
    low, high = line.interval
    return (
        f'<div class="bar"><i style="width:{line.share:.1%}"></i>'
        f'<b style="left:{low:.1%};width:{high - low:.1%}"></b></div>'
    )


def _charts(told: Report) -> Iterator[str]:
    timed = [(rank, line, line.total_seconds) for rank, line in enumerate(told.lines, start=1)]
    times = [_point(rank, line, time) for rank, line, time in timed if time is not None]
    priced = [(rank, line, line.usd_per_question) for rank, line, _ in timed]
    costs = [_point(rank, line, float(usd * 1000)) for rank, line, usd in priced if usd is not None]
    yield '<h2>Quality against time and cost</h2><div class="charts">'
    if times:
        label = "seconds to the whole answer (median)"
        yield scatter(times, title="Passed, against time", x_label=label, logarithmic=True)
    if any(point.x for point in costs):
        label = "US dollars for 1,000 questions"
        yield scatter(costs, title="Passed, against cost", x_label=label, logarithmic=False)
    yield "</div>"


def _point(rank: int, line: ScoreRow, x: float) -> Point:
    return Point(rank, line.name, x, line.share, line.interval)


def _words(told: Report) -> Iterator[str]:
    if not told.comparisons:
        return
    against = told.comparisons[0].against
    yield f"<h2>Which wording helps which model, compared with “{escape(against)}”</h2>"
    yield '<div class="scroll"><table class="wordings"><thead><tr><th class="name">model</th>'
    yield '<th class="name">wording</th><th class="name"></th><th>gained</th><th>lost</th>'
    yield '<th title="how often a coin would part them so far">p</th></tr></thead><tbody>'
    for each in told.comparisons:
        names = (each.model, each.wording, each.says)
        figures = (str(len(each.gained)), str(len(each.lost)), f"{each.chance:.2f}")
        cells = [f'<td class="name">{escape(name)}</td>' for name in names]
        cells += [f"<td>{figure}</td>" for figure in figures]
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _answers(told: Report) -> Iterator[str]:
    answers = [
        {name: list(group) for name, group in groupby(_by_question(line), key=_question_of)}
        for line in told.lines
    ]
    yield "<h2>The answers, side by side</h2>"
    yield (
        '<div class="filter"><label><input type="radio" name="show" checked> all questions</label>'
        '<label><input type="radio" name="show" id="missed"> only where something is missed'
        "</label></div>"
    )
    for kind in dict.fromkeys(question.kind for question in told.questions.values()):
        yield f'<div class="kind"><h2>{escape(kind.capitalize())}</h2>'
        for question in told.questions.values():
            if question.kind == kind:
                yield from _question(question, told, answers)
        yield "</div>"


def _by_question(line: ScoreRow) -> list[GradedSample]:
    return sorted(line.judged, key=_question_of)


def _question_of(judged: GradedSample) -> str:
    return judged.result.question


def _question(
    question: Question, told: Report, answers: list[dict[str, list[GradedSample]]]
) -> Iterator[str]:
    shown = [(rank, each.get(question.id, [])) for rank, each in enumerate(answers, start=1)]
    clean = all(judged.passed for _, all_judged in shown for judged in all_judged)
    yield f'<section class="question{" clean" if clean else ""}" id="{escape(question.id)}">'
    for past in question.before:
        words = f"{'vv ' if past.concise else ''}{past.question}"
        yield f'<div class="before">{escape(words)}<br>→ {escape(past.answer)}</div>'
    yield f'<h3>{escape(question.ask)}</h3><div class="answers">'
    for rank, judged in shown:
        for each, times in _distinct(judged).values():
            yield _answer(rank, told.lines[rank - 1].name, each, times)
    yield "</div></section>"


def _distinct(judged: list[GradedSample]) -> Mapping[str, tuple[GradedSample, int]]:
    """Show what was said several times over only once."""
    found: dict[str, tuple[GradedSample, int]] = {}
    for each in judged:
        words = each.result.spoken.text or each.result.spoken.failure
        first, times = found.get(words, (each, 0))
        found[words] = (first, times + 1)
    return found


def _answer(rank: int, name: str, judged: GradedSample, times: int) -> str:
    spoken, opinion = judged.result.spoken, judged.result.opinion
    complaints = "".join(f"<li>{escape(str(each))}</li>" for each in judged.complaints)
    meta = [f"{times} times"] if times > 1 else []
    meta += [] if spoken.failure else [seconds(spoken.total_seconds)]
    meta += [f"{opinion.judge} thinks: {opinion.says}"] if opinion else []
    text = f'<div class="text">{escape(spoken.text)}</div>' if spoken.text else ""
    return (
        f'<div class="answer{"" if judged.passed else " bad"}"><div class="who">{_badge(rank)}'
        f"{escape(name)}</div>{text}"
        f'<div class="meta">{escape(" · ".join(meta))}</div>'
        + (f'<ul class="complaints">{complaints}</ul>' if complaints else "")
        + "</div>"
    )
