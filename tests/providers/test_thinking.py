"""Thoughts in the text are told from the answer, however the text is cut."""

from itertools import combinations, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ambrosio.providers.thinking import ThinkTagParser


def heard(pieces):
    parser, text, thinking = ThinkTagParser(), "", ""
    for piece in pieces:
        retracted = parser.retracts
        delta = parser.feed(piece)
        if parser.retracts and not retracted:
            text, thinking = "", text + thinking
        text, thinking = text + delta.text, thinking + delta.reasoning
    last = parser.end()
    return text + last.text, thinking + last.reasoning


def letters(pieces):
    """Hear without the order of the thoughts: what is taken back joins those before it."""
    text, thinking = heard(pieces)
    return text, sorted(thinking)


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
        ("<THINKING>a</THINKING>\n\nb", "b", "a"),
        ("[THINK]a[/THINK]b", "b", "a"),
        ("◁think▷a◁/think▷b", "b", "a"),
        ("<thought>a <thought>b</thought> c</thought>d", "d", "a <thought>b</thought> c"),
        ("<think>a</think><reasoning>b</reasoning>c", "c", "ab"),
        ("b\n<think>a</think>c", "b\nc", "a"),
        ("a\n</think>\n\nb", "b", "a\n"),
        ("<|channel>thought\na\n<channel|>b", "b", "a\n"),
        ("analysisA.assistantfinalB.", "B.", "A."),
        ("analysis of rice", "analysis of rice", ""),
        ("<|channel|>final<|message|>b<|return|>", "b", ""),
        ("b<|im_end|>", "b", ""),
        ("b</s>\n", "b\n", ""),
        ("`<think>` opens", "`<think>` opens", ""),
        ("```\n<think>\n</think>\n```\nb", "```\n<think>\n</think>\n```\nb", ""),
        ("Write <think> first", "Write <think> first", ""),
    ],
)
def test_every_cut_gives_the_same(said, text, thought):
    for count in range(3):
        for places in combinations(range(len(said) + 1), count):
            assert heard(cut(said, places)) == (text, thought)
    assert heard(said) == (text, thought)


@example(["<think>", "<", "</think>", "<", "\n", "</think>"])
@given(st.lists(st.sampled_from(["<", "think>", "</", "</think>", "<think>", "a", " ", "\n", "é"])))
def test_any_text_is_the_same_letter_by_letter_and_at_once(parts):
    text = "".join(parts)

    assert letters(parts) == letters(text) == letters([text])


@given(st.text(alphabet="<>/think ab"))
def test_words_without_thoughts_are_not_touched(text):
    if "<think>" not in text:
        assert heard(text) == (text, "")
