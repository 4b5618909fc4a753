"""Statistics checked against values computed elsewhere, and the report that shows them."""

import xml.etree.ElementTree as ET
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from ambrosio.markdown import render
from ambrosio.rice import judge, questions, statistics, svg_chart
from ambrosio.rice.html_report import html_report
from ambrosio.rice.report import (
    as_json,
    as_message,
    build_report,
    format_cost,
    format_rate,
    format_seconds,
)
from ambrosio.rice.runner import JudgeVerdict, TrialResult
from ambrosio.rice.sampler import Sample

KNOWN = questions.parse_questions(
    """
    [rice]
    ask = "vv jasmin or basmati?"
    max_words = 3
    one_of = ["jasmin", "basmati"]
    [peru]
    ask = "vv capital of Peru?"
    max_words = 3
    contains = ["Lima"]
    before = [{ ask = "vv <b>hello</b>", answer = "Hi & bye" }]
    """,
    source="test",
)


def result(question_id, text="", *, model="m", variant="shipped", repeat=1, verdict=None, **fields):
    key = (question_id, model, variant, repeat)
    return TrialResult(key, variant, Sample(text, **fields), verdict)


@pytest.mark.parametrize(
    ("passed", "count", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (8, 10, 0.4902, 0.9433),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilson_interval_matches_published_values(passed, count, low, high):
    assert statistics.wilson(passed / count, count) == pytest.approx((low, high), abs=5e-5)


def test_no_trials_give_the_widest_interval():
    assert statistics.wilson(0.0, 0) == (0.0, 1.0)


def test_a_row_matches_a_calculation_by_hand():
    usd = [Decimal("0.001"), Decimal("0.003")]
    times = {"generation_seconds": 2.0, "prompt_tokens": 9}
    results = [
        result(
            "rice",
            "Basmati.",
            first_seconds=1.0,
            total_seconds=3.0,
            completion_tokens=11,
            usd=usd[0],
            **times,
        ),
        result(
            "peru",
            "Cusco it is",
            first_seconds=2.0,
            total_seconds=5.0,
            completion_tokens=31,
            usd=usd[1],
            **times,
        ),
        result("rice", failure="m had a fault", repeat=2),
    ]

    (line,) = statistics.score_table(results, KNOWN)

    assert (line.asked, line.passed, line.failed) == (3, 1, 1)
    assert line.share == pytest.approx(1 / 3)
    assert (line.median_words, line.first_seconds, line.total_seconds) == (2, 1.5, 4)
    assert line.tokens_per_second == pytest.approx((10 + 30) / 4)
    assert line.usd_per_question == Decimal("0.002")


def test_repeats_do_not_narrow_the_interval():
    once = statistics.score_table([result("rice", "Basmati.")], KNOWN)
    often = statistics.score_table([result("rice", "Basmati.", repeat=n) for n in range(20)], KNOWN)

    assert often[0].passed == 20
    assert often[0].interval == once[0].interval


def test_an_unknown_price_makes_the_average_unknown():
    results = [result("rice", "Basmati.", usd=Decimal(1)), result("peru", "Lima", usd=None)]

    assert statistics.score_table(results, KNOWN)[0].usd_per_question is None


def test_rows_are_sorted_by_share_and_then_by_time():
    results = [
        result("rice", "Basmati.", model="slow", total_seconds=9.0),
        result("rice", "Bulgur.", model="wrong", total_seconds=0.1),
        result("rice", "Basmati.", model="fast", total_seconds=1.0),
    ]

    assert [line.model for line in statistics.score_table(results, KNOWN)] == [
        "fast",
        "slow",
        "wrong",
    ]


@pytest.mark.parametrize(
    ("gained", "lost", "p_value", "conclusion"),
    [
        (0, 0, 1.0, "makes no clear difference"),
        (5, 0, 0.0625, "makes no clear difference"),
        (6, 0, 0.03125, "helps"),
        (0, 6, 0.03125, "hurts"),
        (9, 1, 0.02148, "helps"),
        (3, 3, 1.0, "makes no clear difference"),
    ],
)
def test_a_prompt_helps_only_if_chance_is_unlikely(gained, lost, p_value, conclusion):
    names = ("q",) * 9
    comparison = statistics.Comparison("m", "b", "a", names[:gained], names[:lost])

    assert comparison.p_value == pytest.approx(p_value, abs=1e-5)
    assert comparison.conclusion == conclusion


def test_prompts_are_compared_question_by_question():
    results = [
        result("rice", "Bulgur.", variant="a"),
        result("peru", "Lima", variant="a"),
        result("rice", "Basmati.", variant="b"),
        result("peru", "Cusco", variant="b"),
        result("rice", "Basmati.", variant="b", model="only b"),
    ]

    (comparison,) = statistics.compare(statistics.score_table(results, KNOWN), ["a", "b"])

    assert (comparison.model, comparison.gained, comparison.lost) == ("m", ("rice",), ("peru",))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("RIGHT: Lima is it.", True),
        ("**Wrong** – Cusco is not.", False),
        ("right", True),
        ("UNCLEAR", None),
        ("The answer is right.", None),
        ("Rightly so", None),
        ("", None),
    ],
)
def test_the_judges_first_word_is_its_verdict(text, right):
    assert judge.parse_verdict(text) is right


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (format_seconds(None), "–"),
        (format_seconds(0.456), "0.46 s"),
        (format_seconds(75.2), "75 s"),
        (format_rate(3.14), "3.1"),
        (format_rate(120.6), "121"),
        (format_rate(None), "–"),
        (format_cost(Decimal(0)), "free"),
        (format_cost(Decimal("0.000035")), "$0.0350"),
        (format_cost(None), "–"),
    ],
)
def test_numbers_are_formatted(shown, text):
    assert shown == text


