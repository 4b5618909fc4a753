"""Which texts and passages a search shows."""

import pytest

from ambrosio.core.word_search import MAX_TERMS, choose_passage, order_by_relevance, terms_of


@pytest.mark.parametrize(
    ("words", "terms"),
    [
        ("Crème RICE", [("creme", False), ("rice", False)]),
        ("vv C 7", [("vv", True), ("c", True), ("7", True)]),
        ("米", [("米", False)]),
        ("rice Rice rìce", [("rice", False)]),
        ('" -- * … 🍚', []),
        ("don't", [("don't", False)]),
    ],
)
def test_short_words_are_whole_and_each_counts_once(words, terms):
    assert [(term.text, term.whole) for term in terms_of(words)] == terms


def test_a_search_as_long_as_a_message_is_cut():
    assert len(terms_of(" ".join(f"word{number}" for number in range(900)))) == MAX_TERMS


@pytest.mark.parametrize(
    ("words", "texts", "order"),
    [
        ("rice", ["tea", "rice", "price"], [1]),
        ("rice", ["rice and much else besides, of many words", "rice, rice"], [1, 0]),
        ("rice", ["rice one", "rice two"], [0, 1]),
        ("rice falafel", ["rice", "rice rice rice", "rice", "falafel"], [3, 1, 0, 2]),
        ("creme", ["CRÈME brûlée", "cream"], [0]),
        ("c", ["a cat", "C and C++"], [1]),
        ("basm", ["Basmati"], [0]),
        ("rice", [], []),
    ],
)
def test_texts_are_ordered_by_what_they_hold(words, texts, order):
    assert order_by_relevance(texts, terms_of(words)) == order


WORDS = " ".join(f"w{number}" for number in range(30))


@pytest.mark.parametrize(
    ("words", "texts", "passage"),
    [
        ("rice", ["rice?", "Basmati rice."], "rice?"),
        ("rice basmati", ["rice?", "Basmati rice."], "Basmati rice."),
        ("w10", [WORDS], "… w9 w10 w11 w12 w13 w14 …"),
        ("w0", [WORDS], "w0 w1 w2 w3 w4 w5 …"),
        ("w29", [WORDS], "… w24 w25 w26 w27 w28 w29"),
        ("w3 w20 w22", [WORDS], "… w19 w20 w21 w22 w23 w24 …"),
        ("Brûlée", ["A crème BRULEE!"], "A crème BRULEE!"),
        ("don't", ["", "I don't"], "I don't"),
        ("rice", ["", ""], ""),
    ],
)
def test_the_passage_with_most_of_the_words_is_quoted(words, texts, passage):
    assert choose_passage(texts, terms_of(words), 6) == passage
