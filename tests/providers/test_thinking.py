"""Thoughts in the text are told from the answer, however the text is cut."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambrosio.providers.thinking import ThinkTagParser


def heard(pieces):
    sieve = ThinkTagParser()
    deltas = [*map(sieve.feed, pieces), sieve.end()]
    return "".join(each.text for each in deltas), "".join(each.reasoning for each in deltas)


def cut(text, places):
    borders = [0, *places, len(text)]
    return [text[a:b] for a, b in pairwise(borders)]


@pytest.mark.parametrize(
    ("said", "text", "thought"),
    [
        ("", "", ""),
        ("tea", "tea", ""),
        ("<think>a</think>b", "b", "a"),
        ("<think></think>b", "b", ""),
        (" \n<think>a</think>\n\n b c ", "b c ", "a"),
        ("<think>a", "", "a"),
        ("<think>a</thin", "", "a</thin"),
        ("<think>a</think>", "", "a"),
        ("<think>a < b </ c</think>b", "b", "a < b </ c"),
        ("<think>a</think>b<think>c</think>", "b<think>c</think>", "a"),
        ("b<think>a</think>", "b<think>a</think>", ""),
        ("b</think>", "b</think>", ""),
        ("<thin", "<thin", ""),
        ("<thing>", "<thing>", ""),
        ("  indented", "  indented", ""),
        ("<b>bold</b>", "<b>bold</b>", ""),
    ],
)
def test_every_cut_gives_the_same(said, text, thought):
    for count in range(3):
        for places in combinations(range(len(said) + 1), count):
            assert heard(cut(said, places)) == (text, thought)
    assert heard(said) == (text, thought)


@given(st.lists(st.sampled_from(["<", "think>", "</", "</think>", "<think>", "a", " ", "\n", "é"])))
def test_any_text_is_the_same_letter_by_letter_and_at_once(parts):
    text = "".join(parts)

    assert heard(parts) == heard(text) == heard([text])


@given(st.text(alphabet="<>/think ab"))
def test_words_without_thoughts_are_not_touched(text):
    if "<think>" not in text:
        assert heard(text) == (text, "")
