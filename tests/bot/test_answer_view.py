"""The notes under an answer: in italics, and what can be typed as code, the way it can be typed."""

import pytest

from ambrosio.assistant.answer import Answer
from ambrosio.bot.answer_view import AnswerStyle, render_answer
from ambrosio.config import program
from ambrosio.core.errors import NoProvider
from ambrosio.core.messages import Chat, OutgoingMessage, Turn


@pytest.mark.parametrize(
    ("text", "kinds"), [("", ["code"]), ("Ohé 👋", ["italic", "code", "italic"])]
)
def test_a_command_in_a_note_can_be_typed_as_it_stands(monkeypatch, text, kinds):
    monkeypatch.setenv(program.IN_CONTAINER, "docker exec a ambrosio")
    answer = Answer(Turn(Chat(1), 1, 1, "tea?"), text, failure=NoProvider())

    [sent] = render_answer(answer, style=AnswerStyle(for_owner=True))

    assert isinstance(sent, OutgoingMessage)
    content = sent.content
    encoded = content.text.encode("utf-16-le")
    shown = {
        entity.type: encoded[2 * entity.offset :][: 2 * entity.length].decode("utf-16-le")
        for entity in content.entities
    }
    assert content.text.startswith(text)
    assert "`" not in content.text
    assert shown["code"] == "docker exec a ambrosio doctor"
    assert [entity.type for entity in content.entities] == kinds
