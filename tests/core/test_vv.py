"""What a vv question asks for."""

import pytest

from ambrosio.core.vv import plan_answer


@pytest.mark.parametrize(
    ("question", "shape"),
    [
        ("jasmin or basmati rice with falafel?", "line"),
        ("10 miles in km", "line"),
        ("who wrote this song?", "line"),
        ("vitamin c?", "line"),
        ("haiku about rain", "text"),
        ("write my landlord a letter", "text"),
        ("Gedicht über den Herbst", "text"),
        ("translate: hello\n\nworld", "text"),
        ("translate: good morning", "line"),
        ("python: reverse the list xs in place", "code"),
        ("regex for four digits", "code"),
        ("Befehl für freien Speicher", "code"),
        ("list three flowers", "list"),
        ("name 3 rivers", "list"),
        ("pros and cons of a car", "list"),
    ],
)
def test_a_question_asks_for_a_shape(question, shape):
    assert plan_answer(question).shape == shape


def test_a_long_question_may_have_a_long_answer():
    plan = plan_answer("translate: " + "word " * 100)

    assert plan.max_words > 100
    assert plan.max_tokens > 300
