"""What is read aloud is what a person would read aloud."""

import pytest

from ambrosio.markdown.spoken import MAX_CHARACTERS, spoken

SAID = {
    "prose": ("Lima is the **capital** of _Peru_.", "Lima is the capital of Peru."),
    "a heading": ("# Rice\n\nBoil it.", "Rice.\nBoil it."),
    "a list": ("Take:\n- rice\n- salt", "Take:\nrice.\nsalt."),
    "a numbered list": ("1. Boil.\n2. Serve.", "1. Boil.\n2. Serve."),
    "code": ("Type this:\n\n```python\nprint(1)\n```\n\nThat is all.", "Type this:\nThat is all."),
    "only code": ("```python\nprint(1)\n```", ""),
    "a word of code": ("Use `ls -a` for that.", "Use ls -a for that."),
    "a table": (
        "Compare:\n\n| rice | time |\n|---|---|\n| basmati | 12 |\n\nBasmati wins.",
        "Compare:\nBasmati wins.",
    ),
    "a wide table": (
        "| a | b | c | d | e | f |\n|---|---|---|---|---|---|\n| 1 | 2 | 3 | 4 | 5 | 6 |\n",
        "",
    ),
    "bars in prose": ("a|b is a choice.", "a|b is a choice."),
    "a link": ("See [the manual](https://example.org/x).", "See the manual."),
    "an address": ("See https://example.org/a?b=c for more.", "See for more."),
    "a formula": ("So:\n$$x^2 + y^2$$\nIt is a circle.", "So:\nIt is a circle."),
    "a rule": ("One.\n\n---\n\nTwo.", "One.\nTwo."),
    "a quote": ("> To be.", "To be."),
    "an emoji before code": ("Look 👍:\n```\nx\n```\nDone.", "Look 👍:\nDone."),
    "another script": ("東京は晴れです。", "東京は晴れです。"),
    "nothing": ("***", ""),
}


@pytest.mark.parametrize(("markdown", "said"), SAID.values(), ids=SAID)
def test_words_are_read_and_the_rest_is_left_out(markdown, said):
    assert spoken(markdown) == said


@pytest.mark.parametrize("sentence", ["Number one two three. ", "数は一二三。", "word " * 900])
def test_a_long_answer_is_cut_at_a_sentence(sentence):
    said = spoken(sentence * 1000)

    assert MAX_CHARACTERS * 0.9 < len(said) <= MAX_CHARACTERS
    assert said.endswith((".", "。", "word"))
