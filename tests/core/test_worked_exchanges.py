"""Worked exchanges in the language of the question."""

import pytest

from ambrosio.core.context_window import build_context
from ambrosio.core.languages import guess_language
from ambrosio.core.worked_exchanges import WORKED_EXCHANGES, worked_exchanges


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
