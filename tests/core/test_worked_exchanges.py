"""Worked exchanges in the language of the question."""

import pytest

from ambrosio.core.context_window import build_context
from ambrosio.core.worked_exchanges import WORKED_EXCHANGES, guess_language, worked_exchanges


@pytest.mark.parametrize(
    ("question", "language"),
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
        ("", "en"),
        # A language without exchanges.
        ("столица Франции?", "en"),
        ("法国的首都是哪里", "en"),
    ],
)
def test_the_language_of_a_question_is_guessed(question, language):
    assert guess_language(question) == language


@pytest.mark.parametrize("language", WORKED_EXCHANGES)
def test_each_language_knows_its_own_questions(language):
    exchanges = WORKED_EXCHANGES[language]

    assert guess_language(f"{exchanges.first[0]} {exchanges.line[0]}") == language


def test_a_german_question_has_german_exchanges():
    context = build_context("Be kind.", (), "wie lange kocht ein Ei?", concise=True)

    assert [message.content for message in context.messages[1:3]] == [
        "vv sind Wale Fische?",
        "Nein.",
    ]


@pytest.mark.parametrize(
    ("shape", "answer"), [("line", "Tea."), ("text", "Tea."), ("code", "`ls -a`")]
)
def test_the_last_exchange_shows_the_shape(shape, answer):
    assert worked_exchanges("how is it?", shape)[-1][1] == answer