# --- the chart ------------------------------------------------------------------------------------


def circles_of(xs, *, logarithmic, shares=None):
    points = [
        svg_chart.Point(rank, "model", x, (shares or [0.5] * 99)[rank - 1], (0.4, 0.6))
        for rank, x in enumerate(xs, start=1)
    ]
    figure = svg_chart.scatter(points, title="t", x_label="x", logarithmic=logarithmic)
    svg = ET.fromstring(figure)
    return [
        (float(circle.attrib["cx"]), float(circle.attrib["cy"]), float(circle.attrib["r"]))
        for circle in svg.iter("circle")
    ]


@pytest.mark.parametrize("logarithmic", [True, False])
@pytest.mark.parametrize("xs", [[1.0], [0.0], [0.0, 0.0], [0.02, 0.3, 41.0], [1e-5, 2e-5], [300.0]])
def test_every_point_is_inside_the_chart(xs, logarithmic):
    circles = circles_of(xs, logarithmic=logarithmic)

    assert len(circles) == 2 * len(xs)
    assert all(
        svg_chart.LEFT <= x <= svg_chart.WIDTH and 0 <= y <= svg_chart.HEIGHT for x, y, _ in circles
    )


def test_points_are_placed_by_value_and_badges_do_not_overlap():
    circles = circles_of([1.0, 1.0, 2.0], logarithmic=False)
    marks = [(x, y) for x, y, radius in circles if radius < svg_chart.RADIUS]
    badges = [(x, y) for x, y, radius in circles if radius == svg_chart.RADIUS]

    assert marks[0] == marks[1] != marks[2]
    assert len(set(badges)) == 3
    high = circles_of([1.0, 1.0], logarithmic=False, shares=[1.0, 0.0])
    assert (high[0][1], high[1][1]) == (svg_chart.TOP, svg_chart.HEIGHT - svg_chart.BOTTOM)


# --- the page -------------------------------------------------------------------------------------

VOID = {"meta", "input", "br"}


class Reader(HTMLParser):
    """Checks that every tag is closed, and collects the text and what is loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.words, self.loads, self.tags = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in {"src", "href", "srcset"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def report(*results, **fields):
    return build_report(results, KNOWN, ["shipped"], when="today", **fields)


def test_the_page_is_well_formed_and_loads_nothing():
    evil = "<script>alert(1)</script><img src=http://example.org/x>"
    shown = html_report(
        report(
            result("rice", evil, model="<i>m</i>", total_seconds=1.0),
            result("peru", "Lima", model="n", total_seconds=2.0, usd=Decimal("0.01")),
            result("peru", failure="n & co failed", model="n", repeat=2),
            judge="<judge>",
            notes=["a <note>"],
        )
    )
    reader = Reader()
    reader.feed(shown)

    assert reader.open == []
    assert reader.loads == []
    assert "script" not in reader.tags
    assert "img" not in reader.tags
    words = "".join(reader.words)
    for text in (evil, "<i>m</i>", "vv <b>hello</b>", "Hi & bye", "n & co failed", "a <note>"):
        assert text in words
    assert reader.tags.count("svg") == 2


def test_questions_that_all_passed_are_marked():
    shown = html_report(report(result("rice", "Basmati."), result("peru", "Cusco")))

    assert '<section class="question clean" id="rice">' in shown
    assert '<section class="question" id="peru">' in shown


def test_identical_answers_are_shown_once():
    shown = html_report(report(*[result("rice", "Basmati.", repeat=number) for number in range(3)]))

    assert shown.count('<div class="text">Basmati.</div>') == 1
    assert "3 times" in shown


def test_free_models_get_no_cost_chart():
    assert html_report(report(result("rice", "Basmati.", usd=Decimal(0)))).count("<svg") == 1


def test_the_message_is_short():
    text = as_message(
        report(
            result("rice", "Basmati.", total_seconds=1.0, usd=Decimal("0.00002")),
            result("peru", "Cusco", total_seconds=2.0, usd=Decimal("0.00004")),
            notes=["Stopped. These are the results so far."],
        )
    )

    assert text == (
        "**m**  \n1 of 2 right, 1 word, 1.50 s, $0.0300 per 1,000  \n"
        "✗ vv capital of Peru? – “Cusco”; wanted: “Lima”, in at most 3 words\n\n"
        "Stopped. These are the results so far."
    )


@pytest.mark.parametrize(
    "said", ["f(x)", "(so) **bold**", "[a](b)", r"\(x\)", "$5 and $6", "a_b_c"]
)
def test_an_answer_is_shown_as_it_was_written(said):
    (chunk,) = render(as_message(report(result("rice", said)))).chunks

    assert f"“{said}”" in chunk.text


def test_an_empty_report_says_so():
    assert as_message(report(notes=["No money."])) == "There are no answers to report.\n\nNo money."
    assert '"models": []' in as_json(report())
    assert "The rice test" in html_report(report())


def test_a_verdict_is_attributed_to_the_judge():
    verdict = JudgeVerdict("wise/w", correct=False, text="WRONG: it is Lima.")
    shown = html_report(report(result("peru", "Lima", verdict=verdict), judge="wise/w"))

    assert "wise/w: WRONG: it is Lima." in shown
    assert "0 of 1" in shown
    assert "* according to wise/w; does not count towards passing" in shown
