"""Numbers against numbers worked out elsewhere, and the page that shows them."""

import xml.etree.ElementTree as ET
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from ambrosio.rice import judge, questions, statistics, svg_chart
from ambrosio.rice.html_report import html_report
from ambrosio.rice.report import as_json, dollars, message, rate, report, seconds
from ambrosio.rice.runner import JudgeVerdict, Result
from ambrosio.rice.sampler import Sample

KNOWN = questions.parse(
    """
    [rice]
    ask = "vv jasmin or basmati?"
    words = 3
    one_of = ["jasmin", "basmati"]
    [peru]
    ask = "vv capital of Peru?"
    words = 3
    contains = ["Lima"]
    before = [{ ask = "vv <b>hello</b>", answer = "Hi & bye" }]
    """,
    source="test",
)


def result(question, text="", *, model="m", wording="shipped", repeat=1, opinion=None, **spoken):
    return Result((question, model, wording, repeat), wording, Sample(text, **spoken), opinion)


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
def test_wilsons_interval_is_that_of_the_books(passed, count, low, high):
    assert statistics.wilson(passed / count, count) == pytest.approx((low, high), abs=5e-5)


def test_of_nothing_nothing_is_known():
    assert statistics.wilson(0.0, 0) == (0.0, 1.0)


def test_a_line_is_what_one_works_out_by_hand():
    usd = [Decimal("0.001"), Decimal("0.003")]
    times = {"speaking_seconds": 2.0, "prompt_tokens": 9}
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
    assert (line.words, line.first_seconds, line.total_seconds) == (2, 1.5, 4)
    assert line.tokens_per_second == pytest.approx((10 + 30) / 4)
    assert line.usd_per_question == Decimal("0.002")


def test_repeats_make_nobody_surer():
    once = statistics.score_table([result("rice", "Basmati.")], KNOWN)
    often = statistics.score_table([result("rice", "Basmati.", repeat=n) for n in range(20)], KNOWN)

    assert often[0].passed == 20
    assert often[0].interval == once[0].interval


def test_an_unknown_price_makes_the_average_unknown():
    results = [result("rice", "Basmati.", usd=Decimal(1)), result("peru", "Lima", usd=None)]

    assert statistics.score_table(results, KNOWN)[0].usd_per_question is None


def test_the_best_comes_first_and_of_equals_the_faster():
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
    ("gained", "lost", "chance", "says"),
    [
        (0, 0, 1.0, "makes no clear difference"),
        (5, 0, 0.0625, "makes no clear difference"),
        (6, 0, 0.03125, "helps"),
        (0, 6, 0.03125, "harms"),
        (9, 1, 0.02148, "helps"),
        (3, 3, 1.0, "makes no clear difference"),
    ],
)
def test_a_wording_helps_only_where_chance_would_not(gained, lost, chance, says):
    names = ("q",) * 9
    told = statistics.Comparison("m", "b", "a", names[:gained], names[:lost])

    assert told.chance == pytest.approx(chance, abs=1e-5)
    assert told.says == says


def test_wordings_are_compared_question_by_question():
    results = [
        result("rice", "Bulgur.", wording="a"),
        result("peru", "Lima", wording="a"),
        result("rice", "Basmati.", wording="b"),
        result("peru", "Cusco", wording="b"),
        result("rice", "Basmati.", wording="b", model="only b"),
    ]

    (told,) = statistics.compare(statistics.score_table(results, KNOWN), ["a", "b"])

    assert (told.model, told.gained, told.lost) == ("m", ("rice",), ("peru",))


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
def test_a_judges_first_word_is_its_verdict(text, right):
    assert judge.verdict(text) is right


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (seconds(None), "–"),
        (seconds(0.456), "0.46 s"),
        (seconds(75.2), "75 s"),
        (rate(3.14), "3.1"),
        (rate(120.6), "121"),
        (rate(None), "–"),
        (dollars(Decimal(0)), "free"),
        (dollars(Decimal("0.000035")), "$0.035"),
        (dollars(None), "–"),
    ],
)
def test_numbers_are_written_for_people(shown, text):
    assert shown == text


