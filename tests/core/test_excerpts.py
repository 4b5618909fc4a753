"""What a model is shown of a long text."""

from hypothesis import given
from hypothesis import strategies as st

from ambrosio.core.context_window import estimate_tokens
from ambrosio.core.excerpts import LEFT_OUT, choose_excerpt

FILLER = [f"Paragraph {n} tells of many other things. " * 5 for n in range(60)]


def test_a_short_text_is_shown_as_it_is():
    assert (
        choose_excerpt("Rice\n\n\nis dear", "what is dear?", max_tokens=100) == "Rice\n\n\nis dear"
    )


def test_the_beginning_and_what_the_question_asks_for_are_shown():
    text = "\n\n".join(["Rice news", *FILLER, "The basmati harvest fell by 12 %.", *FILLER, "End"])

    shown = choose_excerpt(text, "How was the basmati harvest?", max_tokens=900)

    assert shown.startswith("Rice news\n\nParagraph 0")
    assert "fell by 12 %" in shown
    assert LEFT_OUT in shown
    assert estimate_tokens(shown) <= 1000


def test_a_text_without_paragraphs_is_cut():
    shown = choose_excerpt("word " * 50_000, "x", max_tokens=900)

    assert 1_000 < len(shown) < 3_000


@given(st.text(alphabet="ab \n", max_size=8_000), st.text(max_size=20), st.integers(60, 2_000))
def test_it_never_gets_longer_than_it_may_or_tells_what_is_not_there(text, question, max_tokens):
    shown = choose_excerpt(text, question, max_tokens=max_tokens)

    assert estimate_tokens(shown) <= max(max_tokens * 1.3, 120)
    assert all(part == LEFT_OUT or part in text for part in shown.split("\n\n") if shown != text)
