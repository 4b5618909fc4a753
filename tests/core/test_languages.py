"""Guessing a language."""

import pytest

from ambrosio.core.default_questions import TO_CONTINUE, to_continue
from ambrosio.core.languages import COMMON_WORDS, guess_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("jasmin or basmati rice with falafel?", "en"),
        ("Jasmin oder Basmati zu Falafel?", "de"),
        ("riz jasmin ou basmati avec des falafels ?", "fr"),
        ("riso jasmin o basmati con i falafel?", "it"),
        ("¿arroz jazmín o basmati con falafel?", "es"),
        ("jasmijn of basmati bij falafel?", "nl"),
        ("Hauptstadt von Frankreich?", "de"),
        ("capitale de l'Espagne ?", "fr"),
        ("capitale della Francia?", "it"),
        ("¿capital de Francia?", "es"),
        ("hoofdstad van Frankrijk?", "nl"),
        ("capital of Peru?", "en"),
        ("WIE LANGE KOCHT EIN EI", "de"),
        # English, or too little to tell.
        ("no sugar in crème brûlée?", "en"),
        ("die hard or matrix?", "en"),
        ("what does de facto mean", "en"),
        ("17 * 3", "en"),
        ("am I too late?", "en"),
        ("", "en"),
        # A language that is not known here.
        ("столица Франции?", "en"),
        ("法国的首都是哪里", "en"),
    ],
)
def test_the_language_of_a_text_is_guessed(text, language):
    assert guess_language(text) == language


def test_the_rest_of_an_answer_is_asked_for_in_its_language():
    assert TO_CONTINUE.keys() == COMMON_WORDS.keys()
    assert to_continue("Es war einmal ein Bäcker, der nicht schlafen") == TO_CONTINUE["de"]
    assert to_continue("Once upon a time there was") == TO_CONTINUE["en"]
    assert to_continue("Жил-был пекарь") == TO_CONTINUE["en"]