# --- the chart ------------------------------------------------------------------------------------


def drawn(xs, *, logarithmic, shares=None):
    points = [
        svg_chart.Point(rank, "model", x, (shares or [0.5] * 99)[rank - 1], (0.4, 0.6))
        for rank, x in enumerate(xs, start=1)
    ]
    figure = svg_chart.scatter(points, title="t", x_label="x", logarithmic=logarithmic)
    svg = ET.fromstring(figure)
    return [
        (float(each.attrib["cx"]), float(each.attrib["cy"]), float(each.attrib["r"]))
        for each in svg.iter("circle")
    ]


@pytest.mark.parametrize("logarithmic", [True, False])
@pytest.mark.parametrize("xs", [[1.0], [0.0], [0.0, 0.0], [0.02, 0.3, 41.0], [1e-5, 2e-5], [300.0]])
def test_every_point_is_inside_of_its_chart(xs, logarithmic):
    circles = drawn(xs, logarithmic=logarithmic)

    assert len(circles) == 2 * len(xs)
    assert all(
        svg_chart.LEFT <= x <= svg_chart.WIDTH and 0 <= y <= svg_chart.HEIGHT for x, y, _ in circles
    )


def test_marks_stand_where_they_belong_and_badges_beside_each_other():
    circles = drawn([1.0, 1.0, 2.0], logarithmic=False)
    marks = [(x, y) for x, y, radius in circles if radius < svg_chart.RADIUS]
    badges = [(x, y) for x, y, radius in circles if radius == svg_chart.RADIUS]

    assert marks[0] == marks[1] != marks[2]
    assert len(set(badges)) == 3
    high = drawn([1.0, 1.0], logarithmic=False, shares=[1.0, 0.0])
    assert (high[0][1], high[1][1]) == (svg_chart.TOP, svg_chart.HEIGHT - svg_chart.BOTTOM)


# --- the page -------------------------------------------------------------------------------------

VOID = {"meta", "input", "br"}


class Reader(HTMLParser):
    """Sees to it that what is opened is closed, and keeps the words and what is loaded."""

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


def told(*results, **given):
    return report(results, KNOWN, ["shipped"], when="today", **given)


def test_the_page_is_whole_and_loads_nothing():
    evil = "<script>alert(1)</script><img src=http://example.org/x>"
    shown = html_report(
        told(
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


def test_what_is_clean_can_be_left_out():
    shown = html_report(told(result("rice", "Basmati."), result("peru", "Cusco")))

    assert '<section class="question clean" id="rice">' in shown
    assert '<section class="question" id="peru">' in shown


def test_the_same_words_are_shown_once():
    shown = html_report(told(*[result("rice", "Basmati.", repeat=number) for number in range(3)]))

    assert shown.count('<div class="text">Basmati.</div>') == 1
    assert "3 times" in shown


def test_what_nobody_has_paid_for_is_no_chart():
    assert html_report(told(result("rice", "Basmati.", usd=Decimal(0)))).count("<svg") == 1


def test_the_phone_is_told_in_a_few_lines():
    said = message(
        told(
            result("rice", "Basmati.", total_seconds=1.0, usd=Decimal("0.00002")),
            result("peru", "Cusco", total_seconds=2.0, usd=Decimal("0.00004")),
            notes=["Stopped; this is what there was until then."],
        )
    )

    assert said == (
        "**m**  \n1 of 2, 1 word, 1.50 s, $0.030 per 1,000  \n✗ peru\n\n"
        "Stopped; this is what there was until then."
    )


def test_a_report_on_nothing_says_so():
    assert message(told(notes=["No money."])) == "There is no answer to tell of.\n\nNo money."
    assert '"models": []' in as_json(told())
    assert "The rice test" in html_report(told())


def test_an_opinion_is_shown_as_one():
    opinion = JudgeVerdict("wise/w", right=False, says="WRONG: it is Lima.")
    shown = html_report(told(result("peru", "Lima", opinion=opinion), judge="wise/w"))

    assert "wise/w thinks: WRONG: it is Lima." in shown
    assert "0 of 1" in shown
    assert "* in the opinion of wise/w, no part of passing" in shown
